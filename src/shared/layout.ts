/**
 * Where everything lies in the shared memory. Offsets are bytes from its start and are computed here, in one place.
 *
 * ```
 * 0    header                        written once by the primary, before any loop starts
 *      ├ u32 magic ├ u32 version ├ u32 loop count ├ u32 0 ├ u64 epoch ├ u64 start (ns, monotonic) ┤
 * 64   slot of loop 0
 *      +0    status line              u32 × 16: state, generation, heartbeat, …         the loop writes
 *      +64   counters                 u64 × COUNTERS.length, padded to whole lines       the loop writes
 *      +64+c release line             u32 × 16: generation whose descriptor is removed   the primary writes
 *      slot of loop 1 …
 * ```
 * Lines are 64 bytes, so no two writers share one.
 */
export const CACHE_LINE_BYTES = 64;

const padToLine = (bytes: number): number => Math.ceil(bytes / CACHE_LINE_BYTES) * CACHE_LINE_BYTES;

/** "PLLP": any other value is not our memory. */
export const MAGIC = 0x50_4c_4c_50;
export const LAYOUT_VERSION = 1;

/** Words of the header, by index into a Uint32Array. */
export const HeaderWord = { magic: 0, version: 1, loops: 2 } as const;
/** Words of the header, by index into a BigUint64Array. */
export const HeaderLong = { epoch: 2, startNs: 3 } as const;
export const HEADER_BYTES = CACHE_LINE_BYTES;

/** Words of a slot's status line, by index into a Uint32Array that starts at the slot. */
export const StatusWord = {
  state: 0,
  generation: 1,
  heartbeatMs: 2,
  lagMs: 3,
  connections: 4,
  sockets: 5,
  accepted: 6,
} as const;

/** Totals of a loop over all its generations: 64 bits each, in this order. */
export const COUNTERS = [
  'connectionsOpened',
  'messagesIn',
  'bytesIn',
  'messagesOut',
  'bytesOut',
  'messagesDropped',
  'messagesUnread',
  'upgradesRejected',
  'upgradesInvalid',
  'upgradesAborted',
  'handlerErrors',
  'protocolErrors',
  'oversizedMessages',
  'httpRequests',
] as const;
export type CounterName = (typeof COUNTERS)[number];

export const COUNTERS_OFFSET = CACHE_LINE_BYTES;
export const RELEASE_OFFSET = COUNTERS_OFFSET + padToLine(COUNTERS.length * BigUint64Array.BYTES_PER_ELEMENT);
export const SLOT_BYTES = RELEASE_OFFSET + CACHE_LINE_BYTES;

export const slotOffset = (loopId: number): number => HEADER_BYTES + loopId * SLOT_BYTES;
export const controlBlockBytes = (loops: number): number => HEADER_BYTES + loops * SLOT_BYTES;
