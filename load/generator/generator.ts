/**
 * The process that makes the load. Its argument is a `Load` as JSON; it sends its parent a `Result`, and ends with it.
 */
import type { Figures, Result } from '../result.ts';
import { chat } from './chat.ts';
import { connects } from './connects.ts';
import { echo } from './echo.ts';
import { fanOut } from './fan-out.ts';
import { handshakes } from './handshakes.ts';
import { http } from './http.ts';
import { idle } from './idle.ts';
import { type Load, Trouble } from './load.ts';
import { offload } from './offload.ts';
import { resume } from './resume.ts';
import { state } from './state.ts';

const GENERATORS = {
  chat,
  connects,
  echo,
  'fan-out': fanOut,
  handshakes,
  http,
  idle,
  offload,
  resume,
  state,
};

/** Of one kind of load. */
export type AnyLoad = Parameters<(typeof GENERATORS)[keyof typeof GENERATORS]>[0];

let isFinished = false;

function finish(result: Result): void {
  if (isFinished) return;
  isFinished = true;
  process.send?.(result, () => process.exit(0));
}

// A check that fails in a callback ends the run as well.
process.on('uncaughtException', (error) => {
  if (!(error instanceof Trouble)) process.stderr.write(`generator: ${error.stack}\n`);
  finish({ figures: null, trouble: error.message });
});

const load = JSON.parse(process.argv[2] ?? '') as Load;
// Whoever started this has ended without ending the server.
process.on('disconnect', () => {
  const pids = [...load.pids, ...Object.values(load.apart ?? {}).flat()];
  for (const pid of new Set(pids)) process.kill(pid, 'SIGKILL');
  process.exit(1);
});

const generate = GENERATORS[load.kind as keyof typeof GENERATORS] as (load: Load) => Promise<Figures>;
try {
  finish({ figures: await generate(load), trouble: null });
} catch (error) {
  finish({ figures: null, trouble: error instanceof Error ? error.message : String(error) });
}
