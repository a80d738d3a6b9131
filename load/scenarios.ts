/** All scenarios, in the order in which they run. */
import type { Scenario } from './scenario.ts';
import burn from './scenarios/burn.ts';
import chat from './scenarios/chat.ts';
import connectStorm from './scenarios/connect-storm.ts';
import echo from './scenarios/echo.ts';
import fanOut from './scenarios/fan-out.ts';
import handshakes from './scenarios/handshakes.ts';
import http from './scenarios/http.ts';
import idle from './scenarios/idle.ts';
import nodes from './scenarios/nodes.ts';
import offload from './scenarios/offload.ts';
import publishStorm from './scenarios/publish-storm.ts';
import reconnectStorm from './scenarios/reconnect-storm.ts';
import sharedState from './scenarios/shared-state.ts';
import slowConsumers from './scenarios/slow-consumers.ts';

export const SCENARIOS: readonly Scenario[] = [
  http,
  echo,
  handshakes,
  fanOut,
  publishStorm,
  connectStorm,
  reconnectStorm,
  slowConsumers,
  idle,
  chat,
  sharedState,
  offload,
  burn,
  nodes,
];

export function scenarioNamed(name: string): Scenario {
  const scenario = SCENARIOS.find((one) => one.name === name);
  if (scenario) return scenario;
  process.stderr.write(`no scenario "${name}"; there are ${SCENARIOS.map((one) => one.name).join(', ')}\n`);
  process.exit(2);
}
