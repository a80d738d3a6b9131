/**
 * This build beside another one: the same cases, in alternation, the one first in one round and the other first in the next. Shows the ratio
 * of CPU and of p99 within each round, so that what slows down the machine for a while slows down both.
 *
 * Run: npx tsx load/ab.ts --other FOLDER [--cases '^(echo|fan-out):'] [--targets polyloop,polyloop-2] [--rounds 7] [--seconds 2] [--out ab]
 * FOLDER is another checkout of this repository, with what it needs installed and after npm run build, as this one. With this one itself
 * (--other .) it shows what is noise. On Linux; the raw results go to load/results/OUT.json.
 */
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { median, positive, recordName, spread, whole, writeRecord } from './record.ts';
import type { Figures } from './result.ts';
import { runRounds, type Sample } from './rounds.ts';
import { SCENARIOS } from './scenarios.ts';
import { at, endOnSignals } from './server-process.ts';
import { digitsFor, grouped } from './summary.ts';
import { type Target, targetNamed } from './targets.ts';

const { values } = parseArgs({
  options: {
    other: { type: 'string' },
    cases: { type: 'string', default: '^(echo|fan-out):' },
    targets: { type: 'string', default: 'polyloop,polyloop-2' },
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '2' },
    out: { type: 'string', default: 'ab' },
  },
});
const out = recordName(values.out);
const rounds = whole('rounds', values.rounds);
const seconds = positive('seconds', values.seconds);

const OTHER = ' of the other';

/** The same server from another checkout, with the app from there too. */
function otherBuild(target: Target, folder: string): Target {
  const here = at('..');
  const moved = (arg: string): string =>
    arg.startsWith(here) ? `${resolve(folder)}/${arg.slice(here.length)}` : arg;
  const { command, name } = target;
  return { ...target, name: name + OTHER, command: { ...command, args: command.args.map(moved) } };
}

const commitOf = (folder: string): string =>
  execFileSync('git', ['-C', folder, 'describe', '--always', '--dirty', '--abbrev=12'], {
    encoding: 'utf8',
  }).trim();

async function measure(folder: string): Promise<readonly Sample[]> {
  const pattern = new RegExp(values.cases);
  const targets = values.targets.split(',').flatMap((name) => {
    const target = targetNamed(name);
    return [target, otherBuild(target, folder)];
  });
  const scenarios = SCENARIOS.map((scenario) => ({
    scenario,
    cases: scenario.cases.filter(
      ({ name, clock }) => clock === undefined && pattern.test(`${scenario.name}: ${name}`),
    ),
  }));
  const other = commitOf(folder);
  return await runRounds({
    scenarios,
    targets,
    rounds,
    seconds,
    turns: true,
    onRound: (samples) => writeRecord(out, { other, rounds, seconds, samples }),
  });
}

const cpu = ({ cpuMicros }: Figures): number => cpuMicros;
const p99 = ({ latency }: Figures): number => latency?.p99 ?? Number.NaN;

/** Of one case and target: this build's figure over the other's, in each round in which both passed. */
function ratios(samples: readonly Sample[], of: (figures: Figures) => number): number[] {
  return [...grouped(samples, ({ round }) => String(round)).values()].flatMap((pair) => {
    const [other, own] = [true, false].map((is) => pair.find(({ target }) => target.endsWith(OTHER) === is));
    return own?.figures && other?.figures ? of(own.figures) / of(other.figures) : [];
  });
}

function show(samples: readonly Sample[]): void {
  const head = ['case', 'target', 'CPU µs each, this', 'the other', 'ratio of CPU', 'ratio of p99'];
  const table = new Table({ head, style: { head: [], border: [] } });
  const groups = grouped(samples, ({ scenario, case: name, target }) =>
    JSON.stringify([`${scenario}: ${name}`, target.replace(OTHER, '')]),
  );
  for (const [key, group] of groups) {
    const shown = (isOther: boolean): string => {
      const all = group.filter(({ target }) => target.endsWith(OTHER) === isOther);
      const value = median(all.flatMap(({ figures }) => (figures ? cpu(figures) : [])));
      return value.toFixed(digitsFor(value));
    };
    table.push([
      ...(JSON.parse(key) as [string, string]),
      shown(false),
      shown(true),
      spread(ratios(group, cpu)),
      spread(ratios(group, p99)),
    ]);
  }
  process.stdout.write(`${table.toString()}\nRatios: median (lowest to highest) of ${rounds} rounds\n`);
  for (const { scenario, case: name, target, trouble } of samples) {
    if (trouble === null) continue;
    process.stdout.write(`FAILED: ${scenario}: ${name}: ${target}: ${trouble}\n`);
    process.exitCode = 1;
  }
}

endOnSignals();
if (values.other === undefined) {
  process.stderr.write('--other FOLDER: the checkout to compare with\n');
  process.exit(2);
}
show(await measure(values.other));
