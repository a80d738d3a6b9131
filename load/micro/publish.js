/** Publishing on one thread to a channel with a subscriber on that thread's loop, which reads a batch now and then. */
import { ChannelLog } from '../../dist/shared/channel-log.js';
import { ChannelTable } from '../../dist/shared/channel-table.js';
import { BINARY, Log } from '../../dist/shared/log.js';
import { LogReader } from '../../dist/shared/log-reader.js';
import { Publisher } from '../../dist/shared/publisher.js';
import { bench } from './bench.js';

const LOOPS = 2;
const BATCH = 64;
const channel = 'room:1';
const shared = new ChannelLog(Log.create(LOOPS, 2 ** 24), ChannelTable.create(LOOPS, 1000), 1n, 1);
const publisher = new Publisher(shared);
const reader = new LogReader(shared.log, 0);
shared.name.trySet(channel);
shared.lock.lock();
reader.attach();
const entry = shared.table.findOrCreate(shared.name, 0);
shared.table.setSubscribers(entry, 0, 1);
shared.lock.unlock();

function publishes(data, known) {
  return (n) => {
    for (let i = 0; i < n; i++) {
      const result = publisher.publish(channel, known, data, BINARY, 0);
      if (!result.ok) throw new Error(result.reason);
      if (i % BATCH === 0) reader.skipToTail();
    }
  };
}

const bytes = new Uint8Array(100).fill(1);
bench('publish 100 bytes, where there are subscribers', publishes(bytes, entry));
bench('publish 100 bytes, by the name alone', publishes(bytes, 0));
bench('publish 100 characters', publishes('x'.repeat(100), entry));
