/** Messages through the log: appended under its lock, read in place by loops that sleep at their doorbell. */
import { isMainThread, workerData } from 'node:worker_threads';
import { Doorbell, ring } from '../../dist/shared/doorbell.js';
import { bellIndex, LOG_LOCK_INDEX } from '../../dist/shared/layout.js';
import { BINARY, Log, RECORD_HEADER_BYTES } from '../../dist/shared/log.js';
import { LogReader } from '../../dist/shared/log-reader.js';
import { LogWriter, NO_POSITION } from '../../dist/shared/log-writer.js';
import { Mutex } from '../../dist/shared/mutex.js';
import { MESSAGE, MESSAGE_BYTES, move, sendAll, serve } from './move.js';
import { tally } from './tally.js';

/** The server's default. */
const LOG_BYTES = 2 ** 24;
const READ_BUDGET = 1000;

async function moveThroughLog(writers, readers) {
  const memory = Log.create(readers, LOG_BYTES);
  await move(`log, ${writers} to ${readers}`, import.meta.url, writers, readers, () => ({ memory }));
}

function write(log, lock) {
  const { readers } = workerData;
  const writer = new LogWriter(log);
  const bytes = new Uint8Array(MESSAGE.buffer);
  const tryAppend = () => {
    lock.lock();
    try {
      const position = writer.tryReserve(MESSAGE_BYTES);
      if (position === NO_POSITION) return false;
      const head = { channel: 1, sequence: 1, previous: NO_POSITION, flags: BINARY, connection: 0 };
      writer.write(position, head, bytes, MESSAGE_BYTES);
      writer.commit(position, MESSAGE_BYTES);
    } finally {
      lock.unlock();
    }
    for (let reader = 0; reader < readers; reader++) ring(log.words, bellIndex(reader));
    return true;
  };
  serve((count) => sendAll(count, tryAppend));
}

function read(log, lock) {
  const { index } = workerData;
  const reader = new LogReader(log, index);
  lock.lock();
  reader.attach();
  lock.unlock();
  const count = tally();
  const visit = (word) => {
    count(log.words, word + RECORD_HEADER_BYTES / 4);
    return 1;
  };
  // As a loop does it: src/workers/fan-out.ts.
  const doorbell = new Doorbell(log.words, bellIndex(index), turn);
  function turn() {
    reader.read(READ_BUDGET, visit);
    doorbell.arm();
    if (reader.isAtTail && doorbell.tryWait()) return;
    doorbell.disarm();
    setImmediate(turn);
  }
  turn();
}

if (isMainThread) {
  await moveThroughLog(1, 1);
  await moveThroughLog(2, 2);
} else {
  const { role, index, readers, memory } = workerData;
  const log = new Log(memory);
  const number = 1 + index + (role === 'writer' ? readers : 0);
  const lock = new Mutex(log.words, LOG_LOCK_INDEX, number, 'of the log');
  if (role === 'writer') write(log, lock);
  else read(log, lock);
}
