/** All memory that the threads share: made by the primary, handed to every loop at its birth. */
import { Admissions, type ConnectionLimits } from './admissions.ts';
import { ChannelTable } from './channel-table.ts';
import { ControlBlock } from './control-block.ts';
import { seatsFor } from './layout.ts';
import { type BridgeOrder, Log } from './log.ts';
import { SharedState } from './state.ts';

export interface SharedMemory {
  readonly control: SharedArrayBuffer;
  readonly log: SharedArrayBuffer;
  readonly channels: SharedArrayBuffer;
  readonly state: SharedArrayBuffer;
  /** Connections by address; empty when no option limits them. */
  readonly admissions: SharedArrayBuffer;
  /** Upgrades and messages per second by address, a state of its own; empty when no option limits them. */
  readonly rates: SharedArrayBuffer;
}

/** How much of it there is. Pages that are never written take no memory. */
export interface SharedMemorySize extends ConnectionLimits {
  readonly workers: number;
  readonly logBytes: number;
  readonly maxChannels: number;
  readonly stateBytes: number;
  readonly upgradesPerSecond: number;
  readonly messagesPerSecondPerIp: number;
}

/** Some 100,000 addresses at a few messages per second each: what is older than a second makes room. */
const RATES_BYTES = 32 * 1024 * 1024;

/** Primary only. `bridge`: how what comes from other nodes is ordered; null when there are none. */
export function createSharedMemory(size: SharedMemorySize, bridge: BridgeOrder | null = null): SharedMemory {
  const seats = seatsFor(size.workers);
  const countsConnections = size.maxConnections > 0 || size.maxConnectionsPerIp > 0;
  const hasRates = size.upgradesPerSecond > 0 || size.messagesPerSecondPerIp > 0;
  return {
    control: ControlBlock.create(size.workers).memory,
    log: Log.create(seats, size.logBytes, bridge),
    channels: ChannelTable.create(seats, size.maxChannels),
    state: SharedState.create(size.stateBytes),
    admissions: countsConnections ? Admissions.create(seats, size) : new SharedArrayBuffer(0),
    rates: hasRates ? SharedState.create(RATES_BYTES) : new SharedArrayBuffer(0),
  };
}
