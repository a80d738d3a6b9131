/** What Vapor's documentation promises of its server: once with that server written for this API, once with the built-in demo. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client, refusal } from '../harness/client.ts';
import { FixtureServer } from '../harness/fixture-server.ts';

const FAMILY = '👩\u200d👩\u200d👧';
const COMBINED = 'e\u0301';

/** What it is, as sent, as it comes back. */
const TEXTS = [
  ['plain', 'Hello!', '!olleH'],
  ['a palindrome', 'anna', 'anna'],
  ['empty', '', ''],
  ['one character', 'x', 'x'],
  ['CJK', '世界', '界世'],
  ['an emoji outside the basic plane', 'a😀b', 'b😀a'],
  ['an emoji with a skin tone', 'hi 👋🏽!', '!👋🏽 ih'],
  ['a family of joined emoji', `<${FAMILY}>`, `>${FAMILY}<`],
  ['flags', '🇮🇸🇳🇱', '🇳🇱🇮🇸'],
  ['a letter with a combining mark', `caf${COMBINED}s`, `s${COMBINED}fac`],
  ['a letter with several combining marks', 'xo\u0302\u0323y', 'yo\u0302\u0323x'],
  ['Hangul jamo', 'a\u1112\u1161\u11ab', '\u1112\u1161\u11aba'],
] as const;

describe.each([
  ['the server of the documentation', 'vapor-app.js', '/'],
  ['the built-in demo', null, '/reverse'],
])('%s', (_, fixture, path) => {
  let server: FixtureServer;

  beforeAll(async () => {
    server = fixture === null ? await FixtureServer.demo() : await FixtureServer.start(fixture);
  });
  afterAll(() => server.close());

  it('answers 403 when shouldUpgrade returns null', async () => {
    expect((await refusal(server.url('/deny'))).status).toBe(403);
  });

  it('sends Connected before anything else, also when the client speaks first', async () => {
    const client = await Client.open(server.url(path));
    client.send('abc');
    expect(await client.next()).toBe('Connected');
    expect(await client.next()).toBe('cba');
    client.socket.terminate();
  });

  it.each(TEXTS)('answers text reversed by character when it is %s', async (_, text, reversed) => {
    const client = await Client.open(server.url(path));
    client.send(text);
    expect(await client.next()).toBe('Connected');
    expect(await client.next()).toBe(reversed);
    client.socket.terminate();
  });
});

describe('the server of the documentation', () => {
  it('adds the headers of shouldUpgrade to the 101 answer', async () => {
    const server = await FixtureServer.start('vapor-app.js');
    const client = await Client.open(server.url('/any/path?query'));
    expect(client.handshake?.statusCode).toBe(101);
    expect(client.handshake?.headers['x-served-by']).toBe('polyloop');
    await server.close();
  });

  it('completes onClose on both sides when the client closes', async () => {
    const server = await FixtureServer.start('vapor-app.js');
    const client = await Client.open(server.url('/'));
    client.socket.close(1000, 'done');
    expect((await client.closed).code).toBe(1000);
    expect(await server.seen('closed')).toEqual({ code: 1000, reason: 'done', wasClean: true });
    await server.close();
  });

  it('completes onClose on both sides when the server closes', async () => {
    const server = await FixtureServer.start('vapor-app.js');
    const client = await Client.open(server.url('/'));
    client.send('close me');
    expect(await client.closed).toEqual({ code: 1000, reason: '' });
    expect(await server.seen('closed')).toEqual({ code: 1000, reason: '', wasClean: true });
    await server.close();
  });

  it('completes server.onClose once it has stopped, and not before', async () => {
    const { server, port } = await FixtureServer.start('vapor-app.js');
    const url = `ws://127.0.0.1:${port}/`;
    let isComplete = false;
    const completed = server.onClose.then(() => {
      isComplete = true;
    });
    const client = await Client.open(url);
    expect(await client.next()).toBe('Connected');
    expect(isComplete).toBe(false);
    const closing = server.close();
    expect((await client.closed).code).toBe(1001);
    await completed;
    await closing;
    await expect(Client.open(url)).rejects.toThrow();
    expect(server.loops().map(({ state, connections }) => [state, connections])).toEqual([['ended', 0]]);
  });
});
