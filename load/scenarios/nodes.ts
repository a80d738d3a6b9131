import { type Case, generateAcross, type Scenario } from '../scenario.ts';

/** Publishers and subscribers are those of one channel. */
interface NodesCase extends Case {
  readonly channels: number;
  readonly publishers: number;
  readonly subscribers: number;
  readonly inFlight: number;
  /** Messages over all publishers; left out: as many as come back. */
  readonly perSecond?: number;
}

const MESSAGE_BYTES = 100;
/** What none of the targets is busy with, so that times are those of the way and not of a queue. */
const PER_SECOND = 2000;

const one = { needs: 'nodes', channels: 1, publishers: 1 } as const;
const ten = { needs: 'nodes', channels: 10, publishers: 10 } as const;
const clock = { inFlight: 1, perSecond: PER_SECOND };
const A_SECOND = `${PER_SECOND.toLocaleString('en-US')} messages a second`;

const cases: readonly NodesCase[] = [
  { ...one, name: '1 → 1, 64 in flight', subscribers: 1, inFlight: 64 },
  { ...one, name: '1 → 10, 64 in flight', subscribers: 10, inFlight: 64 },
  { ...ten, name: '10 × 10 → 10, 8 in flight', subscribers: 10, inFlight: 8 },
  { ...one, name: `1 → 1, ${A_SECOND}`, subscribers: 1, ...clock },
  { ...one, name: `1 → 10, ${A_SECOND}`, subscribers: 10, ...clock },
  { ...ten, name: `10 × 10 → 10, ${A_SECOND}`, subscribers: 10, ...clock },
];

export default {
  name: 'nodes',
  shows:
    'What it costs to bring a message of 100 bytes that is published at one node to each subscriber of its channel at another, and how long that takes. CPU is that of both nodes; that of the engine stands apart.',
  unit: 'delivery',
  cases,
  run: (target, one, seconds) => {
    const { channels, publishers, subscribers, inFlight, perSecond } = one;
    const shape = { channels, publishers, subscribers, inFlight, bytes: MESSAGE_BYTES };
    const pace = perSecond === undefined ? {} : { perSecond };
    return generateAcross(target, { kind: 'fan-out', loops: target.loops, ...shape, ...pace }, seconds);
  },
} satisfies Scenario<NodesCase>;
