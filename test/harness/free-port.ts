/**
 * A free port for a server that is started on it twice. The operating system picks it here and not for the first server,
 * because connections that end with a server on port 0 hold the port for a minute after: uWebSockets.js sets
 * SO_REUSEADDR only when the port is given.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
