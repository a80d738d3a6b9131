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
import { positive, recordName, thisRecord, whole, writeRecord } from './record.ts';
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
const out = recordName(values.out);

const DOCUMENTED = 'growth';
const rounds = whole('rounds', values.rounds);
const seconds = positive('seconds', values.seconds);

const read = (file: string): GrowthRecord => JSON.parse(readFileSync(file, 'utf8')) as GrowthRecord;

const fileOf = (name: string): string => at(`results/${name}.json`);

/** What was measured before under this name; of the curves that are measured now, nothing. */
function before(names: ReadonlySet<string>): Pick<GrowthRecord, 'versions' | 'runs' | 'samples'> {
  if (!existsSync(fileOf(out))) return { versions: {}, runs: {}, samples: [] };
  const { versions, runs, samples } = read(fileOf(out));
  const known = new Set(CURVES.map(({ name }) => name));
  const isKept = ({ scenario }: Sample): boolean => known.has(scenario) && !names.has(scenario);
  return { versions, runs, samples: samples.filter(isKept) };
}

async function measure(): Promise<readonly Sample[]> {
  const curves = positionals.length > 0 ? positionals.map(curveNamed) : CURVES;
  const lines = new Map(curves.map(({ name, lines }) => [name, Object.keys(lines)]));
  const targets = [...new Set([...lines.values()].flat())].map(targetNamed);
  const old = before(new Set(lines.keys()));
  const present = Object.fromEntries(targets.map((target) => [target.name, target.version()]));
  const versions = { ...old.versions, ...present };
  const run = { ...thisRecord(), rounds, seconds };
  const runs = { ...old.runs, ...Object.fromEntries(curves.map(({ name }) => [name, run])) };
  return await runRounds({
    scenarios: curves.map((scenario) => ({ scenario, cases: scenario.cases })),
    targets,
    rounds,
    seconds,
    isWanted: ({ name }, _, target) => lines.get(name)?.includes(target.name) ?? false,
    onRound: (samples) => writeRecord(out, { versions, runs, samples: [...old.samples, ...samples] }),
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
  const record = read(values.from ?? fileOf(out));
  if (values.from !== undefined) show(record.samples);
  if (out === DOCUMENTED) writeReport(record, DOCUMENTED);
}
