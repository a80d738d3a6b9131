import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FixtureServer } from '../harness/fixture-server.ts';
import { frame, Opcode } from '../harness/frames.ts';
import { RawClient } from '../harness/raw-client.ts';
import { openWaiting, release } from '../harness/waiting-client.ts';

let server: FixtureServer;

beforeAll(async () => {
  server = await FixtureServer.start('early-app.js');
});
afterAll(() => server.close());

describe('messages that arrive while an async onUpgrade runs', () => {
  it('are received in order, text and binary mixed, when they were sent right after the 101 answer', async () => {
    const raw = await RawClient.open(server.port, '/async/mixed');
    raw.write(
      Buffer.concat([
        frame(Opcode.text, 'one'),
        frame(Opcode.binary, Uint8Array.of(2)),
        frame(Opcode.binary),
        frame(Opcode.text, 'four'),
        frame(Opcode.text),
        frame(Opcode.ping, 'all sent'),
      ]),
    );
    expect((await raw.frame()).payload.toString()).toBe('all sent');
    expect(await server.seen('mixed')).toBe('waiting');
    await release(server, 'mixed');
    raw.send(Opcode.text, 'six');
    expect(await server.seenInOrder('mixed', 7)).toEqual([
      'onUpgrade is over',
      { text: 'one' },
      { bytes: [2] },
      { bytes: [] },
      { text: 'four' },
      { text: '' },
      { text: 'six' },
    ]);
    raw.leave();
  });

  it('are received in order by onMessage, as copies, when that is set', async () => {
    const client = await openWaiting(server, 'async-message', 'by-on-message');
    client.send('one');
    client.send(Uint8Array.of(2, 3));
    client.send('three');
    await client.settled();
    await release(server, 'by-on-message');
    expect(await server.seenInOrder('by-on-message', 3)).toEqual([
      { text: 'one' },
      { bytes: [2, 3] },
      { text: 'three' },
    ]);
    client.socket.terminate();
  });

  it('are received at once until one has no callback, and from there on wait, when onText is set before the await', async () => {
    const client = await openWaiting(server, 'text-first', 'partly');
    client.send('one');
    expect(await server.seen('partly')).toEqual({ text: 'one' });
    client.send(Uint8Array.of(2));
    client.send('three');
    await client.settled();
    await release(server, 'partly');
    expect(await server.seenInOrder('partly', 2)).toEqual([{ bytes: [2] }, { text: 'three' }]);
    client.socket.terminate();
  });

  it('hold up nothing when onUpgrade ends without a callback for their kind', async () => {
    const client = await openWaiting(server, 'text-only', 'unwanted');
    client.send(Uint8Array.of(1));
    client.send('wanted');
    await client.settled();
    await release(server, 'unwanted');
    expect(await server.seen('unwanted')).toEqual({ text: 'wanted' });
    client.send(Uint8Array.of(3));
    client.send('also wanted');
    expect(await server.seen('unwanted')).toEqual({ text: 'also wanted' });
    client.socket.terminate();
  });

  it('are still received when the client has closed meanwhile', async () => {
    const client = await openWaiting(server, 'async', 'left');
    client.send('last words');
    client.socket.close(1000, 'gone');
    await client.closed;
    expect(await server.seen('left')).toEqual({ code: 1000, reason: 'gone' });
    await release(server, 'left');
    expect(await server.seenInOrder('left', 2)).toEqual(['onUpgrade is over', { text: 'last words' }]);
  });

  it('are not received when onUpgrade closes the connection', async () => {
    const client = await openWaiting(server, 'closes', 'refused');
    client.send('too early');
    await client.settled();
    await release(server, 'refused');
    expect(await client.closed).toEqual({ code: 4000, reason: 'not for you' });
    expect(await server.seen('refused')).toEqual({ code: 4000, reason: 'not for you' });
    expect(await server.unseen('refused')).toEqual([]);
  });

  it('stop coming when the callback closes the connection at the first', async () => {
    const client = await openWaiting(server, 'closes-midway', 'midway');
    for (const text of ['one', 'two', 'three']) client.send(text);
    await client.settled();
    await release(server, 'midway');
    await client.closed;
    expect(await server.seenInOrder('midway', 2)).toEqual([
      { text: 'one' },
      { code: 4000, reason: 'one is enough' },
    ]);
    expect(await server.unseen('midway')).toEqual([]);
  });

  it('are received one after the other without waiting for an async callback, as later ones are', async () => {
    const client = await openWaiting(server, 'slow-callback', 'not-awaited');
    client.send('one');
    client.send('two');
    await client.settled();
    await release(server, 'not-awaited');
    expect(await server.seenInOrder('not-awaited', 2)).toEqual([{ started: 'one' }, { started: 'two' }]);
    client.socket.terminate();
  });
});
