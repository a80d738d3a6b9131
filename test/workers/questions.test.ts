/** Subscriptions that must know where their channel stands, or what the log no longer holds, and so wait for the engine. */
import { beforeEach, describe, expect, it } from 'vitest';
import { UNKNOWN_EPOCH } from '../../src/shared/channel-log.ts';
import {
  type Engine,
  LIFE,
  OrderedNode,
  settledOf,
  type TestLoop,
  texts,
  turns,
  type Ws,
} from '../harness/ordered-node.ts';

const UNKNOWN = { epoch: UNKNOWN_EPOCH, sequence: 0, missed: 0, complete: false };

let node: OrderedNode;
let loop: TestLoop;
let ws: Ws;

beforeEach(() => {
  node = new OrderedNode();
  ({ loop, ws } = node);
});

describe('a subscription to a channel that has no place yet', () => {
  it('is told where it stands, and gets what comes behind, once the engine has said it', async () => {
    const engine = node.engine();
    const result = loop.channels.subscribe(ws, 'a');
    expect(result).toMatchObject({ ok: true, ...UNKNOWN });
    expect(await settledOf(result)).toBe('open');
    engine.place();
    engine.publish(2);
    expect(await settledOf(result)).toEqual({ ...engine.at(9), missed: 2, complete: true });
    engine.publish(2);
    await turns();
    expect(ws.got).toEqual(texts(8, 11));
    expect(node.asked()).toEqual([]);
  });

  it('gets all that comes behind when it wants none of what it missed', async () => {
    const engine = node.engine();
    const result = loop.channels.subscribe(ws, 'a', { limit: 0 });
    engine.place();
    engine.publish(2);
    expect(await settledOf(result)).toMatchObject({ complete: true });
    expect(ws.got).toEqual(texts(8, 9));
  });

  it('asks for what it missed, and is sent that and what comes behind it, each once', async () => {
    const engine = node.engine();
    const result = loop.channels.subscribe(ws, 'a', { after: engine.at(3) });
    expect(node.asked()).toEqual([]);
    engine.place();
    await turns();
    expect(node.asked()).toEqual(['a 3']);
    engine.publish();
    expect(await settledOf(result)).toBe('open');
    expect(ws.got).toEqual([]);
    engine.answer(3);
    engine.publish();
    expect(await settledOf(result)).toEqual({ ...engine.at(9), missed: 6, complete: true });
    engine.publish();
    await turns();
    expect(ws.got).toEqual(texts(4, 10));
  });

  it('asks nothing when it has missed nothing', async () => {
    const engine = node.engine();
    const result = loop.channels.subscribe(ws, 'a', { after: engine.at(7) });
    engine.place();
    engine.publish();
    expect(await settledOf(result)).toEqual({ ...engine.at(8), missed: 1, complete: true });
    expect(node.asked()).toEqual([]);
    expect(ws.got).toEqual(['8']);
  });

  it('is told that messages are gone, and sent the rest, when the engine does not hold all', async () => {
    const engine = node.engine();
    engine.forget(5);
    const result = loop.channels.subscribe(ws, 'a', { after: engine.at(3) });
    engine.place();
    await turns();
    engine.answer(3);
    expect(await settledOf(result)).toEqual({ ...engine.at(7), missed: 2, complete: false });
    engine.publish();
    await turns();
    expect(ws.got).toEqual(texts(6, 8));
  });

  it('is sent the newest when it missed more than it wants', async () => {
    const engine = node.engine();
    const result = loop.channels.subscribe(ws, 'a', { after: engine.at(3), limit: 2 });
    engine.place();
    await turns();
    engine.answer(3);
    expect(await settledOf(result)).toEqual({ ...engine.at(7), missed: 2, complete: false });
    expect(ws.got).toEqual(texts(6, 7));
  });

  it('is told that messages are gone when it comes from another epoch', async () => {
    const engine = node.engine();
    const after = { epoch: node.shared.primary.epochOf(LIFE + 1), sequence: 3 };
    const result = loop.channels.subscribe(ws, 'a', { after });
    engine.place();
    await turns();
    for (const question of node.asked()) engine.answer(Number(question.slice(2)));
    expect(await settledOf(result)).toMatchObject({ ...engine.at(7), complete: false });
    engine.publish();
    await turns();
    expect(ws.got.at(-1)).toBe('8');
  });

  it('gets a place when another has subscribed first, on another loop, and nothing is asked twice', async () => {
    const engine = node.engine();
    const other = node.loopOn(1);
    const first = other.channels.subscribe(other.connect(), 'a');
    const result = loop.channels.subscribe(ws, 'a');
    engine.place();
    expect(await settledOf(first)).toEqual({ ...engine.at(7), missed: 0, complete: true });
    expect(await settledOf(result)).toEqual({ ...engine.at(7), missed: 0, complete: true });
    other.fanOut.stop();
  });

  it('settles when it is over before the engine has answered', async () => {
    const engine = node.engine();
    const other = loop.connect();
    const results = [ws, other].map((each) => loop.channels.subscribe(each, 'a', { after: engine.at(3) }));
    expect(loop.channels.unsubscribe(ws, 'a')).toBe(true);
    loop.channels.leave(other);
    for (const result of results) expect(await settledOf(result)).toEqual(UNKNOWN);
    engine.place();
    engine.publish();
    engine.answer(3);
    await turns();
    expect([ws.got, other.got]).toEqual([[], []]);
    expect(loop.channels.subscriberCount('a')).toBe(0);
  });

  it('settles when it is over after it has asked', async () => {
    const engine = node.engine();
    const result = loop.channels.subscribe(ws, 'a', { after: engine.at(3) });
    engine.place();
    await turns();
    loop.channels.leave(ws);
    expect(await settledOf(result)).toEqual(UNKNOWN);
    engine.answer(3);
    await turns();
    expect(ws.got).toEqual([]);
  });

  it('is the same one when it is subscribed again', async () => {
    const engine = node.engine();
    const first = loop.channels.subscribe(ws, 'a', { after: engine.at(3) });
    const again = loop.channels.subscribe(ws, 'a');
    expect(again).toEqual(first);
    engine.place();
    await turns();
    engine.answer(3);
    expect(await settledOf(again)).toEqual({ ...engine.at(7), missed: 4, complete: true });
    await turns();
    expect(ws.got).toEqual(texts(4, 7));
  });

  it('begins anew when it is subscribed again from elsewhere', async () => {
    const engine = node.engine();
    const first = loop.channels.subscribe(ws, 'a', { after: engine.at(3) });
    const again = loop.channels.subscribe(ws, 'a', { after: engine.at(5) });
    expect(await settledOf(first)).toEqual(UNKNOWN);
    engine.place();
    await turns();
    expect(node.asked()).toEqual(['a 5']);
    engine.answer(5);
    expect(await settledOf(again)).toEqual({ ...engine.at(7), missed: 2, complete: true });
    await turns();
    expect(ws.got).toEqual(texts(6, 7));
    expect(loop.channels.subscriberCount('a')).toBe(1);
  });

  it('does not take the place of the channel that had its entry before, which the loop has not read of', async () => {
    const other = node.loopOn(1);
    const theirs = other.connect();
    const before = node.engine('before', 50, LIFE + 1);
    other.channels.subscribe(theirs, 'before');
    before.place();
    other.channels.unsubscribe(theirs, 'before');
    for (const name of ['x', 'y', 'z']) other.channels.subscribe(theirs, name);
    node.bridgeSkips();
    const engine = node.engine();
    const result = loop.channels.subscribe(ws, 'a');
    expect(await settledOf(result)).toBe('open');
    expect(node.asked()).toEqual([]);
    engine.place();
    expect(await settledOf(result)).toEqual({ ...engine.at(7), missed: 0, complete: true });
    other.fanOut.stop();
  });
});

