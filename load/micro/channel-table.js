/** The channel table with many channels: what subscribing and looking up cost. */
import { ChannelTable } from '../../dist/shared/channel-table.js';
import { EncodedName } from '../../dist/shared/encoded-name.js';
import { Mutex } from '../../dist/shared/mutex.js';
import { bench } from './bench.js';

const CHANNELS = 10_000;
const LOOPS = 2;
const table = new ChannelTable(ChannelTable.create(LOOPS, 2 * CHANNELS));
const lock = new Mutex(new Int32Array(new SharedArrayBuffer(64)), 0, 1, 'of this benchmark');
const name = new EncodedName(table.hashKey);
const names = Array.from({ length: CHANNELS }, (_, i) => `room:${i}`);

/** As a loop does it when its first connection subscribes to a channel, and when its last one leaves. */
function subscribe(channel, count) {
  name.trySet(channel);
  lock.lock();
  try {
    table.setSubscribers(table.findOrCreate(name, 0), 0, count);
  } finally {
    lock.unlock();
  }
}

for (const channel of names) subscribe(channel, 1);

bench('channel table, find by name', (n) => {
  for (let i = 0; i < n; i++) {
    name.trySet(names[i % CHANNELS]);
    table.find(name);
  }
});
bench('channel table, subscribe and leave', (n) => {
  for (let i = 0; i < n; i++) {
    subscribe(names[i % CHANNELS], 0);
    subscribe(names[i % CHANNELS], 1);
  }
});
