/** The policy by itself: what it does when there is no room to count, and what it logs. */
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Admissions } from '../../src/shared/admissions.ts';
import { COUNTERS, type CounterName } from '../../src/shared/layout.ts';
import { SharedState } from '../../src/shared/state.ts';
import { Admission } from '../../src/workers/admission.ts';
import { type LimitOptions, Limits } from '../../src/workers/limits.ts';
import { SELDOM_MS, SeldomLog } from '../../src/workers/seldom-log.ts';

const NONE: LimitOptions = {
  handshakeTimeoutMs: 10_000,
  maxConnections: 0,
  maxConnectionsPerIp: 0,
  maxLifetimeMs: 0,
  messagesPerSecond: 0,
  messagesPerSecondPerIp: 0,
  upgradesPerSecond: 0,
};

interface Line {
  readonly level: number;
  readonly limit: string;
  readonly address: string;
  readonly count: number;
  readonly msg: string;
}

const lines: Line[] = [];
let totals: Record<CounterName, number>;

beforeEach(() => {
  vi.useFakeTimers();
  lines.length = 0;
  totals = Object.fromEntries(COUNTERS.map((name) => [name, 0])) as Record<CounterName, number>;
});
afterEach(() => void vi.useRealTimers());

function limitsOf(
  options: Partial<LimitOptions>,
  sizes: { addresses?: number; rateBytes?: number } = {},
): Limits {
  const all = { ...NONE, ...options };
  const { addresses, rateBytes } = sizes;
  const admissions =
    addresses === undefined ? new SharedArrayBuffer(0) : Admissions.create(1, all, addresses);
  const rates = rateBytes === undefined ? new SharedArrayBuffer(0) : SharedState.create(rateBytes);
  const log = pino({}, { write: (line) => lines.push(JSON.parse(line) as Line) });
  return new Limits(all, { admissions, rates }, 0, totals, new SeldomLog(log));
}

describe('limits', () => {
  it('hold nothing for anybody when none is set', () => {
    const limits = limitsOf({});
    expect([limits.admit('10.0.0.1'), limits.areMessagesLimited]).toEqual([null, false]);
  });

  it('refuse with 503 an address that there is no room to count, and say so', () => {
    const limits = limitsOf({ maxConnectionsPerIp: 5 }, { addresses: 2 });
    const found = [1, 2, 3, 4].map((n) => limits.admit(`10.0.0.${n}`));
    expect(found.slice(0, 3).every((one) => one instanceof Admission)).toBe(true);
    expect(found[3]).toMatchObject({ status: 503 });
    expect(totals.upgradesUncounted).toBe(1);
    expect(lines).toMatchObject([{ level: 40, limit: 'addresses', address: '10.0.0.4', count: 1 }]);
  });

  it('let upgrades pass when there is no room to count their rate, and say so', () => {
    const limits = limitsOf({ upgradesPerSecond: 1 }, { rateBytes: 64 * 1024 });
    for (let n = 0; n < 2000; n++) expect(limits.admit(`10.0.${n >> 8}.${n & 255}`)).toBe(null);
    expect(totals.limitsUnchecked).toBeGreaterThan(0);
    // Those that are counted are limited all the same.
    expect(limits.admit('10.0.0.0')).toMatchObject({ status: 429 });
    expect(lines.map(({ limit }) => limit)).toEqual(['rates', 'upgradesPerSecond']);
  });

  it('count all addresses of an IPv6 network as one', () => {
    const limits = limitsOf({ maxConnectionsPerIp: 1 }, { addresses: 10 });
    expect(limits.admit('2001:db8::1')).toBeInstanceOf(Admission);
    expect(limits.admit('2001:db8::ffff:1')).toMatchObject({ status: 429 });
    expect(limits.admit('2001:db8:0:1::1')).toBeInstanceOf(Admission);
  });

  it('give a place back once, however often an admission is ended', () => {
    const limits = limitsOf({ maxConnectionsPerIp: 2 }, { addresses: 10 });
    const [first, second] = [limits.admit('a'), limits.admit('a')];
    for (let i = 0; i < 3; i++) if (first instanceof Admission) first.end();
    expect(second).toBeInstanceOf(Admission);
    expect(limits.admit('a')).toBeInstanceOf(Admission);
    expect(limits.admit('a')).toMatchObject({ status: 429 });
  });
});

describe('the log lines of limits', () => {
  it('are one at once and then one each ten seconds for each limit, with how many refusals they stand for', () => {
    const limits = limitsOf({ maxConnections: 1, maxConnectionsPerIp: 1 }, { addresses: 10 });
    limits.admit('10.0.0.1');
    for (let i = 0; i < 1000; i++) limits.admit(`10.0.1.${i % 256}`);
    limits.handshakeTimedOut('10.0.0.9');
    expect(lines.map(({ limit, count }) => [limit, count])).toEqual([
      ['maxConnections', 1],
      ['handshakeTimeoutMs', 1],
    ]);
    vi.advanceTimersByTime(SELDOM_MS - 1);
    expect(lines).toHaveLength(2);
    vi.advanceTimersByTime(1);
    expect(lines.slice(2)).toMatchObject([
      { level: 40, limit: 'maxConnections', count: 999, msg: 'limit reached' },
    ]);
    vi.advanceTimersByTime(10 * SELDOM_MS);
    expect(lines).toHaveLength(3);
    limits.admit('10.0.0.2');
    expect(lines.slice(3)).toMatchObject([{ limit: 'maxConnections', address: '10.0.0.2', count: 1 }]);
    expect(totals.upgradesOverTotal).toBe(1001);
  });
});
