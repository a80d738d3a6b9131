/** The same through a MessagePort from each writer to each reader. */
import { isMainThread, MessageChannel, workerData } from 'node:worker_threads';
import { move, sendAll, serve } from './move.js';
import { tally } from './tally.js';
import { createWindow, gotMessageOf, windowed } from './window.js';

async function moveThroughPorts(writers, readers) {
  const received = createWindow(writers, readers);
  const channels = Array.from({ length: writers }, () =>
    Array.from({ length: readers }, () => new MessageChannel()),
  );
  await move(`MessagePort, ${writers} to ${readers}`, import.meta.url, writers, readers, (role, index) => ({
    received,
    ports:
      role === 'writer'
        ? channels[index].map(({ port1 }) => port1)
        : channels.map((toReaders) => toReaders[index].port2),
  }));
}

if (isMainThread) {
  await moveThroughPorts(1, 1);
  await moveThroughPorts(2, 2);
} else {
  const { role, ports } = workerData;
  if (role === 'writer') {
    const trySend = windowed((message) => {
      for (const port of ports) port.postMessage(message);
    });
    serve((count) => sendAll(count, trySend));
  } else {
    const count = tally();
    const onMessage = (writer, message) => {
      count(message, 0);
      gotMessageOf(writer);
    };
    for (const [writer, port] of ports.entries()) port.on('message', (message) => onMessage(writer, message));
  }
}
