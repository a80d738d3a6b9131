/** Moves messages of 100 bytes from threads to threads, and says how fast. What moves them is the file's that starts it. */
import { once } from 'node:events';
import { cpuUsage, hrtime } from 'node:process';
import { parentPort, Worker, workerData } from 'node:worker_threads';

/** A message is so many words. */
export const MESSAGE_WORDS = 25;
export const MESSAGE_BYTES = 4 * MESSAGE_WORDS;
/** Messages that a writer sends before it lets its event loop turn. */
const BATCH = 500;

const WARM_UP_MESSAGES = 200_000;
const MESSAGES = 1_000_000;

// ── the main thread ──

/**
 * Starts writers and readers, threads of `file`; what every writer sends goes to every reader. `dataOf(role, index)` is what a
 * thread gets as `workerData`; its `ports` are transferred. Prints one line of JSON, with times per message.
 */
export async function move(name, file, writers, readers, dataOf) {
  const start = (role) => (_, index) => {
    const data = dataOf(role, index);
    const workerData = { role, index, writers, readers, ...data };
    return new Worker(new URL(file), { workerData, transferList: data.ports ?? [] });
  };
  const workers = [
    ...Array.from({ length: readers }, start('reader')),
    ...Array.from({ length: writers }, start('writer')),
  ];
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  await run(workers, WARM_UP_MESSAGES / writers);
  const startCpu = cpuUsage();
  const startNs = hrtime.bigint();
  await run(workers, MESSAGES / writers);
  const ns = Number(hrtime.bigint() - startNs) / MESSAGES;
  const { user, system } = cpuUsage(startCpu);
  console.log(JSON.stringify({ name, ns, cpuNs: ((user + system) * 1000) / MESSAGES }));
  await Promise.all(workers.map((worker) => worker.terminate()));
}

/** Has every writer send so many messages. */
async function run(workers, count) {
  const sums = workers.map(async (worker) => {
    worker.postMessage(count);
    const [sum] = await once(worker, 'message');
    return sum;
  });
  const different = new Set(await Promise.all(sums));
  if (different.size !== 1) throw new Error('what was read is not what was sent');
}

// ── a thread ──

/** Runs when the main thread says so; `run(count)` returns, or promises, the sum of all that this thread's readers must have read. */
export function serve(run) {
  parentPort.on('message', async (count) => parentPort.postMessage(await run(count)));
  parentPort.postMessage('ready');
}

export const MESSAGE = new Uint32Array(MESSAGE_WORDS).fill(1);

/** Sends `count` messages in batches; `trySend(MESSAGE)` is false when this one must wait for a turn of the event loop. */
export async function sendAll(count, trySend) {
  for (let sent = 0; sent < count; ) {
    for (let i = 0; i < BATCH && sent < count; i++) {
      MESSAGE[0] = sent;
      if (!trySend(MESSAGE)) break;
      sent++;
    }
    await new Promise(setImmediate);
  }
  return sumOf(count);
}

/** What the readers' sum must be, over all writers. */
function sumOf(count) {
  const { writers } = workerData;
  return writers * ((count * (count - 1)) / 2 + count * (MESSAGE_WORDS - 1));
}
