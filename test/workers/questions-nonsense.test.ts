/** What clients may say of where they stopped, on a node whose channels get their numbers from the engine. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { ChannelPosition } from '../../src/shared/channel-log.ts';
import { OrderedNode, settledOf, type TestLoop, turns, type Ws } from '../harness/ordered-node.ts';
import { underLock } from '../harness/shared-log.ts';

let node: OrderedNode;
let loop: TestLoop;
let ws: Ws;

beforeEach(() => {
  node = new OrderedNode();
  ({ loop, ws } = node);
});

describe('a position that means nothing', () => {
  const NONSENSE: [string, unknown][] = [
    ['null', null],
    ['a number', 5],
    ['a text', '.5'],
    ['empty', {}],
    ['without a sequence', { epoch: '.1' }],
    ['negative', { epoch: '.1', sequence: -1 }],
    ['not an integer', { epoch: '.1', sequence: 1.5 }],
    ['endless', { epoch: '.1', sequence: Number.POSITIVE_INFINITY }],
    ['a text and a text', { epoch: '.1', sequence: '1' }],
    ['a big integer', { epoch: '.1', sequence: 1n }],
    ['of no epoch', { epoch: '', sequence: 3 }],
    ['of the life that none has', { epoch: '.0', sequence: 3 }],
    ['long', { epoch: '.1'.repeat(1e6), sequence: 3 }],
    ['an object that is no text', { epoch: { toString: () => '.1' }, sequence: 3 }],
    ['of an epoch that nothing has', { epoch: `.${'z'.repeat(30)}`, sequence: 3 }],
  ];

  it.each(NONSENSE)('is one that messages are gone since, when it is %s', async (_, after) => {
    const engine = node.engine();
    const late = loop.connect();
    const first = loop.channels.subscribe(ws, 'a', { after: after as ChannelPosition });
    engine.place();
    await turns();
    const second = loop.channels.subscribe(late, 'a', { after: after as ChannelPosition });
    await turns();
    for (const question of node.asked()) engine.answer(Number(question.slice(2)));
    await turns();
    expect(await settledOf(first)).toMatchObject({ ...engine.at(7), complete: false });
    if (second.ok && second.settled === undefined) expect(second).toMatchObject({ complete: false });
    else expect(await settledOf(second)).toMatchObject({ ...engine.at(7), complete: false });
    engine.publish();
    await turns();
    expect([ws.got.at(-1), late.got.at(-1)]).toEqual(['8', '8']);
  });

  it('leaves others as they are when looking at it throws', async () => {
    const engine = node.engine();
    const after = {
      get epoch(): string {
        throw new Error('mine');
      },
      sequence: 0,
    };
    expect(() => loop.channels.subscribe(ws, 'a', { after })).toThrow('mine');
    const other = loop.connect();
    const result = loop.channels.subscribe(other, 'a');
    engine.place();
    engine.publish();
    expect(await settledOf(result)).toMatchObject({ ...engine.at(8), complete: true });
    expect(other.got).toEqual(['8']);
    expect(() => loop.channels.subscribe(ws, 'a', { after })).toThrow('mine');
    loop.channels.leave(ws);
    loop.channels.leave(other);
    expect(loop.channels.subscriberCount('a')).toBe(0);
    expect(underLock(node.shared.primary, () => node.shared.primary.lock.isMine)).toBe(true);
  });

  it('is looked at once', async () => {
    const engine = node.engine();
    let looks = 0;
    const after = {
      get epoch(): string {
        looks++;
        return engine.epoch;
      },
      sequence: 3,
    };
    const result = loop.channels.subscribe(ws, 'a', { after });
    engine.place();
    await turns();
    engine.answer(3);
    expect(await settledOf(result)).toMatchObject({ complete: true });
    expect(looks).toBe(1);
  });
});
