/** The limits as one loop enforces them: which handshakes and messages are refused, how that is answered, counted and told. */
import type { Config } from '../config.ts';
import { SharedMemoryFullError } from '../errors.ts';
import { Admissions, type EntryRefusal } from '../shared/admissions.ts';
import { threadOf } from '../shared/channel-log.ts';
import type { CounterName } from '../shared/layout.ts';
import type { SharedRateLimiter, TakeResult } from '../shared/shared.ts';
import type { SharedMemory } from '../shared/shared-memory.ts';
import { SharedState } from '../shared/state.ts';
import { CloseCode } from '../websocket.ts';
import { addressGroup } from './address-group.ts';
import { Admission } from './admission.ts';
import type { SeldomLog } from './seldom-log.ts';
import type { ConnectionHolder, ServerWebSocket } from './server-websocket.ts';

export type LimitOptions = Pick<
  Config,
  | 'handshakeTimeoutMs'
  | 'maxConnections'
  | 'maxConnectionsPerIp'
  | 'maxLifetimeMs'
  | 'messagesPerSecond'
  | 'messagesPerSecondPerIp'
  | 'upgradesPerSecond'
>;

/** The answer to a handshake that a limit forbids. */
export interface Refusal {
  readonly status: 429 | 503;
  readonly body: string;
  readonly retryAfterS: number;
}

const SECOND_MS = 1000;
/** When a client should ask again that found no room: nobody knows when there will be some. */
const RETRY_AFTER_S = 10;
/** A lifetime is random between these shares of `maxLifetimeMs`, so that those who came together do not come back together. */
const SHORTEST_LIFETIME = 0.9;
const LONGEST_LIFETIME = 1.1;

export class Limits {
  readonly handshakeTimeoutMs: number;
  /** False: `allowsMessage` need not be asked. */
  readonly areMessagesLimited: boolean;
  readonly #options: LimitOptions;
  readonly #totals: Record<CounterName, number>;
  readonly #log: SeldomLog;
  /** Undefined when no option needs them, as the two below. */
  readonly #admissions: Admissions | undefined;
  readonly #upgradeRate: SharedRateLimiter | undefined;
  readonly #messageRate: SharedRateLimiter | undefined;
  /** Gives back a connection's place. */
  readonly #leave: ((address: string) => void) | undefined;
  /** Every connection gets an `Admission`. */
  readonly #hasAdmissions: boolean;

  constructor(
    options: LimitOptions,
    memory: Pick<SharedMemory, 'admissions' | 'rates'>,
    seat: number,
    totals: Record<CounterName, number>,
    log: SeldomLog,
  ) {
    const { upgradesPerSecond, messagesPerSecond, messagesPerSecondPerIp, maxLifetimeMs } = options;
    this.#options = options;
    this.#totals = totals;
    this.#log = log;
    this.handshakeTimeoutMs = options.handshakeTimeoutMs;
    this.areMessagesLimited = messagesPerSecond > 0 || messagesPerSecondPerIp > 0;
    if (memory.admissions.byteLength > 0) {
      const admissions = new Admissions(memory.admissions, seat, options);
      this.#admissions = admissions;
      this.#leave = (address) => admissions.leave(address);
    }
    if (memory.rates.byteLength > 0) {
      const state = new SharedState(memory.rates, threadOf(seat));
      const perSecond = (name: string, limit: number): SharedRateLimiter | undefined =>
        limit === 0 ? undefined : state.rateLimiter(name, { limit, windowMs: SECOND_MS });
      this.#upgradeRate = perSecond('upgrades', upgradesPerSecond);
      this.#messageRate = perSecond('messages', messagesPerSecondPerIp);
    }
    this.#hasAdmissions = this.#admissions !== undefined || this.areMessagesLimited || maxLifetimeMs > 0;
  }

  // ── handshakes ──

