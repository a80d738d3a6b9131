/** Curves along the number of loops, beside as many threads of uWebSockets.js that post each message to each other. */
import { generate } from '../scenario.ts';
import burn from '../scenarios/burn.ts';
import type { Target } from '../targets.ts';
import { type Curve, pointsAt } from './curve.ts';
import { fanOut } from './fan-out.ts';

const PER_LOOPS = { polyloop: 'Polyloop', 'uws-relay': 'uWebSockets.js, threads that post' };

/** The same server with so many loops, or threads. */
function withLoops(target: Target, loops: number): Target {
  const { file, args } = target.command;
  const isPolyloop = target.name.startsWith('polyloop');
  const [script = ''] = args;
  const changed = isPolyloop ? [...args, '--workers', String(loops)] : [script, String(loops)];
  return { ...target, loops, command: { file, args: changed } };
}

export const loops: Curve = {
  name: 'loops',
  title: 'Loops, with a handler that burns 200 µs',
  shows:
    'Messages to a handler that computes for some 200 µs: each core that there is should carry as many more.',
  along: 'loops, or threads',
  unit: 'message',
  lines: PER_LOOPS,
  panels: ['cpuMicros', 'perSecond', 'p99'],
  isSpeedUp: true,
  power: 0,
  cases: pointsAt('burn', 1, 2, 4, 8),
  run: (target, { x }, seconds) => {
    const [one] = burn.cases;
    if (one === undefined) throw new Error('no case');
    return burn.run(withLoops(target, x), one, seconds);
  },
};

export const loopsFanOut: Curve = {
  name: 'loops-fan-out',
  title: 'Loops, with one channel on all of them',
  shows:
    'One publisher and 1,000 subscribers that are spread over the loops: each loop reads each message, once.',
  along: 'loops, or threads',
  unit: 'delivery',
  lines: PER_LOOPS,
  panels: ['cpuMicros', 'perSecond', 'p99'],
  power: 0,
  cases: pointsAt('channel', 1, 2, 4, 8),
  run: (target, { x }, seconds) => {
    const changed = withLoops(target, x);
    return generate(changed, fanOut(changed, 1000, 8), seconds);
  },
};
