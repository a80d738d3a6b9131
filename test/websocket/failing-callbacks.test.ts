import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { atBothEnds } from '../harness/both-ends.ts';
import type { Connection } from '../harness/end.ts';
import { Opcode } from '../harness/frames.ts';

const FAILED = { code: 1011, reason: 'internal error' };

/** Has the callback called. */
const TRIGGERS: Record<string, (connection: Connection) => unknown> = {
  onText: ({ peer }) => peer.send('text'),
  onBinary: ({ peer }) => peer.send(new Uint8Array(1)),
  onMessage: ({ peer }) => peer.send('text'),
  onPing: ({ peer }) => peer.socket.ping(),
  onPong: ({ peer }) => peer.socket.pong(),
  async onDrain(connection) {
    const { socket } = connection.peer;
    // Nothing more is read until every buffer on the way is full.
    socket.pause();
    await connection.run(({ ws }) => {
      while (ws.send(new Uint8Array(64 * 1024)) === 'sent');
    });
    socket.resume();
  },
};
const CASES = (['throws', 'rejects'] as const).flatMap((how) =>
  Object.keys(TRIGGERS).map((name) => [how, name] as const),
);

atBothEnds(({ open, failures }) => {
  /** Callbacks that had failed before the test. */
  let before = 0;

  beforeEach(async () => {
    before = await failures();
  });
  afterEach(async () => {
    expect(await failures()).toBe(before + 1);
  });

  it.each(CASES)('closes its connection with 1011 and no other when a callback %s: %s', async (how, name) => {
    const neighbour = await open();
    const connection = await open({ isBare: true });
    await connection.run(
      ({ ws, post }, how, name) => {
        void ws.onClose.then(post);
        ws[name as 'onDrain'](() => {
          if (how === 'throws') throw new Error('on purpose');
          return Promise.reject(new Error('on purpose'));
        });
      },
      how,
      name,
    );
    await TRIGGERS[name]?.(connection);
    expect(await connection.peer.closed).toEqual(FAILED);
    expect(await connection.seen()).toEqual({ ...FAILED, wasClean: true });
    neighbour.peer.send('unharmed');
    expect(await neighbour.seen()).toEqual({ text: 'unharmed' });
  });

  it('closes with 1011 when a callback throws at a message that came before it was set', async () => {
    const connection = await open({ isBare: true });
    connection.peer.send('one');
    connection.peer.send('two');
    await connection.peer.settled();
    await connection.run(({ ws, post }) =>
      ws.onText((_, text) => {
        post(text);
        throw new Error('on purpose');
      }),
    );
    expect(await connection.peer.closed).toEqual(FAILED);
    expect(await connection.seen()).toBe('one');
    expect(await connection.unseen()).toEqual([]);
  });

  it('receives nothing more when a callback throws at the first of several messages that come together', async () => {
    const connection = await open({ isBare: true });
    await connection.run(({ ws, post }) =>
      ws.onText((_, text) => {
        post(text);
        throw new Error('on purpose');
      }),
    );
    connection.write([Opcode.text, 'one'], [Opcode.text, 'two'], [Opcode.text, 'three']);
    expect(await connection.peer.closed).toEqual(FAILED);
    await connection.run(({ ws }) => ws.onClose);
    expect(await connection.seen()).toBe('one');
    expect(await connection.unseen()).toEqual([]);
  });

  it('ends with the code that was given when a callback closes first and throws then', async () => {
    const connection = await open({ isBare: true });
    await connection.run(({ ws }) =>
      ws.onText((ws) => {
        ws.close(4000, 'closed first');
        throw new Error('on purpose');
      }),
    );
    connection.peer.send('text');
    expect(await connection.peer.closed).toEqual({ code: 4000, reason: 'closed first' });
  });

  describe('a value that is not an Error', () => {
    const values = [
      'undefined',
      'null',
      'text',
      'number',
      'bigint',
      'symbol',
      'bare',
      'circular',
      'getter',
      'proxy',
    ];

    it.each(values.flatMap((value) => [['thrown', value] as const, ['rejected', value] as const]))(
      'closes its connection with 1011 when it is %s: %s',
      async (how, name) => {
        const connection = await open({ isBare: true });
        await connection.run(
          ({ ws }, how, name) => {
            const circular: Record<string, unknown> = {};
            circular.self = circular;
            const { proxy, revoke } = Proxy.revocable({}, {});
            revoke();
            const values: Record<string, unknown> = {
              undefined: undefined,
              null: null,
              text: 'text',
              number: 404,
              bigint: 1n,
              symbol: Symbol('on purpose'),
              bare: Object.create(null),
              circular,
              getter: {
                get message() {
                  throw new Error('on purpose');
                },
              },
              proxy,
            };
            ws.onText(() => {
              if (how === 'thrown') throw values[name];
              return Promise.reject(values[name]);
            });
          },
          how,
          name,
        );
        connection.peer.send('text');
        expect(await connection.peer.closed).toEqual(FAILED);
      },
    );
  });
});
