/** Channels put together by hand, without sockets, in situations that are hard to bring about from outside. */
import { expect, it } from 'vitest';
import { ChannelLog } from '../../src/shared/channel-log.ts';
import { ChannelTable } from '../../src/shared/channel-table.ts';
import { History } from '../../src/shared/history.ts';
import { bellIndex, COUNTERS } from '../../src/shared/layout.ts';
import { BINARY, Log } from '../../src/shared/log.ts';
import { Publisher } from '../../src/shared/publisher.ts';
import { Channels } from '../../src/workers/channels.ts';
import { FanOut } from '../../src/workers/fan-out.ts';
import { SlowConsumers } from '../../src/workers/slow-consumers.ts';

const made = (ringBytes: number, maxChannels: number) => {
  const log = Log.create(2, ringBytes);
  const table = ChannelTable.create(2, maxChannels);
  return [new ChannelLog(log, table, 7n, 1), new ChannelLog(log, table, 7n, 2)] as const;
};
function underLock<T>(shared: ChannelLog, run: () => T): T {
  shared.lock.lock();
  try {
    return run();
  } finally {
    shared.lock.unlock();
  }
}
class Connection {
  isClosed = false;
  subscriptions = new Map();
  got: string[] = [];
  bufferedAmount = 0;
  closedWith = 0;
  topics: Map<string, Set<Connection>>;
  number: number;
  constructor(topics: Map<string, Set<Connection>>, number: number) {
    this.topics = topics;
    this.number = number;
  }
  joinTopic(t: string) {
    (this.topics.get(t) ?? this.topics.set(t, new Set()).get(t))?.add(this);
  }
  leaveTopic(t: string) {
    this.topics.get(t)?.delete(this);
  }
  publishToOthers(t: string, d: Uint8Array) {
    for (const c of this.topics.get(t) ?? []) if (c !== this) c.got.push(Buffer.from(d).toString());
  }
  corked(send: () => void) {
    send();
  }
  close(code: number) {
    this.closedWith = code;
  }
  send(d: Uint8Array) {
    this.got.push(Buffer.from(d).toString());
    return 'sent';
  }
}
function loopOf(shared: ChannelLog, id = 0) {
  const totals = Object.fromEntries(COUNTERS.map((c) => [c, 0])) as never;
  const connections: Connection[] = [];
  const slow = new SlowConsumers('drop', 1 << 20, totals);
  const fanOut = new FanOut(shared, id, totals, slow, {
    onBehind: () => channels.recover(connections as never),
    onPlaced: (placed) => channels.placed(placed),
  });
  const channels: Channels = new Channels(
    shared,
    id,
    fanOut,
    slow,
    { maxChannelsPerConnection: 10, maxBackpressure: 1 << 20 },
    totals,
  );
  const topics = new Map<string, Set<Connection>>();
  fanOut.start({
    publish: (t: string, d: Uint8Array) => {
      for (const c of topics.get(t) ?? []) c.got.push(Buffer.from(d).toString());
    },
  } as never);
  let n = 0;
  return {
    fanOut,
    channels,
    connect: () => {
      const connection = new Connection(topics, ++n);
      connections.push(connection);
      return connection as never as Parameters<Channels['subscribe']>[0] & Connection;
    },
  };
}
const turns = async (n = 20) => {
  for (let i = 0; i < n; i++) await new Promise((r) => setImmediate(r));
};

it('keeps the records of the history whole when a publish is refused behind the end of the ring', () => {
  const [shared] = made(64 * 64, 1);
  const publisher = new Publisher(shared);
  underLock(shared, () => {
    shared.name.trySet('a');
    shared.table.setSubscribers(shared.table.findOrCreate(shared.name), 0, 1);
  });
  for (let i = 0; i < 127; i++) publisher.publish('a', 0, new Uint8Array([i]), BINARY, 0);
  const before = new History(shared).read('a', undefined, 1000);
  expect(publisher.publish('b', 0, new Uint8Array(60), BINARY, 0)).toEqual({
    ok: false,
    reason: 'too-many-channels',
  });
  expect(new History(shared).read('a', undefined, 1000)).toEqual(before);
});

