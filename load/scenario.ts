/** What a file in load/scenarios exports, and how one of its cases is run. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Engine } from './engines.ts';
import type { FanOutLoad } from './generator/fan-out.ts';
import type { AnyLoad } from './generator/generator.ts';
import type { Result } from './result.ts';
import { at, endWithThisProcess, ServerProcess } from './server-process.ts';
import type { Ability, Target } from './targets.ts';

export interface Case {
  readonly name: string;
  readonly needs: Ability;
  /** The generator publishes by the clock, so many per second as this share of what another case of the scenario reached. */
  readonly clock?: { readonly like: string; readonly share: number };
}

export interface Scenario<C extends Case = Case> {
  readonly name: string;
  /** One sentence. */
  readonly shows: string;
  /** What is counted. */
  readonly unit: string;
  readonly cases: readonly C[];
  /** Against fresh processes of server and generator. `perSecond` is what the case's clock says. */
  run(target: Target, one: C, seconds: number, perSecond?: number): Promise<Result>;
}

/** How much longer than what it measures a generator may take, with opening, warming up and draining. */
const PATIENCE_MS = 60_000;
const PATIENCE_FACTOR = 90;
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/** A load without what is known only when the server runs. */
export type LoadPlan<L = AnyLoad> = L extends unknown
  ? Omit<L, 'pids' | 'port' | 'dialect' | 'seconds' | 'apart' | 'publishPort'>
  : never;

/** Runs one generator against a fresh server. What goes wrong is in the result; only a server that does not start throws. */
export async function generate(target: Target, plan: LoadPlan, seconds: number): Promise<Result> {
  const server = await ServerProcess.start(target.command);
  try {
    const { pids, port } = server;
    return await runGenerator({ ...plan, pids, port, dialect: target.dialect, seconds });
  } finally {
    await server.stop();
  }
}

/** The same against two fresh nodes over a fresh engine: what is published at the one is subscribed at the other. */
export async function generateAcross(
  target: Target,
  plan: LoadPlan<FanOutLoad>,
  seconds: number,
): Promise<Result> {
  const { command, dialect, engine: name } = target;
  if (name === undefined) throw new Error(`${target.name} has no engine`);
  const engine = await Engine.start(name);
  const nodes: ServerProcess[] = [];
  try {
    const onEngine = { ...command, args: [...command.args, engine.url] };
    const publishing = await ServerProcess.start(onEngine);
    nodes.push(publishing);
    const subscribed = await ServerProcess.start(onEngine);
    nodes.push(subscribed);
    return await runGenerator({
      ...plan,
      pids: nodes.flatMap(({ pids }) => pids),
      apart: {
        publishingNodeMicros: publishing.pids,
        subscribedNodeMicros: subscribed.pids,
        engineMicros: [engine.pid],
      },
      port: subscribed.port,
      publishPort: publishing.port,
      dialect,
      seconds,
    });
  } finally {
    for (const node of nodes) await node.stop();
    await engine.stop();
  }
}

async function runGenerator(load: AnyLoad): Promise<Result> {
  const child = fork(at('generator/generator.ts'), [JSON.stringify(load)], { execArgv: ['--import', TSX] });
  endWithThisProcess(child);
  const patienceMs = PATIENCE_MS + load.seconds * 1000 * PATIENCE_FACTOR;
  const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
  const exit = once(child, 'exit').then(() => null);
  const message = once(child, 'message').then(([result]) => result as Result);
  const result = await Promise.race([message, exit]);
  await exit;
  clearTimeout(timer);
  return result ?? { figures: null, trouble: 'the generator ended without a result, or took too long' };
}
