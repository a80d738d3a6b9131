/**
 * Where everything lies in the shared memory. There are four kinds of pieces, each with a header of its own; offsets are bytes from
 * the start of a piece and are computed here, in one place. Lines are 64 bytes, so no two writers share one.
 *
 * The control block: what the threads know of each other.
 * ```
 * 0    header                        written once by the primary, before any loop starts
 *      ├ u32 magic ├ u32 version ├ u32 loop count ├ u32 0 ├ u64 epoch ├ u64 start (ns, monotonic) ┤
 * 64   retirement line               u32: odd while the primary moves totals from a slot to the retired ones
 * 128  slot of seat 0
 *      +0    status line              u32 × 16: state, heartbeat, …                      the loop writes
 *      +64   totals                   u64 × TOTAL_LONGS, padded to whole lines           the loop writes
 *      +64+c primary's line           u32 × 16: whose seat it is, what is released       the primary writes
 *      slot of seat 1 …
 *      retired totals of loop 0       u64 × (TOTAL_LONGS + 1), padded to whole lines     the primary writes
 *      retired totals of loop 1 …
 * ```
 * A seat is a thread's place in the shared memory: its slot, its cursor and doorbell, its counts in the channel table. There is one
 * more than loops, so that a loop's next generation can start while the one before it is drained.
 *
 * The log: every published message, in one order.
 * ```
 * 0    header                        written once, before any loop starts
 *      ├ u32 magic ├ u32 version ├ u32 units of the ring ├ u32 readers ├ u32 bridge ├ u32 ordered ┤
 * 64   append line                   ├ u32 lock ├ u32 interest lost ┤                                          any writer
 * 128  tail line                     ├ u32 tail ┤                                          the holder of the lock
 * 192  writer line                   ├ f64 end ├ f64 gate ├ f64 next check ├ f64 reserved ┤              the holder of the lock
 * 256  cursor line of reader 0       ├ u32 cursor ├ u32 state ┤                            the reader; see log.ts
 *      doorbell line of reader 0     ├ u32 bell ┤                                          reader and writers
 *      lines of reader 1 …
 *      ring                          units of 64 bytes
 * ```
 *
 * The channel table: what is known of each channel. Read and written under the append lock only.
 * ```
 * 0    header                        ├ u32 magic ├ u32 version ├ u32 loops ├ u32 most channels ├ u32 × 2 hash key ┤
 * 64   heap line
 * 128  table line                    ├ u32 trie root ├ u32 channels ├ u32 longest idle ├ u32 latest idle ├ f64 lives ├ f64 forgotten ├ u32 lock ┤
 * 192  blocks of the heap
 * ```
 * The admissions, which count connections by address, are a second such table. It is not under the append lock but under the lock
 * in its own table line, which the first one does not use. Empty when no limit needs it.
 *
 * The state: what `loop.shared` keeps.
 * ```
 * 0    header                        ├ u32 magic ├ u32 version ├ u32 × 2 hash key ┤        written once
 * 64   heap line                                                                           the holder of the heap lock
 * 128  heap lock line                ├ u32 lock ┤
 * 192  registry line                 ├ u32 lock ├ u32 trie root ┤
 * 256  blocks of the heap
 * ```
 * The rates, which limit upgrades and messages by address, are a second such piece. Empty when no limit needs it.
 */
export const CACHE_LINE_BYTES = 64;

const padToLine = (bytes: number): number => Math.ceil(bytes / CACHE_LINE_BYTES) * CACHE_LINE_BYTES;

/** First word of each piece: "PLLP" and so on. Any other value is not our memory. */
export const MAGIC = 0x50_4c_4c_50;
export const LOG_MAGIC = 0x47_4c_4c_50;
export const CHANNELS_MAGIC = 0x48_43_4c_50;
export const STATE_MAGIC = 0x54_53_4c_50;
export const LAYOUT_VERSION = 5;

/** Words of the header, by index into a Uint32Array. */
export const HeaderWord = { magic: 0, version: 1, loops: 2 } as const;
/** Words of the header, by index into a BigUint64Array. */
export const HeaderLong = { epoch: 2, startNs: 3 } as const;
export const HEADER_BYTES = CACHE_LINE_BYTES;

