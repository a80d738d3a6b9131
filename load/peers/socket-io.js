// Socket.IO on several processes with its cluster adapter.
import cluster from 'node:cluster';
import { createAdapter, setupPrimary } from '@socket.io/cluster-adapter';
import { startCluster } from './in-cluster.js';
import { createApp } from './socket-io-app.js';

if (cluster.isPrimary) {
  setupPrimary();
  await startCluster();
} else {
  createApp(cluster.worker.id, createAdapter()).listen(0, '127.0.0.1');
}
