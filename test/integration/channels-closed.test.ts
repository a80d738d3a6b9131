import { expect, onTestFinished, test } from 'vitest';
import { ChannelServer } from '../harness/channel-server.ts';
import { until } from '../harness/until.ts';

const CONNECTIONS = 20;

/** What a connection does before it is closed, and when it is told that it is. */
const LIVES: [string, string, string][] = [
  ['subscribed and published', "ws.subscribe('room'); ws.publish('room', 'x')", ''],
  ['published only', "ws.publish('room', 'x')", ''],
  [
    'subscribed, published and unsubscribed',
    "ws.subscribe('room'); ws.publish('room', 'x'); ws.unsubscribe('room')",
    '',
  ],
  ['resumed', "ws.subscribe('room', { after: { epoch: '', sequence: 0 } })", ''],
  ['published when it was closed', "ws.subscribe('room')", "ws.publish('room', 'left')"],
  ['subscribed when it was closed', "ws.subscribe('room')", "ws.subscribe('room')"],
];

test.each(LIVES)('keeps nothing of a closed connection when it has %s', async (_, before, after) => {
  const server = await ChannelServer.start({ workers: 1 });
  onTestFinished(() => server.close());
  for (let i = 0; i < CONNECTIONS; i++) {
    const { socket, closed } = await server.join('a');
    await server.run(
      0,
      ({ member, notes }, before, after) => {
        const ws = member('a');
        notes.push(new WeakRef(ws));
        new Function('ws', before)(ws);
        void ws.onClose.then(() => new Function('ws', after)(ws));
      },
      before,
      after,
    );
    socket.close();
    await closed;
    await until(() => server.run(0, ({ member }) => member('a').isClosed));
  }
  // The app itself keeps the one that was opened last under a name.
  await server.join('a');
  const kept = await server.run(0, async ({ collectGarbage, notes, loop }) => {
    await new Promise((resolve) => setTimeout(resolve));
    collectGarbage();
    const references = notes as WeakRef<object>[];
    return [
      references.filter((reference) => reference.deref() !== undefined).length,
      loop.subscriberCount('room'),
    ];
  });
  expect(kept).toEqual([0, 0]);
});
