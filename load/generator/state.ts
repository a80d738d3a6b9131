/**
 * Messages that each change state which all loops share: a score of a map by its key, a rate limiter, and a counter, whose new value is
 * the answer. Every value from 1 on must come exactly once.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Figures } from '../result.ts';
import { Client, openAll } from './client.ts';
import { dialect } from './dialect.ts';
import { clientFrame, FrameReader, TEXT } from './frames.ts';
import { DRAIN_TIMEOUT_MS, fail, type Load, warmUpMs } from './load.ts';
import { Latencies, Measurement } from './measurement.ts';

export interface StateLoad extends Load {
  readonly kind: 'state';
  readonly connections: number;
  readonly inFlight: number;
  readonly keys: number;
}

const AT_A_TIME = 10;
const ANSWER = /^\d{12}$/;

export async function state(load: StateLoad): Promise<Figures> {
  const manner = dialect(load.dialect, true);
  const frames = Array.from({ length: load.keys }, (_, key) => clientFrame(TEXT, Buffer.from(`key ${key}`)));
  const latencies = new Latencies();
  let seen = new Uint8Array(1 << 20);
  let isMeasuring = false;
  let isOver = false;
  let sent = 0;
  let answered = 0;
  let highest = 0;

  function see(text: string): void {
    if (!ANSWER.test(text)) fail(`the answer is no number: ${text}`);
    const value = Number(text);
    if (value >= seen.length) {
      const more = new Uint8Array(2 * value);
      more.set(seen);
      seen = more;
    }
    if (seen[value] === 1) fail(`the counter had the value ${value} twice`);
    seen[value] = 1;
    highest = Math.max(highest, value);
  }

  await openAll(load.connections, AT_A_TIME, async () => {
    const client = await Client.open(load.port, '/state', manner);
    const sentMs: number[] = [];
    let last = 0;
    const send = (): void => {
      const frame = frames[sent++ % frames.length];
      if (frame === undefined) return;
      sentMs.push(performance.now());
      client.write(frame);
    };
    const reader = new FrameReader((_, payload) => {
      const text = payload.toString('latin1');
      see(text);
      if (Number(text) <= last) fail('answers came out of order');
      last = Number(text);
      answered++;
      const startMs = sentMs.shift() ?? fail('more answers than questions');
      if (isMeasuring) latencies.record(performance.now() - startMs);
      if (!isOver) send();
    });
    client.onData = (chunk) => reader.push(chunk);
    for (let i = 0; i < load.inFlight; i++) send();
  });

  await delay(warmUpMs(load));
  isMeasuring = true;
  const before = answered;
  const measurement = new Measurement(load.pids);
  await delay(load.seconds * 1000);
  const figures = measurement.end(answered - before, latencies.latency);
  isMeasuring = false;
  isOver = true;
  for (const end = performance.now() + DRAIN_TIMEOUT_MS; answered < sent; await delay(10)) {
    if (performance.now() > end) fail(`${sent - answered} answers are missing`);
  }
  if (highest !== sent) fail(`the counter is at ${highest} after ${sent} steps`);
  return figures;
}
