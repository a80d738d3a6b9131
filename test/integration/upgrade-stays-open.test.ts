/**
 * `HttpResponse::cork` of uWebSockets can close a connection that is upgraded inside it after an await (uWebSockets#1929): one in
 * a hundred, in one process of four, as the memory happens to lie. Hence several processes, and many connections in each.
 */
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { RawClient } from '../harness/raw-client.ts';
import { ServerProcess } from '../harness/server-process.ts';

const APP = fileURLToPath(new URL('../fixtures/upgrade-app.js', import.meta.url));
const PROCESSES = 20;
const CONNECTIONS = 300;

/** The app sends its first message after another await, so that only an open connection brings it. */
async function isLost(port: number): Promise<boolean> {
  const raw = await RawClient.open(port, '/request/x/', { 'Sec-WebSocket-Protocol': 'a, b' });
  const lost = await raw.frame().then(
    () => false,
    () => true,
  );
  raw.socket.destroy();
  return lost;
}

it('keeps every connection open when its handshake was accepted after an await', async () => {
  let lost = 0;
  for (let run = 0; run < PROCESSES; run++) {
    const server = await ServerProcess.start('--workers', '1', '--app', APP);
    for (let i = 0; i < CONNECTIONS; i++) if (await isLost(server.port)) lost++;
    expect((await server.stop()).code).toBe(0);
    expect(server.stderr).toBe('');
  }
  expect(lost).toBe(0);
});
