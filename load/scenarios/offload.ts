import { type Case, generate, type Scenario } from '../scenario.ts';

interface OffloadCase extends Case {
  readonly where?: 'loop' | 'offload';
}

const shape = { connections: 500, perSecond: 1000 };
const cases: readonly OffloadCase[] = [
  { name: 'no tasks', needs: 'offload' },
  { name: 'tasks offloaded', needs: 'offload', where: 'offload' },
  { name: 'tasks on the loops', needs: 'offload', where: 'loop' },
];

export default {
  name: 'offload',
  shows: 'What a stream of tasks of 50 ms of CPU does to 1,000 echoes a second on the same loops.',
  unit: 'echo',
  cases,
  run: (target, { where }, seconds) => {
    const load = { kind: 'offload', loops: target.loops, ...shape } as const;
    return generate(target, where === undefined ? load : { ...load, where }, seconds);
  },
} satisfies Scenario<OffloadCase>;
