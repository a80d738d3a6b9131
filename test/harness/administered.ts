/** An admin server without a server behind it: what it is asked to do is written down, and answered as the test says. */
import type { PublishResult, ServerStatus } from 'polyloop';
import { type Administered, AdminServer } from '../../src/primary/admin/admin-server.ts';
import { Admin } from './admin.ts';
import { sampleStatus } from './sample-status.ts';

export class FakeServer implements Administered {
  /** What was asked for, in order. */
  readonly done: unknown[] = [];
  status: () => ServerStatus = () => sampleStatus();
  publishResult: PublishResult = { ok: true, sequence: 7 };
  reload: () => Promise<void> = async () => void this.done.push('reload');

  shed(fraction: number): Promise<number> {
    this.done.push({ fraction });
    return Promise.resolve(3);
  }

  publish(channel: string, data: unknown, options?: unknown): PublishResult {
    this.done.push({ channel, data, options });
    return this.publishResult;
  }
}

/** `admin` talks to it at `host`. */
export interface Administration {
  readonly fake: FakeServer;
  readonly server: AdminServer;
  readonly port: number;
  readonly admin: Admin;
}

export async function administration(
  token: string | null = null,
  host = '127.0.0.1',
): Promise<Administration> {
  const fake = new FakeServer();
  const server = new AdminServer(fake);
  const port = await server.listen(host, 0, token);
  return { fake, server, port, admin: new Admin(port, host.includes(':') ? '::1' : '127.0.0.1') };
}
