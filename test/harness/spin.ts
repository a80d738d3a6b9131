/** The models in test/models, searched by spin: it makes a C program of a model, which looks at every state there is. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What a search needs, and a try whether it is there. */
const NEEDS = [
  { name: 'spin', isThere: () => spawnSync('spin', ['-V']).status === 0 },
  {
    name: 'gcc with the headers of C',
    isThere: () => spawnSync('gcc', ['-E', '-'], { input: '#include <stdio.h>\n' }).status === 0,
  },
];

/** Steps of the longest execution without a loop. A longer one is reported as an error. */
const MAX_DEPTH = 2_000_000;
/** Processes that weak fairness can be kept for, in multiples of what spin allows by itself. */
const FAIRNESS = 3;
/** A search takes seconds; one that takes so long is broken, and is ended. */
export const SEARCH_TIMEOUT_MS = 180_000;

export interface Search {
  /** Names to define for the preprocessor, by which a model is changed. */
  readonly define?: readonly string[];
  /**
   * Name of a formula in the model, which is to hold in every execution in which no thread that can go on is left waiting for
   * ever. Without one, assertions are to hold, and every execution is to end where the model allows it.
   */
  readonly property?: string;
}

export interface Verdict {
  /** What goes wrong in some execution, in the words of the search; undefined when nothing does in any. */
  readonly error: string | undefined;
  /** Steps that no execution comes to, the ends of endless processes aside. Tells only when there is no error. */
  readonly unreached: readonly string[];
}

const findMissing = (): string[] => NEEDS.filter(({ isThere }) => !isThere()).map(({ name }) => name);

/** True when something is missing and whoever runs the tests has said that this is all right. */
export function isWithoutSpin(): boolean {
  return process.env.POLYLOOP_TEST_WITHOUT_SPIN === '1' && findMissing().length > 0;
}

/** Searches all states of `test/models/<model>.pml`. Throws when it cannot. */
export async function search(model: string, { define = [], property }: Search = {}): Promise<Verdict> {
  const missing = findMissing();
  if (missing.length > 0) {
    throw new Error(
      `this test needs ${missing.join(' and ')}: install it, or set POLYLOOP_TEST_WITHOUT_SPIN=1 to skip it`,
    );
  }
  const path = fileURLToPath(new URL(`../models/${model}.pml`, import.meta.url));
  const cwd = await mkdtemp(join(tmpdir(), 'polyloop-model-'));
  const options = { cwd, timeout: SEARCH_TIMEOUT_MS, killSignal: 'SIGKILL' } as const;
  try {
    await run('spin', [...define.map((name) => `-D${name}`), '-a', path], options);
    // Optimising takes a second, and saves more only where fairness makes a search long.
    const mode = property === undefined ? ['-DSAFETY', '-DNOCLAIM'] : ['-O1', `-DNFAIR=${FAIRNESS}`];
    await run('gcc', ['-w', ...mode, '-o', 'pan', 'pan.c'], options);
    const goal = property === undefined ? [] : ['-A', '-a', '-f', '-N', property];
    const { stdout } = await run(join(cwd, 'pan'), ['-b', `-m${MAX_DEPTH}`, ...goal], options);
    return verdictOf(stdout);
  } finally {
    await rm(cwd, { recursive: true });
  }
}

function verdictOf(report: string): Verdict {
  const error = /^pan:1: (.*) \(at depth \d+\)$/m.exec(report)?.[1];
  const errors = /errors: (\d+)$/m.exec(report)?.[1];
  if (errors !== (error === undefined ? '0' : '1')) throw new Error(`the search went wrong:\n${report}`);
  if (error === undefined && report.includes('Search not completed')) {
    throw new Error(`the search was not completed:\n${report}`);
  }
  const steps = [...report.matchAll(/\.pml:(\d+), state \d+, "(.*)"$/gm)];
  const unreached = steps.filter(([, , step]) => step !== '-end-');
  return { error, unreached: unreached.map(([, line, step]) => `line ${line}: ${step}`) };
}
