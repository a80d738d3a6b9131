/** Subscriptions on a node whose channels get their numbers from the engine, when one begins another life, and when the loop falls behind. */
import { beforeEach, describe, expect, it } from 'vitest';
import {
  type Engine,
  LIFE,
  MAX_BACKPRESSURE,
  OrderedNode,
  settledOf,
  type TestLoop,
  texts,
  turns,
  type Ws,
} from '../harness/ordered-node.ts';

let node: OrderedNode;
let loop: TestLoop;
let ws: Ws;

beforeEach(() => {
  node = new OrderedNode();
  ({ loop, ws } = node);
});

describe('another life of the channel', () => {
  let engine: Engine;
  beforeEach(async () => {
    engine = node.engine();
    loop.channels.subscribe(ws, 'a');
    engine.place();
    await turns();
  });

  it('is told to who is there, before what it publishes', async () => {
    engine.publish();
    engine.begin(LIFE + 1);
    engine.publish(2);
    await turns();
    expect(ws.got).toEqual(['8', '[null]', '1', '2']);
    expect(ws.missedOf).toEqual([{ channel: 'a', count: null, ...engine.at(0) }]);
  });

  it('is told once when the engine says again where it stands', async () => {
    engine.begin(LIFE + 1);
    engine.place();
    engine.answer(0);
    engine.publish();
    await turns();
    expect(ws.got).toEqual(['[null]', '1']);
  });

  it('is counted from its beginning when it is looked at before it is told', async () => {
    engine.begin(LIFE + 1);
    engine.publish(2);
    expect(loop.channels.subscribe(ws, 'a')).toMatchObject({ ...engine.at(2), missed: 2 });
    await turns();
    expect(ws.got).toEqual(['[null]', '1', '2']);
  });

  it('is not told to who subscribes behind it', async () => {
    engine.begin(LIFE + 1);
    const other = loop.connect();
    expect(loop.channels.subscribe(other, 'a')).toMatchObject(engine.at(0));
    engine.publish();
    await turns();
    expect(other.got).toEqual(['1']);
  });

  it('is told to who is being sent what it missed, or its connection is closed', async () => {
    engine.publish(20);
    const late = loop.connect();
    late.bufferedAmount = MAX_BACKPRESSURE;
    expect(loop.channels.subscribe(late, 'a', { after: engine.at(10) })).toMatchObject({ missed: 17 });
    await turns();
    engine.begin(LIFE + 1);
    engine.publish(2);
    await turns();
    expect(late.got).toEqual([]);
    late.bufferedAmount = 0;
    loop.channels.drained(late);
    await turns();
    const isTold = late.missedOf.length > 0 || late.closedWith === 1013;
    expect([late.got.slice(0, 17), isTold]).toEqual([texts(11, 27), true]);
  });

  it('is what who did not read goes on with when it reads again', async () => {
    engine.publish();
    await turns();
    pause();
    engine.publish();
    engine.begin(LIFE + 1);
    engine.publish(2);
    await turns();
    loop.channels.drained(ws);
    engine.publish();
    await turns();
    expect(ws.got).toEqual(['8', '3']);
    expect(ws.dropped).toBeGreaterThanOrEqual(0);
    expect(loop.channels.subscribe(ws, 'a')).toEqual({
      ok: true,
      ...engine.at(3),
      missed: 0,
      complete: true,
    });
  });

  it('answers who had asked of the life before', async () => {
    const late = loop.connect();
    const result = loop.channels.subscribe(late, 'a', { after: engine.at(3) });
    await turns();
    engine.begin(LIFE + 1);
    engine.publish();
    engine.answer(3);
    expect(await settledOf(result)).toMatchObject({ ...engine.at(1), complete: false });
    engine.publish();
    await turns();
    expect(late.got.at(-1)).toBe('2');
  });

  it('answers who had asked when the answer came before it', async () => {
    const late = loop.connect();
    const result = loop.channels.subscribe(late, 'a', { after: engine.at(3) });
    engine.answer(3);
    engine.begin(LIFE + 1);
    expect(await settledOf(result)).toMatchObject({ ...engine.at(0), complete: false });
    engine.publish();
    await turns();
    expect(late.got.at(-1)).toBe('1');
  });

  it('gives its place to who waits for one when the loop reads of both lives at once', async () => {
    const second = node.engine('b');
    const result = loop.channels.subscribe(ws, 'b');
    second.place();
    second.publish();
    second.begin(LIFE + 1);
    second.publish(2);
    await turns();
    for (const question of node.asked()) second.answer(Number(question.slice(2)));
    const settled = await settledOf(result);
    expect(settled).toMatchObject({ epoch: second.epoch });
    second.publish();
    await turns();
    expect(ws.got.at(-1)).toBe('3');
  });

  /** What a loop does with who is too slow. */
  function pause(): void {
    for (const subscription of ws.subscriptions.values()) {
      subscription.state = 'paused';
      subscription.sequence = subscription.channel.sequence;
      subscription.channel.live.delete(subscription);
      ws.leaveTopic(subscription.channel.topic);
    }
  }
});

describe('a loop that fell behind', () => {
  it('learns where a channel stands that it has not read of', async () => {
    const engine = node.engine();
    const result = loop.channels.subscribe(ws, 'a');
    engine.place();
    node.leaveBehind(engine);
    const { sequence } = engine;
    expect(await settledOf(result)).toEqual({ ...engine.at(sequence), missed: 0, complete: true });
    engine.publish();
    await turns();
    expect(ws.got).toEqual([String(sequence + 1)]);
    expect(ws.closedWith).toBe(0);
  });

  it('asks again what it had asked', async () => {
    const engine = node.engine();
    const result = loop.channels.subscribe(ws, 'a', { after: engine.at(3) });
    engine.place();
    await turns();
    expect(node.asked()).toEqual(['a 3']);
    engine.answer(3);
    node.leaveBehind(engine);
    await turns();
    expect(node.asked()).toEqual(['a 3']);
    engine.forget(engine.sequence - 10);
    engine.answer(3);
    expect(await settledOf(result)).toMatchObject({ epoch: engine.epoch, complete: false });
    const { sequence } = engine;
    expect(ws.got.slice(-10)).toEqual(texts(sequence - 9, sequence));
  });

  it('waits on when the channel still has no place', async () => {
    const engine = node.engine();
    const result = loop.channels.subscribe(ws, 'a');
    const other = node.engine('b');
    const elsewhere = node.loopOn(1);
    elsewhere.channels.subscribe(elsewhere.connect(), 'b');
    other.place();
    await turns();
    elsewhere.fanOut.stop();
    node.leaveBehind(other);
    loop.fanOut.schedule();
    expect(await settledOf(result)).toBe('open');
    engine.place();
    engine.publish();
    expect(await settledOf(result)).toMatchObject({ ...engine.at(8), complete: true });
    await turns();
    expect(ws.got).toEqual(['8']);
  });

  it('closes who was live, and nobody that waits, when its channel has begun another life', async () => {
    const engine = node.engine();
    loop.channels.subscribe(ws, 'a');
    engine.place();
    await turns();
    const late = loop.connect();
    const result = loop.channels.subscribe(late, 'a', { after: engine.at(3) });
    engine.begin(LIFE + 1);
    node.leaveBehind(engine);
    await turns();
    engine.forget(engine.sequence - 10);
    for (const question of node.asked()) engine.answer(Number(question.slice(2)));
    expect(await settledOf(result)).toMatchObject({ epoch: engine.epoch, complete: false });
    expect([ws.closedWith, late.closedWith]).toEqual([1013, 0]);
  });
});