describe('a subscription to a channel that has a place', () => {
  let engine: Engine;
  beforeEach(async () => {
    engine = node.engine();
    loop.channels.subscribe(loop.connect(), 'a');
    engine.place();
    await turns();
  });

  it('is told at once where it stands', async () => {
    engine.publish();
    const result = loop.channels.subscribe(ws, 'a');
    expect(result).toEqual({ ok: true, ...engine.at(8), missed: 0, complete: true });
    engine.publish();
    await turns();
    expect(ws.got).toEqual(['9']);
  });

  it('is sent at once what the log holds', async () => {
    engine.publish(3);
    const result = loop.channels.subscribe(ws, 'a', { after: engine.at(8) });
    expect(result).toEqual({ ok: true, ...engine.at(10), missed: 2, complete: true });
    engine.publish();
    await turns();
    expect(ws.got).toEqual(texts(9, 11));
    expect(node.asked()).toEqual([]);
  });

  it('asks for what the log does not hold', async () => {
    engine.publish(3);
    const result = loop.channels.subscribe(ws, 'a', { after: engine.at(2) });
    expect(result).toMatchObject({ ok: true, ...UNKNOWN });
    expect(node.asked()).toEqual(['a 2']);
    engine.publish();
    engine.answer(2);
    engine.publish();
    expect(await settledOf(result)).toEqual({ ...engine.at(12), missed: 10, complete: true });
    await turns();
    expect(ws.got).toEqual(texts(3, 12));
  });

  it('is sent at once the newest of what the log holds when it wants no more', () => {
    engine.publish(3);
    const result = loop.channels.subscribe(ws, 'a', { after: engine.at(7), limit: 2 });
    expect(result).toEqual({ ok: true, ...engine.at(10), missed: 2, complete: false });
    expect(node.asked()).toEqual([]);
  });

  it('waits on when the engine says where the channel stands, or answers who asked for less', async () => {
    const result = loop.channels.subscribe(ws, 'a', { after: engine.at(2) });
    engine.place();
    engine.answer(5);
    expect(await settledOf(result)).toBe('open');
    engine.answer(2);
    expect(await settledOf(result)).toEqual({ ...engine.at(7), missed: 5, complete: true });
    expect(node.asked()).toEqual(['a 2']);
  });

  it('waits until this node is as far when it comes from one that is ahead', async () => {
    const result = loop.channels.subscribe(ws, 'a', { after: engine.at(9) });
    expect(node.asked()).toEqual(['a 9']);
    expect(await settledOf(result)).toBe('open');
    engine.publish(3);
    engine.answer(9);
    expect(await settledOf(result)).toEqual({ ...engine.at(10), missed: 1, complete: true });
    expect(ws.got).toEqual(['10']);
  });

  it('is told that messages are gone when it claims to be where the engine has not been', async () => {
    const result = loop.channels.subscribe(ws, 'a', { after: engine.at(900) });
    engine.answer(900);
    expect(await settledOf(result)).toMatchObject({ ...engine.at(7), complete: false });
    engine.publish();
    await turns();
    expect(ws.got.at(-1)).toBe('8');
  });

  it('is told at once that messages are gone when the log is too full to ask', async () => {
    // The loop does not read before this is over.
    while (engine.tryPublish()) node.bridgeSkips();
    const result = loop.channels.subscribe(ws, 'a', { after: engine.at(2) });
    expect(result).toMatchObject({ ok: true });
    expect(await settledOf(result)).toMatchObject({ complete: false });
    expect(node.asked()).toEqual([]);
  });

  it('gets its answer among those of others who asked for more and for less', async () => {
    const afters = [5, 1, 3];
    const all = afters.map((after) => {
      const own = loop.connect();
      return { own, after, result: loop.channels.subscribe(own, 'a', { after: engine.at(after) }) };
    });
    expect(node.asked()).toEqual(['a 5', 'a 1', 'a 3']);
    for (const after of afters) {
      engine.answer(after);
      engine.publish();
    }
    for (const { own, after, result } of all) {
      expect(await settledOf(result)).toMatchObject({ epoch: engine.epoch, complete: true });
      expect(own.got).toEqual(texts(after + 1, 10));
    }
  });

  it('counts nothing twice when it is looked at while copies for another are in the log', async () => {
    loop.channels.subscribe(ws, 'a');
    await turns();
    engine.publish(2);
    engine.answer(2);
    expect(loop.channels.subscribe(ws, 'a')).toEqual({
      ok: true,
      ...engine.at(9),
      missed: 2,
      complete: true,
    });
  });

  it('counts what is missing as what it will be told of when it is looked at', async () => {
    loop.channels.subscribe(ws, 'a');
    await turns();
    engine.publish(2);
    engine.miss(3);
    engine.publish();
    const result = loop.channels.subscribe(ws, 'a');
    expect(result).toMatchObject({ ...engine.at(13), missed: 6 });
    await turns();
    expect(ws.got).toEqual(['8', '9', '[3]', '13']);
  });

  it('is told in order of messages that are missing', async () => {
    loop.channels.subscribe(ws, 'a');
    engine.publish();
    engine.miss(4);
    engine.publish();
    await turns();
    expect(ws.got).toEqual(['8', '[4]', '13']);
    expect(ws.missedOf).toEqual([{ channel: 'a', count: 4, ...engine.at(12) }]);
  });
});
