// Fan-out as it is written by hand on two threads: each publishes to its own connections and posts the message to the other thread,
// which publishes it too. The main thread accepts, as in the examples of uWebSockets.js.

import { App, us_socket_local_port } from 'uWebSockets.js';
import { once } from 'node:events';
import { MessageChannel, parentPort, Worker, workerData } from 'node:worker_threads';
import { createFanOutApp } from './fan-out-app.js';

if (parentPort === null) {
  const { port1, port2 } = new MessageChannel();
  const acceptor = App();
  for (const [thread, port] of [port1, port2].entries()) {
    const worker = new Worker(new URL(import.meta.url), {
      workerData: { thread, port },
      transferList: [port],
    });
    const [descriptor] = await once(worker, 'message');
    acceptor.addChildAppDescriptor(descriptor);
  }
  acceptor.listen('127.0.0.1', 0, (token) => {
    console.log(JSON.stringify({ msg: 'listening', port: us_socket_local_port(token) }));
  });
} else {
  const { thread, port } = workerData;
  const app = createFanOutApp(thread, (channel, message, isBinary) =>
    port.postMessage({ channel, message, isBinary }),
  );
  port.on('message', ({ channel, message, isBinary }) => app.publish(channel, message, isBinary));
  parentPort.postMessage(app.getDescriptor());
}
