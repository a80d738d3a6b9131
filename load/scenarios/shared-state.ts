import { type Case, generate, type Scenario } from '../scenario.ts';

interface StateCase extends Case {
  readonly keys: number;
}

const cases: readonly StateCase[] = [
  { name: 'one key', needs: 'state', keys: 1 },
  { name: '1,000 keys', needs: 'state', keys: 1000 },
];

export default {
  name: 'shared-state',
  shows:
    'Messages that each change a counter, a map and a rate limiter that all loops share, with every count checked.',
  unit: 'message',
  cases,
  run: (target, { keys }, seconds) =>
    generate(target, { kind: 'state', connections: 50, inFlight: 4, keys }, seconds),
} satisfies Scenario<StateCase>;