/** Words of a slot's status line, by index into a Uint32Array that starts at the slot. */
export const StatusWord = {
  state: 0,
  heartbeatMs: 1,
  lagMs: 2,
  connections: 3,
  sockets: 4,
  accepted: 5,
  activity: 6,
  heapUsedKib: 7,
  heapLimitKib: 8,
  utilizationPpm: 9,
  bufferedKib: 10,
  backlogs: 11,
} as const;
/** Words of a slot's primary's line, by index into a Uint32Array that starts at the line. */
export const SeatWord = { released: 0, loop: 1, generation: 2, incarnation: 3 } as const;

/** Totals of a loop over all its generations: 64 bits each, in this order. */
export const COUNTERS = [
  'connectionsOpened',
  'messagesIn',
  'bytesIn',
  'messagesOut',
  'bytesOut',
  'messagesDropped',
  'slowConsumersClosed',
  'messagesUnread',
  'upgradesRejected',
  'upgradesInvalid',
  'originsRefused',
  'upgradesAborted',
  'handlerErrors',
  'protocolErrors',
  'oversizedMessages',
  'httpRequests',
  'published',
  'publishesRefused',
  'deliveries',
  'subscriptionsRefused',
  'upgradesOverTotal',
  'upgradesOverIp',
  'upgradesOverRate',
  'upgradesUncounted',
  'upgradesTimedOut',
  'upgradesUnknownPath',
  'upgradesRefusedByApp',
  'upgradesFailed',
  'upgradesDraining',
  'messagesOverRate',
  'messagesOverIpRate',
  'idleTimeouts',
  'lifetimesOver',
  'limitsUnchecked',
  'wakeUps',
] as const;
/**
 * Names of what a loop counts; the metrics in `docs/metrics.md` are made of them.
 * @useDeclaredType
 */
export type CounterName = (typeof COUNTERS)[number];

/**
 * Distributions of times, by the upper bounds of their buckets in milliseconds. Each is, behind the counters, a 64-bit count for
 * each bucket, one for what is above the last bound, and the sum of all in microseconds.
 */
export const DURATIONS = {
  /** From the request to the 101 answer. */
  upgrade: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000],
  /** How late heartbeats were. */
  lag: [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000],
} as const;
/**
 * Names of the times of which a loop keeps a distribution.
 * @useDeclaredType
 */
export type DurationName = keyof typeof DURATIONS;
export const DURATION_NAMES = Object.keys(DURATIONS) as DurationName[];
export const durationLongs = (name: DurationName): number => DURATIONS[name].length + 2;

export const TOTAL_LONGS = DURATION_NAMES.reduce<number>(
  (sum, name) => sum + durationLongs(name),
  COUNTERS.length,
);

export const TOTALS_OFFSET = CACHE_LINE_BYTES;
export const SEAT_OFFSET = TOTALS_OFFSET + padToLine(TOTAL_LONGS * BigUint64Array.BYTES_PER_ELEMENT);
export const SLOT_BYTES = SEAT_OFFSET + CACHE_LINE_BYTES;

const SPARE_SEATS = 1;
export const seatsFor = (loops: number): number => loops + SPARE_SEATS;

export const RETIREMENT_OFFSET = HEADER_BYTES;
const SLOTS_OFFSET = RETIREMENT_OFFSET + CACHE_LINE_BYTES;
/** The totals, and behind them what was accepted. */
export const RETIRED_LONGS = TOTAL_LONGS + 1;
const RETIRED_BYTES = padToLine(RETIRED_LONGS * BigUint64Array.BYTES_PER_ELEMENT);
export const slotOffset = (seat: number): number => SLOTS_OFFSET + seat * SLOT_BYTES;
export const retiredOffset = (loops: number, loopId: number): number =>
  slotOffset(seatsFor(loops)) + loopId * RETIRED_BYTES;
export const controlBlockBytes = (loops: number): number => retiredOffset(loops, loops);

// ── the log ──

