/** How far the readers are, for writers whose messages would else pile up in memory. */
import { workerData } from 'node:worker_threads';

/** Messages that a writer may be ahead of the slowest reader. */
const WINDOW = 2 ** 14;

/** Memory for `workerData.received`. */
export const createWindow = (writers, readers) =>
  new Int32Array(new SharedArrayBuffer(4 * writers * readers));

/** A reader says so for each message that it got of a writer. */
export function gotMessageOf(writer) {
  const { received, index, writers } = workerData;
  Atomics.add(received, index * writers + writer, 1);
}

/** Sends by `send` while the window is open. */
export function windowed(send) {
  const { received, index, writers, readers } = workerData;
  let sent = 0;
  return (message) => {
    for (let reader = 0; reader < readers; reader++) {
      if (((sent - Atomics.load(received, reader * writers + index)) | 0) >= WINDOW) return false;
    }
    sent = (sent + 1) | 0;
    send(message);
    return true;
  };
}