it('forgets an idle channel that every loop has read when the table is full', () => {
  const [shared] = made(1 << 20, 100);
  const publisher = new Publisher(shared);
  for (let i = 0; i < 200; i++) expect(publisher.publish(`c${i}`, 0, 'x', 0, 0).ok).toBe(true);
});

it('delivers without a gap when a connection that comes back also subscribes to another channel', async () => {
  const [own, other] = made(1 << 16, 100);
  const { channels, connect } = loopOf(own);
  const elsewhere = new Publisher(other);
  const [a, b] = [connect(), connect()];
  channels.subscribe(b, 'y');
  elsewhere.publish('x', 0, '1', 0, 0);
  expect(channels.subscribe(a, 'x', { after: { epoch: '', sequence: 0 } }).ok).toBe(true);
  for (let i = 2; i <= 4; i++) elsewhere.publish('x', 0, String(i), 0, 0);
  channels.subscribe(a, 'z');
  for (let i = 5; i <= 7; i++) elsewhere.publish('x', 0, String(i), 0, 0);
  await turns();
  expect(a.got).toEqual(['1', '2', '3', '4', '5', '6', '7']);
});

it('forgets a connection that has published and unsubscribed when it closes', () => {
  const [own] = made(1 << 16, 100);
  const { channels, fanOut, connect } = loopOf(own);
  const a = connect();
  channels.subscribe(a, 'x');
  channels.publish('x', 'hello', undefined, a);
  channels.unsubscribe(a, 'x');
  channels.leave(a);
  expect(fanOut.senders.size).toBe(0);
});

it('keeps one channel one channel when its name has a lone surrogate', async () => {
  const [own, other] = made(1 << 16, 100);
  const { channels, connect } = loopOf(own);
  const [a, b] = [connect(), connect()];
  const r1 = channels.subscribe(a, '\ud800');
  const r2 = channels.subscribe(b, '\ufffd');
  if (!r1.ok || !r2.ok) return; // refused is fine
  channels.unsubscribe(b, '\ufffd');
  expect(channels.subscriberCount('\ufffd')).toBe(1);
  new Publisher(other).publish('\ufffd', 0, 'hello', 0, 0);
  await turns();
  expect(a.got).toEqual(['hello']);
});

it('never writes into a forgotten channel when its name has a lone surrogate', () => {
  const [own, other] = made(1 << 16, 2);
  const { channels, connect } = loopOf(own);
  const elsewhere = new Publisher(other);
  const [a, b] = [connect(), connect()];
  if (!channels.subscribe(a, '\ud800').ok) return;
  channels.subscribe(b, '\ufffd');
  channels.unsubscribe(b, '\ufffd');
  // Two more: the first channel is forgotten, though `a` is subscribed to it.
  elsewhere.publish('one', 0, 'x', 0, 0);
  elsewhere.publish('two', 0, 'x', 0, 0);
  const r = channels.publish('\ud800', 'into the entry of another', undefined);
  expect(new History(own).read('two', undefined, 10).messages.map(({ data }) => data)).toEqual(['x']);
  void r;
});

it('reads what a client gave as its position outside the append lock', () => {
  const [own] = made(1 << 16, 2);
  let wasMine = false;
  const after = {
    get epoch() {
      wasMine = own.lock.isMine;
      return '';
    },
    sequence: 0,
  };
  new History(own).read('a', after, 10);
  expect(wasMine).toBe(false);
});

