/**
 * Load on a server: scenarios, alone or all together, against Polyloop or what people would use instead.
 *
 * Run: npm run load -- [SCENARIO …] [--targets polyloop,polyloop-2 | all] [--cases PATTERN] [--rounds 5] [--seconds 3] [--out load]
 *      npm run load -- --list
 * After npm run build, on Linux. The raw results go to load/results/OUT.json.
 */
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { positive, recordName, whole, writeRecord } from './record.ts';
import { runRounds } from './rounds.ts';
import { SCENARIOS, scenarioNamed } from './scenarios.ts';
import { endOnSignals } from './server-process.ts';
import { cells, grouped, HEAD, type Row, rowsOf } from './summary.ts';
import { installed, TARGETS, targetNamed } from './targets.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    targets: { type: 'string', default: 'polyloop,polyloop-2' },
    cases: { type: 'string', default: '' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    out: { type: 'string', default: 'load' },
    list: { type: 'boolean', default: false },
  },
});
const out = recordName(values.out);

function list(): void {
  for (const { name, shows, cases } of SCENARIOS) {
    process.stdout.write(`${name}: ${shows}\n${cases.map((one) => `    ${one.name}\n`).join('')}`);
  }
  process.stdout.write(`\nTargets:\n${TARGETS.map(({ name, about }) => `    ${name}: ${about}\n`).join('')}`);
}

function show(rows: readonly Row[]): void {
  for (const group of grouped(rows, (row) => `${row.scenario}: ${row.case}`)) {
    const [title, members] = group;
    const table = new Table({ head: [`per ${members[0]?.unit}`, ...HEAD], style: { head: [], border: [] } });
    for (const row of members) table.push([row.target, ...cells(row)]);
    process.stdout.write(`\n${title}\n${table.toString()}\n`);
  }
}

async function main(): Promise<void> {
  const named = positionals.map(scenarioNamed);
  const chosen = named.length > 0 ? named : SCENARIOS;
  const names = values.targets === 'all' ? TARGETS.map(({ name }) => name) : values.targets.split(',');
  const targets = installed(names.map(targetNamed));
  const versions = Object.fromEntries(targets.map((target) => [target.name, target.version()]));
  const samples = await runRounds({
    scenarios: chosen.map((scenario) => ({
      scenario,
      cases: scenario.cases.filter(({ name }) => new RegExp(values.cases).test(name)),
    })),
    targets,
    rounds: whole('rounds', values.rounds),
    seconds: positive('seconds', values.seconds),
    onRound: (samples) => writeRecord(out, { versions, samples }),
  });
  const rows = rowsOf(samples);
  show(rows);
  if (rows.some(({ troubles }) => troubles.length > 0)) process.exitCode = 1;
}

endOnSignals();
if (values.list) list();
else await main();
