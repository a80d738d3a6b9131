/** Several threads that run one fixture and start together. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/**
 * Starts a fixture once for each number from 1 to `count`, with `holder` and `gate` beside `data` in its `workerData`, and resolves
 * with what each has posted, in order, when all have. The fixture calls `startTogether` of `shared-gate.js`.
 */
export async function crew<T>(fixture: string, count: number, data: object): Promise<T[]> {
  const gate = new Int32Array(new SharedArrayBuffer(8));
  gate[1] = count;
  const url = new URL(`../fixtures/${fixture}`, import.meta.url);
  const workers = Array.from(
    { length: count },
    (_, index) => new Worker(url, { workerData: { ...data, gate, holder: index + 1 } }),
  );
  try {
    return await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0] as T));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
