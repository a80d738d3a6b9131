import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { ChannelServer, take, takeUntil } from '../harness/channel-server.ts';
import type { Client } from '../harness/client.ts';
import { until } from '../harness/until.ts';

const LOOPS = 2;
let server: ChannelServer;
let sender: Client;
/** Subscribers of the channel `room`: one on the sender's loop, one on the other. */
let others: Client[];
/** Who joined in one test only. */
const guests: Client[] = [];

beforeAll(async () => {
  server = await ChannelServer.start({ workers: LOOPS });
});
afterAll(() => server.close());

beforeEach(async () => {
  sender = await server.join('sender', 0);
  others = [await server.join('other', 0), await server.join('other', 1)];
  await server.runOnAll(({ member }) => member('other').subscribe('room'));
});
afterEach(async () => {
  for (const { socket } of [sender, ...others, ...guests.splice(0)]) socket.close();
  await until(async () => (await server.subscriberCounts('room')).every((count) => count === 0));
});

test('delivers what a connection publishes to all subscribers but itself when it is one of them', async () => {
  await server.run(0, ({ member, loop }) => {
    member('sender').subscribe('room');
    member('sender').publish('room', 'mine');
    loop.publish('room', 'ours');
  });
  expect(await sender.next()).toBe('ours');
  for (const other of others) expect(await take(other, 2)).toEqual(['mine', 'ours']);
});

test('delivers what a connection publishes to all subscribers when it is none of them', async () => {
  await server.run(0, ({ member }) => {
    member('sender').subscribe('elsewhere');
    member('sender').publish('room', 'from outside');
    member('sender').publish('elsewhere', 'mine');
    member('other').publish('elsewhere', 'from the other');
  });
  for (const other of others) expect(await other.next()).toBe('from outside');
  expect(await sender.next()).toBe('from the other');
});

test('delivers to all others, and to the sender what others publish, when many publish in turns', async () => {
  const rounds = 500;
  await server.run(
    0,
    ({ member }, rounds) => {
      member('sender').subscribe('room');
      for (let i = 0; i < rounds; i++) {
        member('sender').publish('room', `sender ${i}`);
        member('other').publish('room', `other ${i}`);
      }
    },
    rounds,
  );
  const numbered = (name: string): string[] => Array.from({ length: rounds }, (_, i) => `${name} ${i}`);
  const [near, far] = others as [Client, Client];
  expect(await take(sender, rounds)).toEqual(numbered('other'));
  expect(await take(near, rounds)).toEqual(numbered('sender'));
  expect(await take(far, 2 * rounds)).toEqual(numbered('sender').flatMap((text, i) => [text, `other ${i}`]));
});

test('still delivers to all others when the sender is closed before the loop delivers', async () => {
  await server.run(0, ({ member }) => {
    const ws = member('sender');
    ws.subscribe('room');
    ws.publish('room', 'first');
    ws.terminate();
    ws.publish('room', 'second');
  });
  expect((await sender.closed).code).toBe(1006);
  expect(sender.unread).toEqual([]);
  for (const other of others) expect(await take(other, 2)).toEqual(['first', 'second']);
});

test('does not deliver to the sender when it subscribes only after it has published', async () => {
  await server.run(0, ({ member, loop }) => {
    member('sender').publish('room', 'before');
    member('sender').subscribe('room');
    loop.publish('room', 'after');
  });
  expect(await sender.next()).toBe('after');
  for (const other of others) expect(await take(other, 2)).toEqual(['before', 'after']);
});

test('does not deliver to the sender when it subscribes anew before the loop delivers', async () => {
  await server.run(0, ({ member, loop }) => {
    const ws = member('sender');
    ws.subscribe('room');
    ws.publish('room', 'mine');
    ws.unsubscribe('room');
    ws.subscribe('room');
    ws.publish('room', 'mine too');
    loop.publish('room', 'ours');
  });
  expect(await sender.next()).toBe('ours');
  for (const other of others) expect(await take(other, 3)).toEqual(['mine', 'mine too', 'ours']);
});

test('does not deliver to the sender what it missed when it was subscribed as it published', async () => {
  await server.run(0, ({ member, loop }) => {
    const ws = member('sender');
    const start = loop.history('room');
    ws.subscribe('room');
    ws.publish('room', 'mine');
    loop.publish('room', 'ours');
    ws.subscribe('room', { after: start });
    loop.publish('room', 'the end');
  });
  expect(await take(sender, 2)).toEqual(['ours', 'the end']);
});

test('does not deliver to the sender what it missed when it was not subscribed as it published', async () => {
  await server.run(0, ({ member, loop }) => {
    const ws = member('sender');
    const start = loop.history('room');
    ws.publish('room', 'mine');
    loop.publish('room', 'ours');
    ws.subscribe('room', { after: start });
    loop.publish('room', 'the end');
  });
  expect(await take(sender, 2)).toEqual(['ours', 'the end']);
});

test('delivers to a new connection when the sender of the message has left', async () => {
  const newcomer = await server.join('newcomer', 0);
  guests.push(newcomer);
  await server.run(0, ({ member, loop }) => {
    const start = loop.history('room');
    member('sender').subscribe('room');
    member('sender').publish('room', 'from one who left');
    member('sender').terminate();
    member('newcomer').subscribe('room', { after: start });
  });
  expect(await newcomer.next()).toBe('from one who left');
});

test('delivers to connections of other loops that have the same number as the sender there', async () => {
  // Connections are numbered on each loop by itself: both senders have the first number of their loop.
  const remote = await server.join('sender', 1);
  guests.push(remote);
  await server.runOnAll(({ member, loop }) => {
    member('sender').subscribe('room');
    member('sender').publish('room', `from loop ${loop.id}`);
  });
  await server.run(0, ({ loop }) => loop.publish('room', 'the end'));
  // Each may have subscribed before or behind the other's message, but never gets its own.
  expect(await takeUntil(sender, 'the end')).not.toContain('from loop 0');
  expect(await takeUntil(remote, 'the end')).not.toContain('from loop 1');
  for (const other of others) expect(await take(other, 3)).toContain('from loop 1');
});
