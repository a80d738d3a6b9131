/** All scenarios, in the order in which they run. */
import type { Scenario } from './scenario.ts';
import echo from './scenarios/echo.ts';
import fanOut from './scenarios/fan-out.ts';
import handshakes from './scenarios/handshakes.ts';
import idle from './scenarios/idle.ts';

export const SCENARIOS: readonly Scenario[] = [echo, handshakes, fanOut, idle];

export function scenarioNamed(name: string): Scenario {
  const scenario = SCENARIOS.find((one) => one.name === name);
  if (scenario) return scenario;
  throw new Error(`no scenario "${name}"; there are ${SCENARIOS.map((one) => one.name).join(', ')}`);
}
