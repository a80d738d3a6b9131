/** Counters of what did not go as a client wished, and causes of restarts: what each is called on the page. */

/** `refusal` is what the plot of refusals counts. */
export const REASONS = [
  { counter: 'upgradesInvalid', kind: 'refusal', text: 'Handshakes refused: not valid' },
  { counter: 'originsRefused', kind: 'refusal', text: 'Handshakes refused: origin not allowed' },
  {
    counter: 'upgradesUnknownPath',
    kind: 'refusal',
    text: 'Handshakes refused: nothing is served at the path',
  },
  { counter: 'upgradesRefusedByApp', kind: 'refusal', text: 'Handshakes refused: by the app' },
  { counter: 'upgradesFailed', kind: 'refusal', text: 'Handshakes refused: shouldUpgrade failed' },
  { counter: 'upgradesTimedOut', kind: 'refusal', text: 'Handshakes refused: handshakeTimeoutMs' },
  { counter: 'upgradesOverTotal', kind: 'refusal', text: 'Handshakes refused: maxConnections' },
  { counter: 'upgradesOverIp', kind: 'refusal', text: 'Handshakes refused: maxConnectionsPerIp' },
  { counter: 'upgradesOverRate', kind: 'refusal', text: 'Handshakes refused: upgradesPerSecond' },
  { counter: 'upgradesUncounted', kind: 'refusal', text: 'Handshakes refused: no room to count the address' },
  { counter: 'upgradesDraining', kind: 'refusal', text: 'Handshakes refused: draining' },
  { counter: 'publishesRefused', kind: 'refusal', text: 'Publishes refused' },
  { counter: 'subscriptionsRefused', kind: 'refusal', text: 'Subscriptions refused' },
  { counter: 'messagesOverRate', kind: 'refusal', text: 'Messages refused: messagesPerSecond' },
  { counter: 'messagesOverIpRate', kind: 'refusal', text: 'Messages refused: messagesPerSecondPerIp' },
  { counter: 'upgradesAborted', kind: 'ended', text: 'Handshakes given up by clients' },
  { counter: 'protocolErrors', kind: 'ended', text: 'Connections ended: protocol error or message too big' },
  { counter: 'slowConsumersClosed', kind: 'ended', text: 'Connections ended: too slow' },
  { counter: 'idleTimeouts', kind: 'ended', text: 'Connections ended: idleTimeoutMs' },
  { counter: 'lifetimesOver', kind: 'ended', text: 'Connections ended: maxLifetimeMs' },
  { counter: 'messagesDropped', kind: 'lost', text: 'Messages dropped for slow clients' },
  { counter: 'messagesUnread', kind: 'lost', text: 'Messages that no callback took' },
  { counter: 'handlerErrors', kind: 'fault', text: 'Handler errors' },
  { counter: 'limitsUnchecked', kind: 'fault', text: 'Limits not checked for lack of memory' },
];

export const CAUSES = {
  error: 'uncaught error',
  exit: 'process.exit in user code',
  heap: 'heap nearly full',
  ended: 'thread ended by itself',
  reload: 'reload',
};

/** A counter over all loops; what the primary refuses to publish is refused, too. */
export function countOf(status, counter) {
  const own = counter === 'publishesRefused' ? status.publishes.refused : 0;
  return status.loops.reduce((sum, loop) => sum + loop.counters[counter], own);
}
