/**
 * Channels whose connections all subscribe, and some of which publish. Each publisher keeps `inFlight` of its messages on their way,
 * sending the next when one of its own comes back; with `perSecond` it does so for the warm-up only, and then they publish by the clock.
 * With `publishPort` a publisher is two connections: one to another node, which it publishes by, and the one that subscribes.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Figures } from '../result.ts';
import { Client, openAll } from './client.ts';
import { dialect } from './dialect.ts';
import { CLOCK_MS, countsFrom, DRAIN_TIMEOUT_MS, fail, type Load, warmUpMs } from './load.ts';
import { Latencies, Measurement } from './measurement.ts';
import { type Listener, Member } from './member.ts';
import { openPublishers } from './other-node.ts';
import { Stream } from './stream.ts';

export interface FanOutLoad extends Load {
  readonly kind: 'fan-out';
  /** Threads or processes over which the members of each channel must be spread evenly. */
  readonly loops: number;
  readonly channels: number;
  /** Per channel; the publishers are among the subscribers. */
  readonly subscribers: number;
  readonly publishers: number;
  readonly inFlight: number;
  readonly bytes: number;
  /** Messages published per second over all publishers; left out: as many as come back. */
  readonly perSecond?: number;
  /** So many of each channel's subscribers, the last ones, do not read while it is measured. */
  readonly slow?: number;
  /** Of the other node; left out: there is one. */
  readonly publishPort?: number;
}

/** Up to so many connections are opened one after the other, so that the members of a channel alternate between the loops. */
const ONE_BY_ONE = 2000;
const AT_A_TIME = 20;
/** By the clock, so many may be on their way for each publisher before it waits. */
const CLOCK_WINDOW = 256;

export async function fanOut(load: FanOutLoad): Promise<Figures> {
  const manner = dialect(load.dialect);
  const window = load.perSecond === undefined ? load.inFlight : Math.max(load.inFlight, CLOCK_WINDOW);
  const streams = Array.from(
    { length: load.publishers },
    (_, author) => new Stream(manner, author, load.bytes, window),
  );
  const cycle = streams[0]?.cycle ?? 0;
  const latencies = new Latencies();
  let isMeasuring = false;
  let isWindowed = true;
  let isOver = false;

  /** When each publisher of a channel sent what is on its way, by its number within the cycle. */
  const listen = (sentMs: readonly Float64Array[]): Listener => ({
    ownReturned: (member, count) => {
      if (isWindowed) publish(member, count);
    },
    delivered: (publisher, from, count) => {
      if (!isMeasuring) return;
      const nowMs = performance.now();
      // In a full window, the oldest stands for all that came with it; by the clock, each counts.
      const counted = isWindowed ? 1 : count;
      for (let i = from; i < from + counted; i++)
        latencies.record(nowMs - (sentMs[publisher]?.[i % cycle] ?? 0));
    },
  });
  const sentMsOf = Array.from({ length: load.channels }, () => streams.map(() => new Float64Array(cycle)));
  const channels: Member[][] = sentMsOf.map(() => []);
  const channelOf = new Map<Member, number>();
  function publish(member: Member, count: number, sentMs = performance.now()): void {
    const times = sentMsOf[channelOf.get(member) ?? 0]?.[member.number];
    for (let i = member.published; times && i < member.published + count; i++) times[i % cycle] = sentMs;
    member.publish(count);
  }

  const connections = load.channels * load.subscribers;
  const clients = await openAll(connections, connections > ONE_BY_ONE ? AT_A_TIME : 1, (number) =>
    Client.open(load.port, `/channel/${Math.floor(number / load.subscribers)}`, manner),
  );
  const publishing =
    load.publishPort === undefined ? [] : await openPublishers(load, load.publishPort, clients);
  for (const [number, client] of clients.entries()) {
    const channel = Math.floor(number / load.subscribers);
    const listener = listen(sentMsOf[channel] ?? []);
    const member = new Member(
      client,
      number % load.subscribers,
      channel,
      streams,
      listener,
      publishing[number],
    );
    channels[channel]?.push(member);
    channelOf.set(member, channel);
  }
  if (connections <= ONE_BY_ONE) for (const members of channels) checkSpread(members, load.loops);

  const publishers = channels.flatMap((members) => members.slice(0, load.publishers));
  const isSlow = (member: Member): boolean => member.number >= load.subscribers - (load.slow ?? 0);
  const readers = channels.flat().filter((member) => !isSlow(member));
  const deliveries = (): number => readers.reduce((total, member) => total + member.deliveries, 0);
  const publishedIn = (members: readonly Member[]): number =>
    members.reduce((total, member) => total + member.published, 0);
  const expected = (): number =>
    channels.reduce((total, all) => total + publishedIn(all) * (load.subscribers - (load.slow ?? 0)), 0);
  const drain = async (): Promise<void> => {
    for (const end = performance.now() + DRAIN_TIMEOUT_MS; deliveries() < expected(); await delay(10)) {
      if (performance.now() > end) fail(`${expected() - deliveries()} deliveries are missing`);
    }
  };

  /** Publishes what is due, in turn. */
  const publishByClock = (perSecond: number): void => {
    const startMs = performance.now();
    let turn = 0;
    const timer = setInterval(() => {
      if (isOver) clearInterval(timer);
      const nowMs = performance.now();
      for (const due = ((nowMs - startMs) * perSecond) / 1000; turn < due && !isOver; turn++) {
        const publisher = publishers[turn % publishers.length];
        const dueMs = startMs + (turn * 1000) / perSecond;
        if (publisher === undefined || publisher.ownInFlight >= CLOCK_WINDOW) break;
        publish(publisher, 1, countsFrom(dueMs, nowMs));
      }
    }, CLOCK_MS);
  };

  for (const publisher of publishers) publish(publisher, load.inFlight);
  await delay(warmUpMs(load));
  if (load.perSecond !== undefined) {
    isWindowed = false;
    await drain();
    for (const member of channels.flat()) if (isSlow(member)) member.client.socket.pause();
    publishByClock(load.perSecond);
    await delay(warmUpMs(load));
  }
  isMeasuring = true;
  const before = deliveries();
  const measurement = new Measurement(load.pids, load.apart);
  await delay(load.seconds * 1000);
  const figures = measurement.end(deliveries() - before, latencies.latency);
  isMeasuring = false;
  isWindowed = false;
  isOver = true;
  for (const member of channels.flat()) if (isSlow(member)) member.client.drop();
  await drain();
  for (const members of channels) {
    const published = publishedIn(members);
    if (members.some((member) => !isSlow(member) && member.deliveries !== published))
      fail('a subscriber got more messages than were published');
  }
  return figures;
}

/** Where the server says which loop serves a connection. */
function checkSpread(members: readonly Member[], loops: number): void {
  const all = members.map(({ client }) => client.loop);
  if (members.length < loops || all.includes(null)) return;
  const counts = [...new Set(all)].map((loop) => all.filter((other) => other === loop).length);
  if (counts.length !== loops || Math.max(...counts) - Math.min(...counts) > 1)
    fail(`the members of a channel are not spread evenly: ${counts.join(' and ')}`);
}
