/** The same through a BroadcastChannel of each writer. */
import { BroadcastChannel, isMainThread, workerData } from 'node:worker_threads';
import { move, sendAll, serve } from './move.js';
import { tally } from './tally.js';
import { createWindow, gotMessageOf, windowed } from './window.js';

/** Not the same in two runs of one process: after the first, Node would deliver nothing in the second. */
const nameOf = (writer) => `${workerData.writers} to ${workerData.readers}, writer ${writer}`;

async function moveThroughChannels(writers, readers) {
  const received = createWindow(writers, readers);
  await move(`BroadcastChannel, ${writers} to ${readers}`, import.meta.url, writers, readers, () => ({
    received,
  }));
}

if (isMainThread) {
  await moveThroughChannels(1, 1);
  await moveThroughChannels(2, 2);
} else {
  const { role, index, writers } = workerData;
  if (role === 'writer') {
    const channel = new BroadcastChannel(nameOf(index));
    const trySend = windowed((message) => channel.postMessage(message));
    serve((count) => sendAll(count, trySend));
  } else {
    const count = tally();
    const onMessage = (writer, message) => {
      count(message, 0);
      gotMessageOf(writer);
    };
    for (let writer = 0; writer < writers; writer++) {
      const channel = new BroadcastChannel(nameOf(writer));
      channel.onmessage = ({ data }) => onMessage(writer, data);
    }
  }
}
