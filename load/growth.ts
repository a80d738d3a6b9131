/**
 * How costs grow: with loops, connections, channels, subscribers, the size of messages and the depth of the history.
 *
 * Run: npx tsx load/growth.ts [CURVE …] [--rounds 3] [--seconds 2] [--out growth]      after npm run build, on Linux
 *      npx tsx load/growth.ts --from load/results/growth.json
 *      npx tsx load/growth.ts --list
 * The raw results go to load/results/OUT.json, and under the name growth to docs/growth.md with its plots. A curve that is measured
 * anew replaces its old results there.
 */
import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { CURVES, curveNamed } from './growth/curves.ts';
import { type GrowthRecord, verdictsOf, writeReport } from './growth/report.ts';
import { writeRecord } from './record.ts';
import { runRounds, type Sample } from './rounds.ts';
import { at, endOnSignals } from './server-process.ts';
import { targetNamed } from './targets.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '2' },
    out: { type: 'string', default: 'growth' },
    from: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
});

const DOCUMENTED = 'growth';
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);

const read = (file: string): GrowthRecord => JSON.parse(readFileSync(file, 'utf8')) as GrowthRecord;

/** Of the curves that are not measured now, what was measured before. */
function kept(names: readonly string[]): readonly Sample[] {
  const file = at(`results/${values.out}.json`);
  return existsSync(file) ? read(file).samples.filter(({ scenario }) => !names.includes(scenario)) : [];
}

async function measure(): Promise<readonly Sample[]> {
  const curves = positionals.length > 0 ? positionals.map(curveNamed) : CURVES;
  const lines = new Map(curves.map(({ name, lines }) => [name, Object.keys(lines)]));
  const targets = [...new Set([...lines.values()].flat())].map(targetNamed);
  const before = kept([...lines.keys()]);
  const versions = Object.fromEntries(targets.map((target) => [target.name, target.version()]));
  return await runRounds({
    scenarios: curves.map((scenario) => ({ scenario, cases: scenario.cases })),
    targets,
    rounds,
    seconds,
    isWanted: ({ name }, _, target) => lines.get(name)?.includes(target.name) ?? false,
    onRound: (samples) =>
      writeRecord(values.out, { rounds, seconds, versions, samples: [...before, ...samples] }),
  });
}

function show(samples: readonly Sample[]): void {
  for (const { title, said } of verdictsOf(samples)) {
    process.stdout.write(`${title}\n${said.map((text) => `    ${text.replaceAll('**', '')}\n`).join('')}`);
  }
  if (samples.some(({ trouble }) => trouble !== null)) process.exitCode = 1;
}

endOnSignals();
if (values.list) {
  for (const { name, shows } of CURVES) process.stdout.write(`${name}: ${shows}\n`);
} else {
  if (values.from === undefined) show(await measure());
  const record = read(values.from ?? at(`results/${values.out}.json`));
  if (values.from !== undefined) show(record.samples);
  if (values.out === DOCUMENTED) writeReport(record, DOCUMENTED);
}
