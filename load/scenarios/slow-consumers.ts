import { type Case, generate, type Scenario } from '../scenario.ts';

interface SlowCase extends Case {
  readonly slow: number;
}

const SUBSCRIBERS = 20;
const BYTES = 4096;
/** Enough to fill the buffers of the kernel for a client that does not read within a second or two. */
const PER_SECOND = 2000;

const cases: readonly SlowCase[] = [
  { name: 'all read', needs: 'channel', slow: 0 },
  { name: '5 of 20 do not read', needs: 'channel', slow: 5 },
];

export default {
  name: 'slow-consumers',
  shows: 'What clients that do not read do to the others of their channel, and to the memory of the server.',
  unit: 'delivery',
  cases,
  run: (target, { slow }, seconds) => {
    const { loops } = target;
    const shape = { channels: 1, publishers: 1, subscribers: SUBSCRIBERS, inFlight: 8, bytes: BYTES };
    return generate(target, { kind: 'fan-out', loops, ...shape, perSecond: PER_SECOND, slow }, seconds);
  },
} satisfies Scenario<SlowCase>;
