/** Mutexes that no other thread wants meanwhile. */
import { Mutex } from '../../dist/shared/mutex.js';
import { SharedState } from '../../dist/shared/state.js';
import { bench } from './bench.js';

const lock = new Mutex(new Int32Array(new SharedArrayBuffer(64)), 0, 1, 'of this benchmark');
const mutex = new SharedState(SharedState.create(2 ** 20), 1).mutex('total');
let total = 0;

bench('lock and unlock, inside', (n) => {
  for (let i = 0; i < n; i++) {
    lock.lock();
    total++;
    lock.unlock();
  }
});
bench('mutex.runExclusive', (n) => {
  for (let i = 0; i < n; i++) mutex.runExclusive(() => total++);
});
