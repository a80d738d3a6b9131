/**
 * Connections that were away: each comes to a channel of 100,000 messages, as if it had missed the last so many, gets them all, or only
 * the oldest of them, checks every byte, and makes room for the next.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Figures } from '../result.ts';
import { Client } from './client.ts';
import { dialect } from './dialect.ts';
import { DRAIN_TIMEOUT_MS, fail, type Load, warmUpMs } from './load.ts';
import { Latencies, Measurement } from './measurement.ts';
import { Stream } from './stream.ts';

export interface ResumeLoad extends Load {
  readonly kind: 'resume';
  /** At most {@link HELD}. */
  readonly missed: number;
  /** What is sent, and counted: each message, or each return with the oldest one. */
  readonly wants: 'all' | 'oldest';
  readonly atATime: number;
}

const HELD = 100_000;
const MESSAGE_BYTES = 100;
const FILL_WINDOW = 256;
const CHANNEL = 'history';

/** Publishes to the channel all that it holds. */
async function fill(load: ResumeLoad, stream: Stream): Promise<void> {
  const client = await Client.open(load.port, `/channel/${CHANNEL}`, dialect(load.dialect));
  const frameBytes = stream.frameBytes;
  await new Promise<void>((resolve) => {
    let published = FILL_WINDOW;
    let bytes = 0;
    client.onData = (chunk) => {
      bytes += chunk.length;
      const count = Math.min(HELD, Math.floor(bytes / frameBytes) + FILL_WINDOW) - published;
      if (count > 0) client.write(stream.messages(published, count));
      published += count;
      if (bytes === HELD * frameBytes) resolve();
    };
    client.write(stream.messages(0, FILL_WINDOW));
  });
  client.drop();
}

export async function resume(load: ResumeLoad): Promise<Figures> {
  const manner = dialect(load.dialect);
  const stream = new Stream(manner, 0, MESSAGE_BYTES, FILL_WINDOW);
  await fill(load, stream);

  const sent = load.wants === 'all' ? load.missed : 1;
  const expectedBytes = sent * stream.frameBytes;
  const startByte = (HELD - load.missed) * stream.frameBytes;
  const path = `/history/${CHANNEL}/${load.missed}/${load.wants}`;
  const latencies = new Latencies();
  let isMeasuring = false;
  let isOver = false;
  let bytes = 0;

  async function comeAndGo(): Promise<void> {
    while (!isOver) {
      const startMs = performance.now();
      await new Promise<void>((resolve) => {
        let received = 0;
        const opening = Client.open(load.port, path, manner, (chunk) => {
          if (!stream.has(chunk, startByte + received)) fail('what came differs from what was missed');
          received += chunk.length;
          bytes += chunk.length;
          if (received > expectedBytes) fail('more came than was missed');
          if (received === expectedBytes) opening.then((client) => resolve(client.drop()));
        });
      });
      if (isMeasuring) latencies.record(performance.now() - startMs);
    }
  }

  const all = Promise.all(Array.from({ length: load.atATime }, comeAndGo));
  await delay(warmUpMs(load));
  isMeasuring = true;
  const before = bytes;
  const measurement = new Measurement(load.pids);
  await delay(load.seconds * 1000);
  const counted = (bytes - before) / stream.frameBytes;
  const figures = measurement.end(counted, latencies.latency);
  isMeasuring = false;
  isOver = true;
  await Promise.race([
    all,
    delay(DRAIN_TIMEOUT_MS).then(() => fail('a connection did not get what it missed')),
  ]);
  return figures;
}
