import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import type { SecureVersion } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client } from '../harness/client.ts';
import { FixtureServer } from '../harness/fixture-server.ts';
import { RawClient } from '../harness/raw-client.ts';
import { tlsHandshake, tlsOptions, trusting } from '../harness/tls.ts';

const CLIENTS = 20;
const LARGE_BYTES = 60_000;
/** The first bytes of a ClientHello: a record of 512 bytes that begins a handshake message. */
const HALF_HELLO = '\x16\x03\x01\x02\x00\x01\x00';

describe.each(['primary', 'reuseport'] as const)('TLS with --accept %s', (accept) => {
  let server: FixtureServer;

  beforeAll(async () => {
    server = await FixtureServer.start('tls-app.js', { ...tlsOptions('one'), accept, workers: 2 });
  });
  afterAll(() => server.close());

  const url = (path: string): string => `wss://127.0.0.1:${server.port}${path}`;
  const open = (path: string): Promise<Client> => Client.open(url(path), [], trusting('one'));
  const openMany = (path: string): Promise<Client[]> =>
    Promise.all(Array.from({ length: CLIENTS }, () => open(path)));

  it.each(['/now', '/late'])('serves a client that verifies the certificate: %s', async (path) => {
    for (const client of await openMany(path)) {
      client.send('text');
      expect(await client.next()).toBe('text');
      const bytes = Buffer.alloc(LARGE_BYTES, 7);
      client.send(bytes);
      expect(bytes.equals((await client.next()) as Buffer)).toBe(true);
      client.socket.close(1000);
      expect(await client.closed).toEqual({ code: 1000, reason: '' });
    }
  });

  it('delivers to the subscribers of every loop, in order', async () => {
    const clients = await openMany('/room');
    for (const client of clients) expect(await client.next()).toBe('subscribed');
    const texts = Array.from({ length: 50 }, (_, i) => `${i}: ${'x'.repeat(1000)}`);
    for (const text of texts) clients[0]?.send(text);
    for (const client of clients) {
      for (const text of texts) expect(await client.next()).toBe(text);
      client.socket.terminate();
    }
  });

  it('gives the fetch handler a URL with https', async () => {
    const request = get({ port: server.port, path: '/a?b', ...trusting('one'), host: '127.0.0.1' });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString()).toBe(`https://127.0.0.1:${server.port}/a?b`);
  });

  it('is refused by a client that expects another server', async () => {
    await expect(Client.open(url('/now'), [], trusting('one', 'two.test'))).rejects.toThrow(/two\.test/);
    await expect(Client.open(url('/now'), [], trusting('two'))).rejects.toThrow(/self-signed/);
  });

  it.each<SecureVersion>(['TLSv1.2', 'TLSv1.3'])('works when the client speaks %s', async (version) => {
    expect(await tlsHandshake(server.port, { version })).toEqual({ version, certificate: 'one.test' });
  });

  it.each<SecureVersion>(['TLSv1', 'TLSv1.1'])('is refused when the client speaks %s', async (version) => {
    await expect(tlsHandshake(server.port, { version })).rejects.toThrow(/protocol version/);
  });

  it('ends the connection of a client that speaks no TLS, and serves others', async () => {
    const raw = await RawClient.connect(server.port);
    raw.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await raw.ended;
    expect((await tlsHandshake(server.port)).certificate).toBe('one.test');
  });

  it('drops clients that do not finish their TLS handshake, and serves others meanwhile', async () => {
    const silent = await RawClient.connect(server.port);
    const stuck = await RawClient.connect(server.port);
    stuck.write(HALF_HELLO);
    expect((await tlsHandshake(server.port)).certificate).toBe('one.test');
    await Promise.all([silent.ended, stuck.ended]);
    expect((await tlsHandshake(server.port)).certificate).toBe('one.test');
  });

  it('allows only an https page as the same origin', async () => {
    const from = (origin: string) =>
      Client.open(url('/now'), [], { ...trusting('one'), headers: { Host: 'one.test' }, origin });
    (await from('https://one.test')).socket.terminate();
    await expect(from('http://one.test')).rejects.toThrow('403');
  });
});
