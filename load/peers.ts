/**
 * Polyloop beside what people would use instead: the same load, in alternation. Shows what must hold and what falls short, and writes
 * docs/benchmarks.md with its charts.
 *
 * Run: npm run bench:peers -- [--rounds 5] [--seconds 2] [--checks] [--cases PATTERN] [--out peers]      after npm run build, on Linux
 *      npm run bench:peers -- --from load/results/peers.json,load/results/peers-idle.json
 * With --checks only what the checks need is measured. Then, and under another name than peers, no document is written. With --from it is
 * written anew, from several runs: what must hold from the last that has the case, the tables from the last with most targets. npm ci in
 * load/peers installs the peers.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { CHECKS, checked, isChecked } from './checks.ts';
import { positive, recordName, whole, writeRecord } from './record.ts';
import { CHECK_HEAD, checkRows, latestOf, type PeersRecord, writeReport } from './report.ts';
import { runRounds, type Sample } from './rounds.ts';
import { SCENARIOS } from './scenarios.ts';
import { at, endOnSignals } from './server-process.ts';
import { rowsOf } from './summary.ts';
import { installed, TARGETS } from './targets.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    checks: { type: 'boolean', default: false },
    cases: { type: 'string', default: '' },
    out: { type: 'string', default: 'peers' },
    from: { type: 'string' },
  },
});
const out = recordName(values.out);

/** Those that only Polyloop has are for `npm run load`; so is what is published by the clock, but for those that are compared by it. */
const SHARED = [
  'http',
  'echo',
  'handshakes',
  'fan-out',
  'connect-storm',
  'slow-consumers',
  'idle',
  'chat',
  'burn',
  'nodes',
];
const BY_CLOCK = ['polyloop-2', 'uws', 'uws-relay'];

async function measured(): Promise<readonly Sample[]> {
  const targets = installed(TARGETS);
  const versions = Object.fromEntries(targets.map((target) => [target.name, target.version()]));
  const rounds = whole('rounds', values.rounds);
  const seconds = positive('seconds', values.seconds);
  const pattern = new RegExp(values.cases);
  return await runRounds({
    scenarios: SCENARIOS.filter(({ name }) => SHARED.includes(name)).map((scenario) => ({
      scenario,
      cases: scenario.cases.filter(({ name }) => pattern.test(`${scenario.name}: ${name}`)),
    })),
    targets,
    rounds,
    seconds,
    isWanted: (scenario, one, target) =>
      values.checks
        ? isChecked(scenario.name, one.name, target.name)
        : one.clock === undefined || BY_CLOCK.includes(target.name),
    onRound: (samples) => writeRecord(out, { rounds, seconds, versions, samples }),
  });
}

function show(samples: readonly Sample[]): void {
  const rows = rowsOf(samples);
  const table = new Table({ head: CHECK_HEAD, style: { head: [], border: [] } });
  const checks = checked(rows).filter(({ ratio }) => !Number.isNaN(ratio));
  table.push(...checkRows(checks));
  process.stdout.write(`${table.toString()}\n${CHECKS.length - checks.length} checks were not measured\n`);
  const troubles = rows.filter((row) => row.troubles.length > 0);
  for (const row of troubles)
    process.stdout.write(`FAILED: ${row.scenario}: ${row.case}: ${row.target}: ${row.troubles[0]}\n`);
  if (troubles.length > 0 || checks.some(({ isMet }) => !isMet)) process.exitCode = 1;
}

endOnSignals();
if (values.from === undefined) await measured();
const files = values.from?.split(',') ?? [at(`results/${out}.json`)];
const records = files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as PeersRecord);
show(latestOf(records));
if (values.from !== undefined || (out === 'peers' && !values.checks)) writeReport(records);
