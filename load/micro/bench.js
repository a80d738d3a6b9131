/** Times one operation on one thread. Prints one line of JSON for each: `{ name, ns }`. */
import { cpuUsage, hrtime } from 'node:process';

const SAMPLE_MS = 100;
const SAMPLES = 9;
const FIRST_OPERATIONS = 1000;

function cpuNs() {
  const { user, system } = cpuUsage();
  return (user + system) * 1000;
}

/**
 * `run(n)` does the operation `n` times. Runs as often as fills a sample, until it has warmed up, and then so many samples; prints
 * their median, in ns of CPU per operation, and of the clock.
 */
export function bench(name, run) {
  let operations = FIRST_OPERATIONS;
  let sample = time(run, operations);
  for (let warmed = 0; warmed < SAMPLES; warmed++) {
    operations = Math.ceil((SAMPLE_MS * 1e6) / sample.ns);
    sample = time(run, operations);
  }
  const samples = Array.from({ length: SAMPLES }, () => time(run, operations));
  const middle = (key) => samples.map((one) => one[key]).sort((a, b) => a - b)[SAMPLES >> 1];
  console.log(JSON.stringify({ name, ns: middle('ns'), cpuNs: middle('cpuNs') }));
}

function time(run, operations) {
  const startCpuNs = cpuNs();
  const start = hrtime.bigint();
  run(operations);
  const ns = Number(hrtime.bigint() - start) / operations;
  return { ns, cpuNs: (cpuNs() - startCpuNs) / operations };
}