it('has either published and woken every loop, or not published, when the stack overflows in publish', () => {
  const data = new Uint8Array(20);
  let [lost, stuck, thrown, published] = [0, 0, 0, 0];
  for (let round = 0; round < 40; round++) {
    // One server for each level of the recursion on its way back.
    const servers = Array.from({ length: 60 }, () => {
      const [own, other] = made(1 << 13, 10);
      const loop = loopOf(own);
      loop.channels.subscribe(loop.connect(), 'x');
      underLock(other, () => {
        other.name.trySet('x');
        other.table.setSubscribers(other.table.find(other.name), 1, 1);
      });
      Atomics.store(own.log.words, bellIndex(1), 1);
      return { own, ...loop, before: own.writer.end, threw: false };
    });
    let level = 0;
    const publish = () => {
      const server = servers[level++];
      if (server === undefined) return;
      try {
        server.channels.publish('x', data, undefined);
      } catch {
        server.threw = true;
      }
    };
    const recurse = new Function(
      'self',
      'publish',
      `let ${Array.from({ length: (round % 23) + 1 }, (_, i) => `v${i} = 0`).join(', ')}; try { self(self, publish) } finally { publish() }`,
    );
    try {
      recurse(recurse, publish);
    } catch {}
    for (const { own, fanOut, before, threw } of servers) {
      const isPublished = own.writer.end !== before;
      if (isPublished) published++;
      if (!threw) continue;
      thrown++;
      if (!isPublished) continue;
      if (Atomics.load(own.log.words, bellIndex(1)) === 1) lost++;
      let turns = 0;
      const real = globalThis.setImmediate;
      globalThis.setImmediate = ((f: () => void) => {
        turns++;
        return real(f);
      }) as never;
      fanOut.schedule();
      globalThis.setImmediate = real;
      if (turns === 0) stuck++;
    }
  }
  console.log({ thrown, published, lost, stuck });
  expect({ lost, stuck }).toEqual({ lost: 0, stuck: 0 });
});

it('counts subscribers right when the stack overflows in subscribe', () => {
  let [wrong, held, thrown] = [0, 0, 0];
  for (let round = 0; round < 40; round++) {
    const servers = Array.from({ length: 80 }, () => {
      const [own] = made(1 << 13, 10);
      const loop = loopOf(own);
      return { own, ...loop, ws: loop.connect(), threw: false };
    });
    let level = 0;
    const run = () => {
      const server = servers[level++];
      if (server === undefined) return;
      try {
        server.channels.subscribe(server.ws, 'x');
      } catch {
        server.threw = true;
      }
    };
    const recurse = new Function(
      'self',
      'publish',
      `let ${Array.from({ length: (round % 23) + 1 }, (_, i) => `v${i} = 0`).join(', ')}; try { self(self, publish) } finally { publish() }`,
    );
    try {
      recurse(recurse, run);
    } catch {}
    for (const { own, channels, ws, threw } of servers) {
      if (threw) thrown++;
      if (own.lock.isMine) {
        held++;
        continue;
      }
      channels.subscribe(ws, 'x');
      channels.unsubscribe(ws, 'x');
      const local = channels.subscriberCount('x');
      if (local !== 0) wrong++;
    }
  }
  console.log({ thrown, wrong, held });
  expect({ wrong, held }).toEqual({ wrong: 0, held: 0 });
});

it('keeps the records of the history whole when the stack overflows in publish', () => {
  let [damaged, thrown] = [0, 0];
  for (let round = 0; round < 46; round++) {
    const servers = Array.from({ length: 60 }, () => {
      const [own] = made(64 * 64, 2);
      const publisher = new Publisher(own);
      for (let i = 0; i < 128; i++) publisher.publish('a', 0, new Uint8Array(30).fill(i), BINARY, 0);
      // Sometimes a channel that is idle, so that it is moved in the list.
      publisher.publish('b', 0, new Uint8Array(1), BINARY, 0);
      return {
        own,
        publisher,
        history: new History(own),
        before: new History(own).read('a', undefined, 1000),
        end: own.writer.end,
        threw: false,
      };
    });
    let level = 0;
    const run = () => {
      const server = servers[level++];
      if (server === undefined) return;
      try {
        server.publisher.publish('a', 0, new Uint8Array(30).fill(255), BINARY, 0);
      } catch {
        server.threw = true;
      }
    };
    const recurse = new Function(
      'self',
      'publish',
      `let ${Array.from({ length: (round % 23) + 1 }, (_, i) => `v${i} = 0`).join(', ')}; try { self(self, publish) } finally { publish() }`,
    );
    try {
      recurse(recurse, run);
    } catch {}
    for (const { own, history, before, end, threw } of servers) {
      if (!threw || own.writer.end !== end) continue;
      thrown++;
      const after = history.read('a', undefined, 1000);
      // Each message that is given must be the one it says it is.
      const isWhole = after.messages.every(({ sequence, data }) => {
        const old = before.messages.find((m) => m.sequence === sequence);
        return old !== undefined && Buffer.compare(Buffer.from(old.data), Buffer.from(data)) === 0;
      });
      if (!isWhole) damaged++;
    }
  }
  console.log({ thrown, damaged });
  expect(damaged).toBe(0);
});

