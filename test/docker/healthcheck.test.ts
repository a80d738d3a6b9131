/** docker/healthcheck.js, which a container runs in itself. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { freePort } from '../harness/free-port.ts';

async function check(environment: NodeJS.ProcessEnv): Promise<{ code: number; said: string }> {
  const child = spawn(process.execPath, ['docker/healthcheck.js'], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (text) => {
    said += text;
  });
  const [code] = (await once(child, 'close')) as [number];
  return { code, said };
}

/** Something that answers /readyz as the admin server does. Returns its port. */
async function startAdmin(status: number, text: string): Promise<string> {
  const admin = createServer((req, res) => res.writeHead(req.url === '/readyz' ? status : 404).end(text));
  admin.listen(0, '127.0.0.1');
  await once(admin, 'listening');
  onTestFinished(async () => {
    admin.closeAllConnections();
    admin.close();
    await once(admin, 'close');
  });
  return String((admin.address() as AddressInfo).port);
}

it.each(['', '0.0.0.0', '127.0.0.1', 'localhost', '::'])(
  'exits with 0 when the server is ready and its admin host is "%s"',
  async (host) => {
    const port = await startAdmin(200, 'ready\n');
    const outcome = await check({ POLYLOOP_ADMIN_PORT: port, POLYLOOP_ADMIN_HOST: host });
    expect(outcome).toEqual({ code: 0, said: '200 ready\n\n' });
  },
);

it('exits with 1 and says why when the server is not ready', async () => {
  const port = await startAdmin(503, 'draining');
  expect(await check({ POLYLOOP_ADMIN_PORT: port })).toEqual({ code: 1, said: '503 draining\n' });
});

it('exits with 1 and says why when nobody listens', async () => {
  const { code, said } = await check({ POLYLOOP_ADMIN_PORT: String(await freePort()) });
  expect(code).toBe(1);
  expect(said).toContain('ECONNREFUSED');
});

it('exits with 0 when there is no admin server', async () => {
  expect(await check({ POLYLOOP_ADMIN_PORT: '0' })).toEqual({ code: 0, said: '' });
});
