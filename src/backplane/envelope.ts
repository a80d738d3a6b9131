/**
 * What nodes send each other, as bytes. Offsets in bytes; numbers are big-endian.
 *
 * ```
 * 0   u8  version, 1
 * 1   u8  kind
 * 2   u8  flags: 1 binary, 2 compress
 * 3   u8  bytes of the node's id, 1 to 64
 * 4   u64 stream: one life of what that node publishes to this channel, random; where the engine numbers, one life of the node
 * 12  u64 number of the message in its stream, 1, 2, 3 …; in a beacon, of the last one; where the engine numbers, who does not get it; in
 *         a gap, how many are missing
 * 20  node's id in ASCII, then data
 * −16 seal, when nodes have a key: HMAC-SHA-256 of the channel, a zero byte and all before, its first 16 bytes
 * ```
 * A seal says that a node with the key has sent this to this channel. It hides nothing, and does not keep anyone from sending it again; that is
 * what the numbers are for.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

export const Kind = {
  /** Carries data. */
  message: 1,
  /** Says how far the stream has come, because nothing follows for the moment. */
  beacon: 2,
  /** Asks the other nodes for beacons. */
  question: 3,
  /** The node ends. Sent to no channel; so are beacons that say no more than that the node is there. */
  farewell: 4,
  /** How many subscribers the node has. Sent to no channel. */
  counts: 6,
  /** Stands for messages that its publisher had to drop. */
  gap: 5,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

export interface Envelope {
  readonly kind: Kind;
  readonly isBinary: boolean;
  readonly compress: boolean;
  readonly node: string;
  readonly stream: bigint;
  readonly number: number;
  /** A view on what was opened. */
  readonly data: Uint8Array;
}

const VERSION = 1;
const BINARY = 1;
const COMPRESS = 2;
const HEAD_BYTES = 20;
const SEAL_BYTES = 16;
/** What may stand in a node's id. */
export const NODE_ID = /^[\w.-]{1,64}$/;
const KINDS = new Set<number>(Object.values(Kind));

/** Bytes that come on top of the data. */
export const OVERHEAD_BYTES = HEAD_BYTES + 64 + SEAL_BYTES;

export class Envelopes {
  readonly #key: string | null;

  /** `key` is shared by all nodes; null when they trust whoever reaches the engine. */
  constructor(key: string | null) {
    this.#key = key;
  }

  pack(channel: string, envelope: Envelope): Buffer {
    const { kind, isBinary, compress, node, stream, number, data } = envelope;
    const sealBytes = this.#key === null ? 0 : SEAL_BYTES;
    const bytes = Buffer.allocUnsafe(HEAD_BYTES + node.length + data.length + sealBytes);
    bytes[0] = VERSION;
    bytes[1] = kind;
    bytes[2] = (isBinary ? BINARY : 0) | (compress ? COMPRESS : 0);
    bytes[3] = node.length;
    bytes.writeBigUInt64BE(stream, 4);
    bytes.writeBigUInt64BE(BigInt(number), 12);
    bytes.write(node, HEAD_BYTES, 'latin1');
    bytes.set(data, HEAD_BYTES + node.length);
    if (this.#key !== null) {
      const end = bytes.length - SEAL_BYTES;
      bytes.set(this.#seal(this.#key, channel, bytes.subarray(0, end)), end);
    }
    return bytes;
  }

  /** Undefined when that is not what a node sends. */
  open(channel: string, bytes: Buffer): Envelope | undefined {
    const end = this.#key === null ? bytes.length : bytes.length - SEAL_BYTES;
    if (end < HEAD_BYTES || bytes[0] !== VERSION || !KINDS.has(bytes[1] as number)) return undefined;
    const dataStart = HEAD_BYTES + (bytes[3] as number);
    if (dataStart > end) return undefined;
    const node = bytes.toString('latin1', HEAD_BYTES, dataStart);
    const number = Number(bytes.readBigUInt64BE(12));
    if (!NODE_ID.test(node) || !Number.isSafeInteger(number)) return undefined;
    if (this.#key !== null) {
      const seal = this.#seal(this.#key, channel, bytes.subarray(0, end));
      if (!timingSafeEqual(seal, bytes.subarray(end))) return undefined;
    }
    const flags = bytes[2] as number;
    return {
      kind: bytes[1] as Kind,
      isBinary: (flags & BINARY) !== 0,
      compress: (flags & COMPRESS) !== 0,
      node,
      stream: bytes.readBigUInt64BE(4),
      number,
      data: bytes.subarray(dataStart, end),
    };
  }

  #seal(key: string, channel: string, bytes: Buffer): Buffer {
    const hmac = createHmac('sha256', key).update(channel).update('\0').update(bytes);
    return hmac.digest().subarray(0, SEAL_BYTES);
  }
}
