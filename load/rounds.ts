/** Runs cases against targets in alternation, round after round, with a progress bar. */
import { SingleBar } from 'cli-progress';
import { median } from './record.ts';
import type { Result } from './result.ts';
import type { Case, Scenario } from './scenario.ts';
import type { Target } from './targets.ts';

export interface Sample extends Result {
  readonly round: number;
  readonly scenario: string;
  readonly unit: string;
  readonly case: string;
  readonly target: string;
}

export interface Plan {
  readonly scenarios: readonly { readonly scenario: Scenario; readonly cases: readonly Case[] }[];
  readonly targets: readonly Target[];
  readonly rounds: number;
  readonly seconds: number;
  /** Whether every other round takes the targets from the last to the first; left out: no. */
  readonly turns?: boolean;
  /** Left out: all that the target can do. */
  isWanted?(scenario: Scenario, one: Case, target: Target): boolean;
  /** Told after each round all that is known so far, so that what has been measured is not lost. */
  onRound?(samples: readonly Sample[]): void;
}

/** Whose speed the clock of a case is set by, where it takes part; else the slowest target's. */
const PACEMAKER = 'uws-relay';

const matching = (plan: Plan) =>
  plan.scenarios.flatMap(({ scenario, cases }) =>
    cases.map((one) => ({
      scenario,
      one,
      targets: plan.targets.filter(
        (target) => target.can.includes(one.needs) && (plan.isWanted?.(scenario, one, target) ?? true),
      ),
    })),
  );

/** In the unit of the scenario; undefined when nothing is known. */
function paceOf(samples: readonly Sample[], scenario: string, { like, share }: NonNullable<Case['clock']>) {
  const speeds = (isOf: (target: string) => boolean): number[] =>
    samples.flatMap((one) =>
      one.scenario === scenario && one.case === like && one.figures && isOf(one.target)
        ? one.figures.perSecond
        : [],
    );
  const ofPacemaker = speeds((target) => target === PACEMAKER);
  const pace = ofPacemaker.length > 0 ? median(ofPacemaker) : Math.min(...speeds(() => true));
  return Number.isFinite(pace) ? pace * share : undefined;
}

/** Where there is no terminal for a progress bar. */
function tell(round: number, scenario: Scenario, one: Case, target: Target, result: Result): void {
  const found = result.trouble ?? `${result.figures?.cpuMicros.toFixed(2)} µs per ${scenario.unit}`;
  process.stderr.write(`round ${round}: ${scenario.name}: ${one.name}: ${target.name}: ${found}\n`);
}

export async function runRounds(plan: Plan): Promise<Sample[]> {
  const work = matching(plan);
  const runs = plan.rounds * work.reduce((total, { targets }) => total + targets.length, 0);
  const bar = new SingleBar({
    format: '{bar} {value}/{total}, {eta_formatted} left | {what}',
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
    barsize: 20,
    etaBuffer: 50,
  });
  bar.start(runs, 0, { what: '' });
  const samples: Sample[] = [];
  for (let round = 1; round <= plan.rounds; round++) {
    for (const { scenario, one, targets } of work) {
      for (const target of plan.turns && round % 2 === 0 ? targets.toReversed() : targets) {
        bar.update({ what: `${scenario.name}: ${one.name}: ${target.name}` });
        const pace = one.clock && paceOf(samples, scenario.name, one.clock);
        const isWithoutPace = one.clock !== undefined && pace === undefined;
        const result = isWithoutPace
          ? { figures: null, trouble: `"${one.clock?.like}" has not been measured` }
          : await scenario.run(target, one, plan.seconds, pace);
        const { name, unit } = scenario;
        samples.push({ round, scenario: name, unit, case: one.name, target: target.name, ...result });
        bar.increment();
        if (!process.stderr.isTTY) tell(round, scenario, one, target, result);
      }
    }
    plan.onRound?.(samples);
  }
  bar.stop();
  return samples;
}