/** Unit of the ring: positions in it, and sizes of records, are counts of these. */
export const UNIT_BYTES = CACHE_LINE_BYTES;
export const LogHeaderWord = { magic: 0, version: 1, units: 2, readers: 3, bridge: 4, isOrdered: 5 } as const;
const APPEND_OFFSET = CACHE_LINE_BYTES;
const TAIL_OFFSET = 2 * CACHE_LINE_BYTES;
const WRITER_OFFSET = 3 * CACHE_LINE_BYTES;
const READERS_OFFSET = 4 * CACHE_LINE_BYTES;
const READER_LINES = 2;
/** Single words of the log, by index into an Int32Array of the whole. */
export const LOG_LOCK_INDEX = APPEND_OFFSET / Int32Array.BYTES_PER_ELEMENT;
/** 1: the bridge was not told that a channel is wanted, or no longer. On the append line, which the lock's holder has. */
export const LOG_INTEREST_LOST_INDEX = LOG_LOCK_INDEX + 1;
export const LOG_TAIL_INDEX = TAIL_OFFSET / Int32Array.BYTES_PER_ELEMENT;
/** Words of the writer line, by index into a Float64Array of the whole. */
const writerLong = (word: number): number => WRITER_OFFSET / Float64Array.BYTES_PER_ELEMENT + word;
export const LogWriterLong = {
  end: writerLong(0),
  gate: writerLong(1),
  nextCheck: writerLong(2),
  reserved: writerLong(3),
} as const;

const readerOffset = (reader: number): number => READERS_OFFSET + reader * READER_LINES * CACHE_LINE_BYTES;
/** Words of a reader, by index into an Int32Array of the whole. */
export const cursorIndex = (reader: number): number => readerOffset(reader) / Int32Array.BYTES_PER_ELEMENT;
export const readerStateIndex = (reader: number): number => cursorIndex(reader) + 1;
export const bellIndex = (reader: number): number =>
  (readerOffset(reader) + CACHE_LINE_BYTES) / Int32Array.BYTES_PER_ELEMENT;

const RING_ALIGNMENT = 4096;
export const ringOffset = (readers: number): number =>
  Math.ceil(readerOffset(readers) / RING_ALIGNMENT) * RING_ALIGNMENT;
export const logMemoryBytes = (readers: number, ringBytes: number): number => ringOffset(readers) + ringBytes;

// ── heaps of blocks: the channel table and the state ──

export const BLOCK_BYTES = CACHE_LINE_BYTES;
export const BLOCK_WORDS = BLOCK_BYTES / Uint32Array.BYTES_PER_ELEMENT;
/** Words of a block that a chain can use: all but the link. */
export const CHAIN_WORDS = BLOCK_WORDS - 1;
/** Words of a heap line, by index into a Uint32Array that starts at it. */
export const HeapWord = { end: 0, untouched: 1, firstFree: 2, free: 3, used: 4 } as const;
/** Words of a leaf that a trie uses, by index into its first block; 0 is the link. */
export const LeafWord = { hash: 1, sibling: 2 } as const;
/** The payload of a leaf's chain starts with the trie's words; what the owner keeps begins behind them, at this payload word. */
export const LEAF_PAYLOAD = 2;

export const HEAP_LINE_OFFSET = CACHE_LINE_BYTES;

// ── the channel table ──

export const ChannelsHeaderWord = {
  magic: 0,
  version: 1,
  loops: 2,
  maxChannels: 3,
  key0: 4,
  key1: 5,
} as const;
const TABLE_OFFSET = 2 * CACHE_LINE_BYTES;
const tableWord = (word: number): number => TABLE_OFFSET / Uint32Array.BYTES_PER_ELEMENT + word;
/** Words of the table line, by index into a Uint32Array of the whole. */
export const TableWord = {
  root: tableWord(0),
  count: tableWord(1),
  oldestIdle: tableWord(2),
  newestIdle: tableWord(3),
} as const;
const tableLong = (word: number): number => TABLE_OFFSET / Float64Array.BYTES_PER_ELEMENT + word;
/** The same line, by index into a Float64Array of the whole. */
export const TableLong = { lives: tableLong(2), forgotten: tableLong(3) } as const;
/** The same line, by index into an Int32Array of the whole. */
export const TABLE_LOCK_INDEX = tableWord(8);
export const FIRST_CHANNEL_BLOCK = 3;

// ── the state ──

export const StateHeaderWord = { magic: 0, version: 1, key0: 2, key1: 3 } as const;
/** Words of the state, by index into a typed array of 32-bit words of the whole. */
export const STATE_HEAP_LOCK_INDEX = (2 * CACHE_LINE_BYTES) / Int32Array.BYTES_PER_ELEMENT;
export const REGISTRY_LOCK_INDEX = (3 * CACHE_LINE_BYTES) / Int32Array.BYTES_PER_ELEMENT;
export const REGISTRY_ROOT_INDEX = REGISTRY_LOCK_INDEX + 1;
export const FIRST_STATE_BLOCK = 4;
