import { type Case, generate, type Scenario } from '../scenario.ts';

interface BurnCase extends Case {
  readonly connections: number;
  readonly inFlight: number;
}

/** Many in flight on few connections: the generator writes and reads many at once, and leaves the cores to the server. */
const cases: readonly BurnCase[] = [
  { name: 'handler of 200 µs', needs: 'burn', connections: 8, inFlight: 16 },
];

export default {
  name: 'burn',
  shows: 'How many more messages a second loop carries when what handlers compute is the limit.',
  unit: 'message',
  cases,
  run: (target, { connections, inFlight }, seconds) =>
    generate(target, { kind: 'echo', path: '/burn', connections, bytes: 20, inFlight }, seconds),
} satisfies Scenario<BurnCase>;
