/** A log and a channel table of a test's own, as several threads would see them, all in one thread. */
import { ChannelLog, threadOf } from '../../src/shared/channel-log.ts';
import { ChannelTable } from '../../src/shared/channel-table.ts';
import { type BridgeOrder, Log, MIN_RING_BYTES, RecordWord } from '../../src/shared/log.ts';
import { LogReader } from '../../src/shared/log-reader.ts';

export const EPOCH = 0x1234_5678_9abc_def0n;
export const WRAP = 2 ** 32;

export interface SharedLogOptions {
  readonly loops?: number;
  readonly ringBytes?: number;
  readonly maxChannels?: number;
  readonly bridge?: BridgeOrder | null;
  /** Where the log's positions start. */
  readonly start?: number;
}

export class SharedLog {
  readonly log: SharedArrayBuffer;
  readonly channels: SharedArrayBuffer;
  /** What the primary sees. */
  readonly primary: ChannelLog;

  constructor({
    loops = 1,
    ringBytes = MIN_RING_BYTES,
    maxChannels = 64,
    bridge = null,
    start = 0,
  }: SharedLogOptions = {}) {
    this.log = Log.create(loops, ringBytes, bridge, start);
    this.channels = ChannelTable.create(loops, maxChannels);
    this.primary = this.ofLoop(loops);
  }

  /** What that loop sees. */
  ofLoop(loop: number): ChannelLog {
    return new ChannelLog(this.log, this.channels, EPOCH, threadOf(loop));
  }

  attach(reader: number): CollectingReader {
    const attached = new CollectingReader(this.primary.log, reader);
    underLock(this.primary, () => attached.attach());
    return attached;
  }
}

export function underLock<T>(shared: ChannelLog, run: () => T): T {
  shared.lock.lock();
  try {
    return run();
  } finally {
    shared.lock.unlock();
  }
}

/** A record as a reader sees it, copied. */
export interface SeenRecord {
  readonly position: number;
  readonly channel: number;
  readonly sequence: number;
  readonly flags: number;
  readonly connection: number;
  readonly data: Buffer;
}

/** A reader of the log that copies what it reads. */
export class CollectingReader extends LogReader {
  readonly #log: Log;

  constructor(log: Log, reader: number) {
    super(log, reader);
    this.#log = log;
  }

  /** At most `count` records. */
  collect(count = Number.POSITIVE_INFINITY): SeenRecord[] {
    const records: SeenRecord[] = [];
    const { words } = this.#log;
    this.read(count, (word, position) => {
      if (records.length > this.#log.units) throw new Error('it reads on behind the tail');
      records.push({
        position: position >>> 0,
        channel: words[word + RecordWord.channel] as number,
        sequence: this.#log.sequenceAt(word),
        flags: words[word + RecordWord.flags] as number,
        connection: (words[word + RecordWord.connection] as number) >>> 0,
        data: Buffer.from(this.#log.dataAt(word)),
      });
      return 1;
    });
    return records;
  }
}

/** Bytes that differ from one record to the next, and are never 0: nothing that was left over passes for them. */
export const bytesFor = (sequence: number, length: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, at) => ((sequence * 31 + at) % 255) + 1));

/** Tells whether what `act` does changes anything in the memory. */
export function changes(memory: SharedArrayBuffer, act: () => unknown): boolean {
  const before = Buffer.from(new Uint8Array(memory));
  act();
  return !before.equals(new Uint8Array(memory));
}
