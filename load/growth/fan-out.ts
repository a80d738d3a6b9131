/** The load of one channel with one publisher. */
import type { FanOutLoad } from '../generator/fan-out.ts';
import type { LoadPlan } from '../scenario.ts';
import type { Target } from '../targets.ts';

export const MESSAGE_BYTES = 100;

export const fanOut = (
  target: Target,
  subscribers: number,
  inFlight: number,
  bytes = MESSAGE_BYTES,
): LoadPlan<FanOutLoad> => ({
  kind: 'fan-out',
  loops: target.loops,
  channels: 1,
  publishers: 1,
  subscribers,
  inFlight,
  bytes,
});
