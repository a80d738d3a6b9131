/** Connections that come and go: each connects, shakes hands, closes with a close frame, and makes room for the next. */
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Figures } from '../result.ts';
import { Client } from './client.ts';
import { dialect } from './dialect.ts';
import { CLOSE, clientFrame, FrameReader } from './frames.ts';
import { fail, type Load, warmUpMs } from './load.ts';
import { Latencies, Measurement } from './measurement.ts';

export interface HandshakesLoad extends Load {
  readonly kind: 'handshakes';
  readonly path: string;
  readonly atATime: number;
}

const NORMAL = Buffer.from([1000 >> 8, 1000 & 255]);
const CLOSE_TIMEOUT_MS = 5000;

/** Resolves when the server has answered the close frame; then no port is left waiting. */
function close(client: Client): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('a close was not answered')), CLOSE_TIMEOUT_MS);
    const reader = new FrameReader((opcode, payload) => {
      if (opcode !== CLOSE) return;
      clearTimeout(timer);
      client.drop();
      if (payload.length === 0 || payload.readUInt16BE() !== 1000)
        reject(new Error('a close was answered wrongly'));
      resolve();
    });
    client.onData = (chunk) => reader.push(chunk);
    client.onClose = () => reject(new Error('the server closed without a close frame'));
    client.write(clientFrame(CLOSE, NORMAL));
  });
}

export async function handshakes(load: HandshakesLoad): Promise<Figures> {
  const manner = dialect(load.dialect);
  const latencies = new Latencies();
  let isMeasuring = false;
  let isOver = false;
  let count = 0;
  const comeAndGo = async (): Promise<void> => {
    while (!isOver) {
      const startMs = performance.now();
      const client = await Client.open(load.port, load.path, manner);
      if (isMeasuring) latencies.record(performance.now() - startMs);
      await close(client);
      count++;
    }
  };
  const all = Promise.all(Array.from({ length: load.atATime }, comeAndGo)).catch((error: Error) =>
    fail(error.message),
  );
  const measure = async (): Promise<Figures> => {
    await delay(warmUpMs(load));
    isMeasuring = true;
    const before = count;
    const measurement = new Measurement(load.pids);
    await delay(load.seconds * 1000);
    const figures = measurement.end(count - before, latencies.latency);
    isMeasuring = false;
    isOver = true;
    return figures;
  };
  const [figures] = await Promise.all([measure(), all]);
  return figures;
}
