// As many processes as the first argument says, behind one port.
import cluster from 'node:cluster';
import { once } from 'node:events';

/** Of the primary: starts the processes, and says where they listen when all of them do. */
export async function startCluster() {
  cluster.setupPrimary({ serialization: 'advanced' });
  const workers = Array.from({ length: Number(process.argv[2]) }, () => cluster.fork());
  const [[{ port }]] = await Promise.all(workers.map((worker) => once(worker, 'listening')));
  const pids = [process.pid, ...workers.map((worker) => worker.process.pid)];
  console.log(JSON.stringify({ msg: 'listening', port, pids }));
}
