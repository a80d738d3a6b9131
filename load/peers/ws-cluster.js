// ws on several processes with node:cluster. Each sends to its own connections and passes the message to the primary, which passes it on.
import cluster from 'node:cluster';
import { startCluster } from './in-cluster.js';
import { createApp } from './ws-app.js';

if (cluster.isPrimary) {
  cluster.on('message', (from, message) => {
    for (const worker of Object.values(cluster.workers)) if (worker !== from) worker.send(message);
  });
  await startCluster();
} else {
  const { http, publish } = createApp(cluster.worker.id, (channel, message, binary) =>
    process.send({ channel, message, binary }),
  );
  process.on('message', ({ channel, message, binary }) => publish(channel, Buffer.from(message), binary));
  http.listen(0, '127.0.0.1');
}
