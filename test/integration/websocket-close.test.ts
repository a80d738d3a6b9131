import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client } from '../harness/client.ts';
import { FixtureServer } from '../harness/fixture-server.ts';
import { closePayload, frame, Opcode } from '../harness/frames.ts';
import { RawClient } from '../harness/raw-client.ts';

/** What may appear in a close frame: RFC 6455 section 7.4 and the IANA registry. */
const CODES = [
  1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
];
/** Those that uWebSockets.js takes from a client; the others are in uws-limits.test.ts. */
const CODES_FROM_CLIENTS = CODES.filter((code) => code <= 1011 || code >= 4000);
const LONGEST_REASON = `${'✓'.repeat(40)}123`;

let server: FixtureServer;

beforeAll(async () => {
  server = await FixtureServer.start('remote-app.js');
});
afterAll(() => server.close());

describe('close', () => {
  it.each(CODES)('brings code and reason to both sides when the server closes with %i', async (code) => {
    const name = `server-${code}`;
    const client = await Client.open(server.url(`/remote/${name}`));
    await server.run(name, (ws, code) => ws.close(code, 'því miður'), code);
    expect(await client.closed).toEqual({ code, reason: 'því miður' });
    expect(await server.seen(name)).toEqual({ closed: { code, reason: 'því miður', wasClean: true } });
  });

  it('sends 1000 and no reason when called without arguments', async () => {
    const client = await Client.open(server.url('/remote/default'));
    await server.run('default', (ws) => ws.close());
    expect(await client.closed).toEqual({ code: 1000, reason: '' });
  });

  it.each([0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_536, -1, 1000.5])(
    'throws a RangeError and leaves the connection open when the code is %d',
    async (code) => {
      const name = `invalid-${code}`;
      const client = await Client.open(server.url(`/remote/${name}`));
      const attempt = server.run(name, (ws, code) => ws.close(code), code);
      await expect(attempt).rejects.toThrow(`RangeError: close code ${code} may not be sent`);
      expect(await server.run(name, (ws) => [ws.isClosed, ws.send('open')])).toEqual([false, 'sent']);
      expect(await client.next()).toBe('open');
      client.socket.terminate();
    },
  );

  it('sends a reason whole when it is as long as may be', async () => {
    const client = await Client.open(server.url('/remote/longest'));
    await server.run('longest', (ws, reason) => ws.close(1000, reason), LONGEST_REASON);
    expect(Buffer.byteLength(LONGEST_REASON)).toBe(123);
    expect(await client.closed).toEqual({ code: 1000, reason: LONGEST_REASON });
  });

  it.each([
    ['ascii', 'x'.repeat(124), 124],
    ['unicode', '✓'.repeat(42), 126],
  ])(
    'throws a RangeError and leaves the connection open when the %s reason has too many bytes',
    async (kind, reason, bytes) => {
      const name = `reason-${kind}`;
      const client = await Client.open(server.url(`/remote/${name}`));
      const attempt = server.run(name, (ws, reason) => ws.close(1000, reason), reason);
      await expect(attempt).rejects.toThrow(`RangeError: close reason has ${bytes} bytes`);
      expect(await server.run(name, (ws) => ws.isClosed)).toBe(false);
      client.socket.terminate();
    },
  );

  it('sends a reason that is valid UTF-8 when it holds a lone surrogate', async () => {
    const client = await Client.open(server.url('/remote/surrogate'));
    await server.run('surrogate', (ws) => ws.close(1000, 'a\ud800b'));
    expect(await client.closed).toEqual({ code: 1000, reason: 'a\ufffdb' });
  });
});

describe('a close frame from the client', () => {
  it.each(CODES_FROM_CLIENTS)(
    'is answered with its code and shown to onClose when it has code %i',
    async (code) => {
      const name = `client-${code}`;
      const client = await Client.open(server.url(`/remote/${name}`));
      client.socket.close(code, 'sjáumst');
      expect(await server.seen(name)).toEqual({ closed: { code, reason: 'sjáumst', wasClean: true } });
      expect((await client.closed).code).toBe(code);
    },
  );

  it('is shown as 1005 without a reason when it has no code', async () => {
    const client = await Client.open(server.url('/remote/no-code'));
    client.socket.close();
    expect(await server.seen('no-code')).toEqual({ closed: { code: 1005, reason: '', wasClean: true } });
    expect(await client.closed).toEqual({ code: 1005, reason: '' });
  });

  it('is shown whole when its reason is as long as may be', async () => {
    const client = await Client.open(server.url('/remote/long-goodbye'));
    client.socket.close(1000, LONGEST_REASON);
    expect(await server.seen('long-goodbye')).toEqual({
      closed: { code: 1000, reason: LONGEST_REASON, wasClean: true },
    });
  });

  it('is answered by closing the TCP connection', async () => {
    const raw = await RawClient.open(server.port, '/echo');
    raw.send(Opcode.close, closePayload(1000, 'over'));
    const { opcode, payload } = await raw.frame();
    expect([opcode, payload.readUInt16BE()]).toEqual([Opcode.close, 1000]);
    await raw.ended;
  });

  it('ends the connection, and what came before it is received, when it arrives in one segment with messages', async () => {
    const raw = await RawClient.open(server.port, '/remote/together');
    raw.write(
      Buffer.concat([
        frame(Opcode.text, 'one'),
        frame(Opcode.text, 'two'),
        frame(Opcode.close, closePayload(4001)),
        frame(Opcode.text, 'after the close frame'),
      ]),
    );
    expect(await server.seen('together')).toEqual({ text: 'one' });
    expect(await server.seen('together')).toEqual({ text: 'two' });
    expect(await server.seen('together')).toEqual({ closed: { code: 4001, reason: '', wasClean: true } });
    await raw.ended;
    expect(await server.unseen('together')).toEqual([]);
  });
});
