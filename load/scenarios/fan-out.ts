import { type Case, generate, type Scenario } from '../scenario.ts';

/** Publishers and subscribers are those of one channel. */
interface FanOutCase extends Case {
  readonly channels: number;
  readonly publishers: number;
  readonly subscribers: number;
  readonly inFlight: number;
}

const MESSAGE_BYTES = 100;

type Shape = Omit<FanOutCase, 'needs' | 'clock'>;
const shapes: readonly Shape[] = [
  { name: '1 → 1,000, 64 in flight', channels: 1, publishers: 1, subscribers: 1000, inFlight: 64 },
  { name: '1 → 1,000, 8 in flight', channels: 1, publishers: 1, subscribers: 1000, inFlight: 8 },
  { name: '10 → 10, 8 in flight', channels: 1, publishers: 10, subscribers: 10, inFlight: 8 },
  { name: '100 × 2 → 2, 4 in flight', channels: 100, publishers: 2, subscribers: 2, inFlight: 4 },
  { name: '10 × 10 → 10, 1 in flight', channels: 10, publishers: 10, subscribers: 10, inFlight: 1 },
  { name: '10 → 10, 1 in flight', channels: 1, publishers: 10, subscribers: 10, inFlight: 1 },
  { name: '1,000 × 1 → 10, 1 in flight', channels: 1000, publishers: 1, subscribers: 10, inFlight: 1 },
];

/** The name of a shape's case in which it is published by the clock. */
export const clocked = (name: string, speed: 'full' | 'half'): string =>
  `${name}; by the clock, ${speed} speed`;

const cases: readonly FanOutCase[] = shapes.flatMap((shape) => [
  { ...shape, needs: 'channel' },
  { ...shape, name: clocked(shape.name, 'full'), needs: 'channel', clock: { like: shape.name, share: 1 } },
  { ...shape, name: clocked(shape.name, 'half'), needs: 'channel', clock: { like: shape.name, share: 0.5 } },
]);

export default {
  name: 'fan-out',
  shows:
    'What it costs to bring a message of 100 bytes to each subscriber of a channel, and how long that takes.',
  unit: 'delivery',
  cases,
  run: (target, one, seconds, perSecond) => {
    const { channels, publishers, subscribers, inFlight } = one;
    const load = {
      kind: 'fan-out',
      loops: target.loops,
      channels,
      publishers,
      subscribers,
      inFlight,
      bytes: MESSAGE_BYTES,
      // Deliveries are what is counted, messages are what is published.
      ...(perSecond === undefined ? {} : { perSecond: perSecond / subscribers }),
    } as const;
    return generate(target, load, seconds);
  },
} satisfies Scenario<FanOutCase>;