  /**
   * A handshake asks to get in. What it is given belongs to it until `Admission.end`; null when there is nothing to hold: no limit
   * needs it.
   */
  admit(remoteAddress: string): Admission | Refusal | null {
    if (!this.#hasAdmissions && this.#upgradeRate === undefined) return null;
    const address = addressGroup(remoteAddress);
    const rate = this.#take(this.#upgradeRate, address);
    if (rate?.allowed === false) {
      this.#reached('upgradesPerSecond', 'upgradesOverRate', address);
      const retryAfterS = Math.ceil(rate.retryAfterMs / SECOND_MS);
      return { status: 429, body: 'too many upgrades from this address', retryAfterS };
    }
    const refused = this.#admissions?.tryEnter(address) ?? null;
    if (refused !== null) return this.#noRoom(refused, address);
    return this.#hasAdmissions ? new Admission(address, this.#leave) : null;
  }

  #noRoom(refused: EntryRefusal, address: string): Refusal {
    switch (refused) {
      case 'total':
        this.#reached('maxConnections', 'upgradesOverTotal', address);
        return { status: 503, body: 'too many connections', retryAfterS: RETRY_AFTER_S };
      case 'address':
        this.#reached('maxConnectionsPerIp', 'upgradesOverIp', address);
        return { status: 429, body: 'too many connections from this address', retryAfterS: RETRY_AFTER_S };
      case 'full':
        this.#totals.upgradesUncounted++;
        this.#warn('addresses', address, 'no room to count the connections of another address');
        return { status: 503, body: 'too many connections', retryAfterS: RETRY_AFTER_S };
    }
  }

  /** `shouldUpgrade` has not decided within `handshakeTimeoutMs`. */
  handshakeTimedOut(remoteAddress: string): Refusal {
    this.#reached('handshakeTimeoutMs', 'upgradesTimedOut', remoteAddress);
    return { status: 503, body: 'not decided in time', retryAfterS: RETRY_AFTER_S };
  }

  // ── connections ──

  /** The handshake has become a connection: its lifetime begins. */
  connected({ connection, admission }: ConnectionHolder): void {
    const { maxLifetimeMs } = this.#options;
    if (maxLifetimeMs === 0 || connection.isClosed) return;
    const share = SHORTEST_LIFETIME + Math.random() * (LONGEST_LIFETIME - SHORTEST_LIFETIME);
    admission?.startLifetime(maxLifetimeMs * share, () => {
      this.#totals.lifetimesOver++;
      connection.close(CloseCode.serviceRestart, 'connection lifetime is over');
    });
  }

  /** A message has arrived. False when it is one too many: it is not delivered, and the connection is closed. */
  allowsMessage({ connection, admission }: ConnectionHolder): boolean {
    if (admission === null) return true;
    const { messagesPerSecond } = this.#options;
    if (messagesPerSecond > 0 && !admission.pace.tryTake(messagesPerSecond, performance.now())) {
      this.#reached('messagesPerSecond', 'messagesOverRate', admission.address);
      this.#close(connection, `over messagesPerSecond, which is ${messagesPerSecond}`);
      return false;
    }
    if (this.#take(this.#messageRate, admission.address)?.allowed === false) {
      this.#reached('messagesPerSecondPerIp', 'messagesOverIpRate', admission.address);
      this.#close(
        connection,
        `over messagesPerSecondPerIp, which is ${this.#options.messagesPerSecondPerIp}`,
      );
      return false;
    }
    return true;
  }

  #close(connection: ServerWebSocket, reason: string): void {
    connection.close(CloseCode.policyViolation, reason);
  }

  // ── counting and telling ──

  /** Tells now and then of a limit that is enforced, and counted, elsewhere. */
  reached(limit: keyof Config, address: string): void {
    this.#warn(limit, address, 'limit reached');
  }

  #reached(limit: keyof Config, counter: CounterName, address: string): void {
    this.#totals[counter]++;
    this.reached(limit, address);
  }

  #warn(limit: string, address: string, message: string): void {
    this.#log.warn(limit, { limit, address }, message);
  }

  /** Takes from a rate of an address. Undefined when there is no such rate, or no room to count for it: then it is not limited. */
  #take(rate: SharedRateLimiter | undefined, address: string): TakeResult | undefined {
    try {
      return rate?.take(address);
    } catch (error) {
      if (!(error instanceof SharedMemoryFullError)) throw error;
      this.#totals.limitsUnchecked++;
      this.#warn('rates', address, 'no room to count for another address; its rates are not limited');
      return undefined;
    }
  }
}
