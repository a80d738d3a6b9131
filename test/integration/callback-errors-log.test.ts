import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client } from '../harness/client.ts';
import { ServerProcess } from '../harness/server-process.ts';

const APP = fileURLToPath(new URL('../fixtures/failing-app.js', import.meta.url));

let server: ServerProcess;

beforeAll(async () => {
  server = await ServerProcess.start('--workers', '1', '--app', APP);
});
afterAll(() => server.stop());

describe('the log of a callback that fails', () => {
  it.each([
    ['throws', 'onText'],
    ['rejects', 'onText'],
    ['throws', 'onUpgrade'],
    ['rejects', 'onUpgrade'],
  ])('names connection, callback, loop and error when it %s: %s', async (how, callback) => {
    const client = await Client.open(server.url(`/${how}/${callback}`));
    const id = await client.next();
    client.send('text');
    expect((await client.closed).code).toBe(1011);
    const line = await server.line('callback failed', ({ connection }) => connection === id);
    expect(line).toMatchObject({
      level: 50,
      loop: 0,
      callback,
      err: { type: 'Error', message: 'on purpose' },
    });
    expect(line).toHaveProperty('err.stack', expect.stringContaining('failing-app.js'));
  });

  it('names the connection when code that hangs on onClose throws', async () => {
    const client = await Client.open(server.url('/throws/onClose'));
    const id = await client.next();
    client.socket.close(1000);
    const line = await server.line('callback failed', ({ connection }) => connection === id);
    expect(line).toMatchObject({ callback: 'onClose', err: { message: 'on purpose' } });
  });

  it.each([
    'undefined',
    'null',
    'text',
    'number',
    'bigint',
    'symbol',
    'bare',
    'circular',
    'throwing-getter',
    'revoked-proxy',
  ])(
    'is one whole line, and a neighbour is not harmed, when what was thrown is no Error: %s',
    { timeout: 5000 },
    async (value) => {
      const neighbour = await Client.open(server.url('/echo'));
      const lines = () => server.lines.filter(({ msg }) => msg === 'callback failed').length;
      const before = lines();
      const client = await Client.open(server.url(`/hostile/thrown/${value}`));
      client.send('text');
      expect(await client.closed).toEqual({ code: 1011, reason: 'internal error' });
      await server.line('callback failed', () => lines() > before);
      neighbour.send('unharmed');
      expect(await neighbour.next()).toBe('unharmed');
      neighbour.socket.terminate();
    },
  );
});

it('writes no line that is not JSON, and reports no fault of a loop, when callbacks fail in all these ways', async () => {
  expect(server.torn).toEqual([]);
  expect(server.stderr).toBe('');
  expect(server.lines.filter(({ msg }) => msg === 'uncaught error on the loop')).toEqual([]);
});
