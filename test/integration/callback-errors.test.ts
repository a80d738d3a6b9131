import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Client } from '../harness/client.ts';
import { FixtureServer } from '../harness/fixture-server.ts';
import { watchNeighbour } from '../harness/neighbour.ts';

let server: FixtureServer;
/** Callbacks that failed since the server started. */
let failures = 0;

beforeAll(async () => {
  server = await FixtureServer.start('failing-app.js');
});
afterAll(() => server.close());

watchNeighbour(() => server);

afterEach(async () => {
  failures++;
  expect(await server.total('handlerErrors')).toBe(failures);
});

/** Makes the server call the callback. */
const TRIGGERS: Record<string, (client: Client) => unknown> = {
  onUpgrade: () => {},
  onText: (client) => client.send('text'),
  onBinary: (client) => client.send(new Uint8Array(1)),
  onMessage: (client) => client.send('text'),
  onPing: ({ socket }) => socket.ping(),
  onPong: ({ socket }) => socket.pong(),
  async onDrain({ socket }) {
    // Nothing more is read until the server has filled every buffer on the way.
    socket.pause();
    socket.send('fill');
    await server.seen('filled');
    socket.resume();
  },
  early({ socket }) {
    socket.send('kept until its callback is set');
    socket.ping('set it');
  },
};

const CASES = ['throws', 'rejects'].flatMap((how) =>
  Object.keys(TRIGGERS).map((name) => [how, name] as const),
);

it.each(CASES)('ends only its own connection, with 1011, when a callback %s: %s', async (how, name) => {
  const client = await Client.open(server.url(`/${how}/${name}`));
  await TRIGGERS[name]?.(client);
  expect(await client.closed).toEqual({ code: 1011, reason: 'internal error' });
  expect(await server.seen(`${how} ${name}`)).toEqual({
    code: 1011,
    reason: 'internal error',
    wasClean: true,
  });
});

describe('what hangs on onClose', () => {
  it.each([
    ['then throws', 'then-throws'],
    ['then returns a promise that rejects', 'then-rejects'],
    ['a second then throws', 'chain-throws'],
    ['finally throws', 'finally-throws'],
    ['then throws and was asked for after the close', 'asked-later'],
    ['an async onUpgrade awaits it and throws', 'awaited-by-on-upgrade'],
  ])('harms no other connection when %s', async (_, how) => {
    const client = await Client.open(server.url(`/closing/${how}`));
    client.socket.close(1000, 'bye');
    expect((await client.closed).code).toBe(1000);
  });
});
