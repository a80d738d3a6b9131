// uWebSockets.js on as many threads as the argument says, as it is written by hand: each publishes to its own connections and posts the
// message to the other threads, which publish it too. The main thread accepts, as in the examples of uWebSockets.js.

import { App, us_socket_local_port } from 'uWebSockets.js';
import { once } from 'node:events';
import { MessageChannel, parentPort, Worker, workerData } from 'node:worker_threads';
import { createApp } from './uws-app.js';

/** A port to each other thread, for each thread. */
function mesh(threads) {
  const ports = Array.from({ length: threads }, () => []);
  for (let one = 0; one < threads; one++) {
    for (let other = one + 1; other < threads; other++) {
      const { port1, port2 } = new MessageChannel();
      ports[one].push(port1);
      ports[other].push(port2);
    }
  }
  return ports;
}

if (parentPort === null) {
  const acceptor = App();
  for (const [thread, ports] of mesh(Number(process.argv[2])).entries()) {
    const worker = new Worker(new URL(import.meta.url), {
      workerData: { thread, ports },
      transferList: ports,
    });
    const [descriptor] = await once(worker, 'message');
    acceptor.addChildAppDescriptor(descriptor);
  }
  acceptor.listen('127.0.0.1', 0, (token) => {
    console.log(JSON.stringify({ msg: 'listening', port: us_socket_local_port(token) }));
  });
} else {
  const { thread, ports } = workerData;
  const app = createApp(thread, (channel, message, isBinary) => {
    for (const port of ports) port.postMessage({ channel, message, isBinary });
  });
  for (const port of ports) {
    port.on('message', ({ channel, message, isBinary }) => app.publish(channel, message, isBinary));
  }
  // What keeps a thread alive that has no other to hear from: an app that does not listen does not.
  parentPort.on('message', () => {});
  parentPort.postMessage(app.getDescriptor());
}