/** Ring of 1024 units; a message takes one. */
const SMALL = 1 << 16;
const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => String(from + i));

/** Publishes numbered messages until the log is full, then takes the loop on seat 0, which stands still, out of its gate. */
function fillAndUngate(other: ChannelLog, elsewhere: Publisher, channel: string): number {
  let published = 0;
  while (elsewhere.publish(channel, 0, String(published + 1), 0, 0).ok) published++;
  expect(other.ungate(0)).toBe(true);
  return published;
}

it('delivers everything once and in order when a loop that was taken out of the gate turns before anything is overwritten', async () => {
  const [own, other] = made(SMALL, 100);
  const { channels, connect } = loopOf(own);
  const elsewhere = new Publisher(other);
  const [live, joining, elsewhereSubscribed, resumed] = [connect(), connect(), connect(), connect()];
  channels.subscribe(live, 'x');
  channels.subscribe(elsewhereSubscribed, 'quiet');
  await turns();
  elsewhere.publish('x', 0, 'before', 0, 0);
  channels.subscribe(joining, 'x');
  channels.subscribe(resumed, 'x', { after: { epoch: '', sequence: 0 } });
  const published = fillAndUngate(other, elsewhere, 'x');
  await turns();
  elsewhere.publish('x', 0, 'after', 0, 0);
  elsewhere.publish('quiet', 0, 'quiet', 0, 0);
  await turns();
  const all = [...numbers(1, published), 'after'];
  expect(live.got).toEqual(['before', ...all]);
  expect(joining.got).toEqual(all);
  expect(resumed.got).toEqual(['before', ...all]);
  expect(elsewhereSubscribed.got).toEqual(['quiet']);
  expect([live, joining, resumed, elsewhereSubscribed].map(({ closedWith }) => closedWith)).toEqual([
    0, 0, 0, 0,
  ]);
});

it('closes with 1013 who missed what was overwritten, and nobody else, when a loop was taken out of the gate', async () => {
  const [own, other] = made(SMALL, 100);
  const { channels, connect, fanOut } = loopOf(own);
  const elsewhere = new Publisher(other);
  const [late, quiet] = [connect(), connect()];
  channels.subscribe(late, 'x');
  channels.subscribe(quiet, 'quiet');
  await turns();
  const published = fillAndUngate(other, elsewhere, 'x');
  // The log goes round without the loop.
  for (let i = 0; i < 3 * published; i++) expect(elsewhere.publish('x', 0, 'more', 0, 0).ok).toBe(true);
  fanOut.schedule();
  await turns();
  expect([late.closedWith, quiet.closedWith]).toEqual([1013, 0]);
  elsewhere.publish('quiet', 0, 'still here', 0, 0);
  await turns();
  expect(quiet.got).toEqual(['still here']);
  // It holds up the log again.
  expect(fillAndUngate(other, elsewhere, 'quiet')).toBeGreaterThan(0);
});

it('stays in the gate when it reads, when it has read nearly everything, and when it is nobody', () => {
  const [own, other] = made(SMALL, 100);
  const { fanOut } = loopOf(own);
  const elsewhere = new Publisher(other);
  expect([other.ungate(0), other.ungate(1)]).toEqual([false, false]);
  while (elsewhere.publish('x', 0, 'x', 0, 0).ok);
  expect(own.log.tryBeginReading(0)).toBe(true);
  expect(other.ungate(0)).toBe(false);
  own.log.endReading(0);
  expect(other.ungate(0)).toBe(true);
  expect(own.log.tryBeginReading(0)).toBe(false);
  fanOut.stop();
});
