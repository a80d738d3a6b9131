/**
 * Load on a server: scenarios, alone or all together, against Polyloop or what people would use instead.
 *
 * Run: npm run load -- [SCENARIO …] [--targets polyloop,polyloop-2 | all] [--cases PATTERN] [--rounds 5] [--seconds 3] [--out NAME]
 *      npm run load -- --list
 * After npm run build, on Linux. The raw results go to load/results/NAME.json.
 */
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { writeRecord } from './record.ts';
import { runRounds } from './rounds.ts';
import { SCENARIOS, scenarioNamed } from './scenarios.ts';
import { endOnSignals } from './server-process.ts';
import { cells, grouped, HEAD, type Row, rowsOf } from './summary.ts';
import { isInstalled, TARGETS, type Target, targetNamed } from './targets.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    targets: { type: 'string', default: 'polyloop,polyloop-2' },
    cases: { type: 'string', default: '' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    out: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
});

function list(): void {
  for (const { name, shows, cases } of SCENARIOS) {
    process.stdout.write(`${name}: ${shows}\n${cases.map((one) => `    ${one.name}\n`).join('')}`);
  }
  process.stdout.write(`\nTargets:\n${TARGETS.map(({ name, about }) => `    ${name}: ${about}\n`).join('')}`);
}

/** Those that cannot run are left out, with a line that says what would help. */
function available(targets: readonly Target[]): Target[] {
  return targets.filter((target) => {
    if (isInstalled(target)) return true;
    process.stderr.write(
      `${target.name} is left out: run npm ci in load/peers, where it is available at all\n`,
    );
    return false;
  });
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
  const chosen = named.length > 0 ? named : SCENARIOS.filter(({ isLong }) => !isLong);
  const names = values.targets === 'all' ? TARGETS.map(({ name }) => name) : values.targets.split(',');
  const samples = await runRounds({
    scenarios: chosen.map((scenario) => ({
      scenario,
      cases: scenario.cases.filter(({ name }) => new RegExp(values.cases).test(name)),
    })),
    targets: available(names.map(targetNamed)),
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
  });
  const rows = rowsOf(samples);
  show(rows);
  const versions = names.map((name) => targetNamed(name)).filter(isInstalled);
  writeRecord(values.out ?? (positionals.length === 1 ? (positionals[0] ?? '') : 'load'), {
    versions: Object.fromEntries(versions.map((target) => [target.name, target.version()])),
    samples,
  });
  if (rows.some(({ troubles }) => troubles.length > 0)) process.exitCode = 1;
}

endOnSignals();
if (values.list) list();
else await main();
