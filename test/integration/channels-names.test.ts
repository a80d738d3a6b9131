import { afterEach, expect, test } from 'vitest';
import { ChannelServer, takeUntil } from '../harness/channel-server.ts';
import type { Client } from '../harness/client.ts';

let server: ChannelServer;
let a: Client;
let b: Client;

async function start(options: { maxChannels?: number } = {}): Promise<void> {
  server = await ChannelServer.start({ workers: 1, ...options });
  a = await server.join('a');
  b = await server.join('b');
}
afterEach(() => server.close());

/** Names that are not the same, however alike. */
const DISTINCT = [
  'a',
  'A',
  'a ',
  'a\0',
  '\0',
  'é',
  'e\u0301',
  '1',
  '01',
  '__proto__',
  'constructor',
  '🦉',
  '\ufeffa',
];

test('keeps channels apart when their names look alike', async () => {
  await start();
  for (const name of DISTINCT) {
    const others = DISTINCT.filter((other) => other !== name);
    for (const other of others.slice(0, 6)) {
      await server.run(
        0,
        ({ member, loop }, name, other) => {
          member('a').subscribe(name);
          member('b').subscribe(other);
          loop.publish(name, `to ${name}`);
          loop.publish(other, `to ${other}`);
        },
        name,
        other,
      );
      expect(await a.next()).toBe(`to ${name}`);
      expect(await b.next()).toBe(`to ${other}`);
      await server.run(0, ({ member }) => {
        for (const ws of [member('a'), member('b')])
          for (const channel of ws.channels) ws.unsubscribe(channel);
      });
    }
  }
});

test('mixes up no channels when clients give names with lone surrogates, which have no UTF-8 form', async () => {
  await start({ maxChannels: 8 });
  const names = ['\ud800', '\udfff', 'x\ud800', 'x\udc00'];
  // Whether such a name is refused or taken for the one with U+FFFD: what is subscribed gets every message, once.
  const subscribed = await server.run(
    0,
    ({ member, loop }, names) => {
      const [first, second, ...more] = names as [string, string, string, string];
      const results = [member('a').subscribe(first), member('b').subscribe(second)];
      loop.publish(first, 'to both or none');
      member('b').unsubscribe(second);
      loop.publish(first, 'to a or none');
      const [third, fourth] = more as [string, string];
      member('b').subscribe(third);
      member('a').subscribe(fourth);
      member('b').unsubscribe(third);
      // Channels that come and go, and take the place of any that is not held.
      for (let i = 0; i < 8; i++) {
        member('b').subscribe(`other ${i}`);
        member('b').unsubscribe(`other ${i}`);
      }
      member('b').subscribe('of b alone');
      loop.publish(fourth, 'to a or none, again');
      loop.publish('of b alone', 'the end');
      member('a').subscribe('of b alone');
      loop.publish('of b alone', 'the end for both');
      return results.map(({ ok }) => ok);
    },
    names,
  );
  expect(subscribed[0]).toBe(subscribed[1]);
  const isTaken = subscribed[0];
  const ofA = isTaken ? ['to both or none', 'to a or none', 'to a or none, again'] : [];
  const ofB = isTaken ? ['to both or none', 'the end'] : ['the end'];
  expect(await takeUntil(a, 'the end for both')).toEqual(ofA);
  expect(await takeUntil(b, 'the end for both')).toEqual(ofB);
});
