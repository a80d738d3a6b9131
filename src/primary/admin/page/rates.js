/** What two status messages come to: rates over the real time between them, and totals of all loops. */
import { countOf, REASONS } from './reasons.js';

/** Heartbeats come so often; one that is later than that is late already. */
const HEARTBEAT_MS = 100;
const RATED = ['messagesIn', 'messagesOut', 'published', 'deliveries'];
const REFUSALS = REASONS.filter(({ kind }) => kind === 'refusal').map(({ counter }) => counter);

export const isSameServer = (before, after) =>
  before.pid === after.pid && before.startedAt === after.startedAt;

/** By loop, each null when there is nothing to compare with: `before` is null or of another life of the server. */
export function ratesOf(before, after) {
  const isComparable = before !== null && isSameServer(before, after);
  return after.loops.map((loop) => {
    const earlier = isComparable ? before.loops.find(({ id }) => id === loop.id) : undefined;
    const rate = (name) =>
      earlier === undefined ? null : perSecond(loop.counters[name] - earlier.counters[name], before, after);
    return Object.fromEntries(RATED.map((name) => [name, rate(name)]));
  });
}

/** Of all loops together, as the plots show them. */
export function totalsOf(before, after, rates) {
  const refused = (status) => REFUSALS.reduce((sum, counter) => sum + countOf(status, counter), 0);
  const isComparable = before !== null && isSameServer(before, after);
  return {
    connections: sum(after.loops.map((loop) => loop.connections)),
    messagesIn: sumOfRates(rates, 'messagesIn'),
    messagesOut: sumOfRates(rates, 'messagesOut'),
    deliveries: sumOfRates(rates, 'deliveries'),
    lagMs: Math.max(...after.loops.map((loop) => lagOf(loop) ?? 0)),
    unreadShare: after.log.unreadBytes / after.log.bytes,
    refusals: isComparable ? perSecond(refused(after) - refused(before), before, after) : null,
  };
}

/** How late the last heartbeat was, or how late the next one is by now; null while no thread turns there by intention. */
export function lagOf({ state, lagMs, heartbeatAgeMs }) {
  if (state === 'starting' || state === 'ended') return null;
  return Math.max(lagMs, heartbeatAgeMs - HEARTBEAT_MS);
}

export const sum = (values) => values.reduce((total, value) => total + value, 0);

/** Null when one of them is not known. */
export function sumOfRates(rates, name) {
  const values = rates.map((rate) => rate[name]);
  return values.includes(null) ? null : sum(values);
}

const perSecond = (count, before, after) => Math.max(0, count) / ((after.uptimeMs - before.uptimeMs) / 1000);
