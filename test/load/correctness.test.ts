/** The load's checks pass on a server that is right, and fail on servers that are deliberately broken. It reads /proc. */
import { describe, expect, it } from 'vitest';
import { missingEngine } from '../../load/engines.ts';
import { generate, generateAcross, type LoadPlan } from '../../load/scenario.ts';
import { polyloop, type Target, targetNamed } from '../../load/targets.ts';

const SECONDS = 0.2;
/** So that even a slow machine gets to the broken message. */
const BROKEN_EVERY = 200;
const FAULTS = ['lose', 'double', 'swap', 'corrupt'] as const;

const ECHO: LoadPlan = { kind: 'echo', path: '/echo', connections: 4, bytes: 20, inFlight: 8 };
const CHANNEL = { kind: 'fan-out', loops: 2, subscribers: 6, inFlight: 8, bytes: 100 } as const;
const LOADS: Readonly<Record<string, LoadPlan>> = {
  echoes: ECHO,
  'a channel with one publisher': { ...CHANNEL, channels: 1, publishers: 1 },
  'channels with several publishers': { ...CHANNEL, channels: 2, publishers: 3 },
};
const WRONG = /differs|order|was to come|did not come back|missing|more came|more messages|other bytes/;
const env = { LOAD_BROKEN_EVERY: String(BROKEN_EVERY) };
const sound = targetNamed('polyloop-2');
const broken = (fault: string): Target => ({
  ...sound,
  command: { ...polyloop(`broken-${fault}.js`, 2), env },
});

describe.runIf(process.platform === 'linux').each(Object.entries(LOADS))('load on %s', (_, plan) => {
  it('finds nothing wrong with a server that is right', async () => {
    const { figures, trouble } = await generate(sound, plan, SECONDS);
    expect(trouble).toBeNull();
    expect(figures?.perSecond).toBeGreaterThan(0);
  });

  it.each(FAULTS)('finds the fault when the server is broken: %s', async (fault) => {
    const { figures, trouble } = await generate(broken(fault), plan, SECONDS);
    expect(figures).toBeNull();
    expect(trouble).toMatch(WRONG);
  });
});

describe.each(['nats', 'redis'] as const)('load on two nodes over %s', (engine) => {
  const isMissing = process.platform !== 'linux' || missingEngine(engine) !== undefined;
  const sound = targetNamed(`polyloop-${engine}`);
  const plan = { ...CHANNEL, loops: 1, channels: 2, publishers: 3 };

  it.skipIf(isMissing)('finds nothing wrong with nodes that are right', async () => {
    const { figures, trouble } = await generateAcross(sound, plan, SECONDS);
    expect(trouble).toBeNull();
    expect(figures?.perSecond).toBeGreaterThan(0);
    const { publishingNodeMicros, subscribedNodeMicros } = figures?.more ?? {};
    expect(figures?.cpuMicros).toBeCloseTo(
      (publishingNodeMicros ?? Number.NaN) + (subscribedNodeMicros ?? Number.NaN),
    );
  });

  it.skipIf(isMissing).each(FAULTS)('finds the fault when the nodes are broken: %s', async (fault) => {
    const command = { ...polyloop(`broken-${fault}.js`, 1, '--backplane'), env };
    const { figures, trouble } = await generateAcross({ ...sound, command }, plan, SECONDS);
    expect(figures).toBeNull();
    expect(trouble).toMatch(WRONG);
  });
});
