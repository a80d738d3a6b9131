import { afterEach, expect, test } from 'vitest';
import { ChannelServer } from '../harness/channel-server.ts';
import { until } from '../harness/until.ts';

const MOST = 4;
let server: ChannelServer;

afterEach(() => server.close());

test('refuses a new channel, and leaves those in use alone, when all have subscribers', async () => {
  server = await ChannelServer.start({ workers: 2, maxChannels: MOST });
  const [client, other] = [await server.join('a'), await server.join('b')];
  const results = await server.run(0, ({ member, loop }) => {
    const ws = member('a');
    const other = member('b');
    return {
      taken: [ws.subscribe('1'), ws.subscribe('2'), ws.subscribe('3'), other.subscribe('4')],
      refused: [other.subscribe('5'), loop.publish('5', 'x'), other.publish('5', 'x')],
      looked: [
        loop.history('5').messages,
        loop.subscriberCount('5'),
        other.isSubscribed('5'),
        other.channels,
      ],
      known: [other.subscribe('3'), loop.publish('3', 'x')],
      left: ws.unsubscribe('2'),
      free: [other.subscribe('5'), loop.publish('5', 'y')],
    };
  });
  const ok = { ok: true };
  const refused = { ok: false, reason: 'too-many-channels' };
  expect(results).toMatchObject({
    taken: [ok, ok, ok, ok],
    refused: [refused, refused, refused],
    looked: [[], 0, false, ['4']],
    known: [ok, ok],
    left: true,
    free: [ok, { ok: true, sequence: 1 }],
  });
  expect(await client.next()).toBe('x');
  expect(await other.next()).toBe('x');
  expect(await other.next()).toBe('y');
  expect(server.server.publish('6', 'x')).toEqual(refused);
  expect(server.server.publish('4', 'from the primary')).toEqual({ ok: true, sequence: 1 });
  expect(await other.next()).toBe('from the primary');
});

test('makes room for new channels when nobody is subscribed to the others', async () => {
  server = await ChannelServer.start({ workers: 2, maxChannels: MOST });
  for (let i = 0; i < 10 * MOST; i++) {
    // A loop may have to read the last message of a channel before the channel is forgotten.
    await until(() => server.run(i % 2, ({ loop }, i) => loop.publish(`passing ${i}`, 'x').ok, i));
  }
  const held = await server.run(0, ({ loop }, last) => loop.history(`passing ${last}`), 10 * MOST - 1);
  expect(held).toMatchObject({ sequence: 1, messages: [{ data: 'x' }], complete: true });
});

test('makes room for new channels when the primary alone publishes', async () => {
  server = await ChannelServer.start({ workers: 2, maxChannels: MOST });
  for (let i = 0; i < 10 * MOST; i++) await until(() => server.server.publish(`passing ${i}`, 'x').ok);
});

test('forgets the channel that was idle for longest when it makes room for another', async () => {
  server = await ChannelServer.start({ workers: 1, maxChannels: MOST });
  await server.join('a');
  const results = await server.run(0, ({ member, loop }) => {
    const ws = member('a');
    // Nothing is published, so nothing has to be read.
    const positions = ['1', '2', '3', '4'].map((channel) => {
      ws.subscribe(channel);
      ws.unsubscribe(channel);
      return loop.history(channel);
    });
    ws.subscribe('1');
    ws.unsubscribe('1');
    ws.subscribe('5');
    return ['1', '2', '3', '4'].map((channel, i) => loop.history(channel).epoch === positions[i]?.epoch);
  });
  expect(results).toEqual([true, false, true, true]);
});

test('says that history is incomplete when the channel was forgotten since', async () => {
  server = await ChannelServer.start({ workers: 1, maxChannels: MOST });
  await server.join('a');
  const [start, seen] = await server.run(0, ({ loop }) => {
    const start = loop.history('forgotten');
    loop.publish('forgotten', '1');
    return [start, loop.history('forgotten')] as const;
  });
  expect(seen).toMatchObject({ sequence: 1, complete: true });
  for (let i = 0; i < MOST; i++) {
    await until(() => server.run(0, ({ loop }, i) => loop.publish(`new ${i}`, 'x').ok, i));
  }
  const results = await server.run(
    0,
    ({ loop, member }, start, seen) => {
      const results = [
        loop.history('forgotten', { after: start }),
        loop.history('forgotten', { after: seen }),
      ];
      loop.publish('forgotten', 'of another life');
      return [
        ...results,
        loop.history('forgotten', { after: start }),
        loop.history('forgotten', { after: seen }),
        member('a').subscribe('forgotten', { after: seen }),
      ];
    },
    start,
    seen,
  );
  const anew = { sequence: 1, messages: [{ data: 'of another life' }], complete: false };
  expect(results).toMatchObject([
    { sequence: 0, messages: [], complete: false },
    { sequence: 0, messages: [], complete: false },
    anew,
    anew,
    { ok: true, missed: 1, complete: false },
  ]);
});

test('says that history is complete when a channel without messages was forgotten since', async () => {
  server = await ChannelServer.start({ workers: 1, maxChannels: 1 });
  await server.join('a');
  const results = await server.run(0, ({ member, loop }) => {
    const ws = member('a');
    const start = ws.subscribe('quiet');
    if (!start.ok) throw new Error(start.reason);
    ws.unsubscribe('quiet');
    ws.subscribe('another');
    ws.unsubscribe('another');
    loop.publish('quiet', '1');
    return [start.epoch === loop.history('quiet').epoch, ws.subscribe('quiet', { after: start })];
  });
  expect(results).toMatchObject([false, { ok: true, sequence: 1, missed: 1, complete: true }]);
});
