import { type Case, generate, type Scenario } from '../scenario.ts';

interface StormCase extends Case {
  readonly channels: number;
  readonly publishers: number;
  readonly inFlight: number;
  readonly bytes: number;
}

const cases: readonly StormCase[] = [
  {
    name: '64 channels of 1, 64 in flight',
    needs: 'channel',
    channels: 64,
    publishers: 1,
    inFlight: 64,
    bytes: 100,
  },
  {
    name: '8 channels of 1, 8 in flight of 16 KiB',
    needs: 'channel',
    channels: 8,
    publishers: 1,
    inFlight: 8,
    bytes: 16_384,
  },
];

export default {
  name: 'publish-storm',
  shows: 'How much can be published when hardly anybody listens: the price of the publishing itself.',
  unit: 'delivery',
  cases,
  run: (target, one, seconds) => {
    const { channels, publishers, inFlight, bytes } = one;
    const { loops } = target;
    const load = {
      kind: 'fan-out',
      loops,
      channels,
      publishers,
      subscribers: publishers,
      inFlight,
      bytes,
    } as const;
    return generate(target, load, seconds);
  },
} satisfies Scenario<StormCase>;
