import type { SubscribeResult } from 'polyloop';
import { expect, test } from 'vitest';
import { FixtureServer } from '../harness/fixture-server.ts';
import { type Random, runSeed, seededRandom } from '../harness/random.ts';
import { openRoom, RoomPublisher } from '../harness/room.ts';
import { until } from '../harness/until.ts';

const IS_LONG = process.env.POLYLOOP_STRESS === '1';
const LOOPS = 8;
const PUBLISHERS = 4;
const RESUMING = 10;
const RETURNS = IS_LONG ? 100 : 6;
const TIMEOUT_MS = 120_000;

interface Outcomes {
  /** Came back and missed nothing that it was not sent. */
  complete: number;
  /** Was told that the log no longer held all that it missed. */
  incomplete: number;
  /** Was closed because the log overtook it while it was sent what it missed. */
  overtaken: number;
}

/** Drops its connection and returns, again and again; gives what it received, by sequence. */
async function dropAndReturn(
  url: string,
  random: Random,
  publishedSoFar: () => number,
  outcomes: Outcomes,
): Promise<Map<number, string>> {
  const received = new Map<number, string>();
  let epoch: string | undefined;
  let last = 0;
  for (let returns = 0; returns <= RETURNS; returns++) {
    const after = epoch === undefined ? '' : `?after=${JSON.stringify({ epoch, sequence: last })}`;
    let left = random(4) === 0 ? 0 : random(300);
    let isDropped = false;
    const waiting: string[] = [];
    let take = (text: string): void => void waiting.push(text);
    const { client, result } = await openRoom(`${url}${after}`, (text) => isDropped || take(text));
    const closed = client.closed.then(({ code }) => code);
    begin(result);
    for (const text of waiting.splice(0)) take(text);
    await until(() => left <= 0 || client.socket.readyState === client.socket.CLOSED);
    isDropped = true;
    client.socket.terminate();
    if ((await closed) === 1013) outcomes.overtaken++;
    // Some come back at once, others when they have missed much.
    const wanted = publishedSoFar() + ([0, 0, 50, 1000][random(4)] ?? 0);
    await until(() => publishedSoFar() >= wanted);

    function begin(result: Extract<SubscribeResult, { ok: true }>): void {
      let next = result.sequence - result.missed + 1;
      if (epoch !== undefined) {
        outcomes[result.complete ? 'complete' : 'incomplete']++;
        if (result.complete ? next !== last + 1 : next <= last) throw new Error(`${next} came after ${last}`);
        if (result.epoch !== epoch) throw new Error(`the epoch became ${result.epoch}`);
      }
      epoch = result.epoch;
      last = next - 1;
      take = (text) => {
        if (left-- <= 0) return;
        received.set(next, text);
        last = next++;
      };
    }
  }
  return received;
}

/**
 * Allowed: what is after "only" in each line. Forbidden: a message twice, in another place of the sequence or changed, one that is
 * left out without `complete: false`.
 */
test.each<[string, number, (keyof Outcomes)[]]>([
  ['large enough: only complete', 16 * 1024 * 1024, ['complete']],
  ['small: only complete, incomplete and overtaken', 256 * 1024, ['complete', 'incomplete', 'overtaken']],
])(
  'sends every message once and in order, or says that it cannot, to clients that drop and return when the log is %s',
  async (_, logBytes, allowed) => {
    const seed = runSeed();
    const server = await FixtureServer.start('channels-room.js', { workers: LOOPS, logBytes });
    const url = server.url('/room');
    const all: string[] = [];
    await openRoom(url, (text) => void all.push(text));
    const publishers: RoomPublisher[] = [];
    while (publishers.length < PUBLISHERS) publishers.push(await RoomPublisher.open(url, publishers.length));
    for (const publisher of publishers) publisher.start();

    const outcomes: Outcomes = { complete: 0, incomplete: 0, overtaken: 0 };
    const clients = await Promise.all(
      Array.from({ length: RESUMING }, (_, i) =>
        dropAndReturn(url, seededRandom(seed + i), () => all.length, outcomes),
      ),
    );
    await Promise.all(publishers.map((publisher) => publisher.stop()));
    const published = publishers.reduce((sum, publisher) => sum + publisher.published, 0);
    await until(() => all.length >= published);

    console.log(`${published} messages, ${RESUMING * RETURNS} returns:`, outcomes);
    expect(all.length).toBe(published);
    for (const received of clients) {
      for (const [sequence, text] of received) expect(text, `sequence ${sequence}`).toBe(all[sequence - 1]);
    }
    expect(outcomes.complete + outcomes.incomplete).toBe(RESUMING * RETURNS);
    const seen = Object.entries(outcomes).flatMap(([name, count]) => (count > 0 ? name : []));
    expect(allowed).toEqual(expect.arrayContaining(seen));
    expect(outcomes.complete).toBeGreaterThan(0);
    await server.close();
  },
  TIMEOUT_MS,
);
