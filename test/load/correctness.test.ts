/** The load's checks pass on a server that is right, and fail on servers that are deliberately broken. It reads /proc. */
import { describe, expect, it } from 'vitest';
import { generate, type LoadPlan } from '../../load/scenario.ts';
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
const sound = targetNamed('polyloop-2');
const broken = (fault: string): Target => ({
  ...sound,
  command: { ...polyloop(`broken-${fault}.js`, 2), env: { LOAD_BROKEN_EVERY: String(BROKEN_EVERY) } },
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
    expect(trouble).toMatch(
      /differs|order|was to come|did not come back|missing|more came|more messages|other bytes/,
    );
  });
});
