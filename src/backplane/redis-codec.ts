/**
 * What nodes on Redis send each other. Redis gives the numbers, so an envelope's own says who does not get the message. Messages of a channel
 * may go together: each envelope has its length before it, as u32, big-endian. A gap goes alone.
 */
import { randomBytes } from 'node:crypto';
import { type Incoming, NO_SENDER, type Outgoing } from './backplane.ts';
import { openCounts, packCounts } from './counts.ts';
import { type Envelope, Envelopes, Kind } from './envelope.ts';
import type { Packet } from './follower.ts';

const TWO_32 = 2 ** 32;
const LENGTH_BYTES = 4;
const NO_DATA = Buffer.alloc(0);
/** The channel of what is said to all nodes: no channel has that name. */
const EVERYONE = '';

export class RedisCodec {
  /** This process. */
  readonly stream = randomBytes(8).readBigUInt64BE();
  readonly #envelopes: Envelopes;
  readonly #node: string;

  constructor(node: string, key: string | null) {
    this.#node = node;
    this.#envelopes = new Envelopes(key);
  }

  message({ channel, isBinary, compress, data, sender }: Outgoing): Buffer {
    const number = sender.thread * TWO_32 + sender.connection;
    return this.#frame(channel, { kind: Kind.message, isBinary, compress, number, data });
  }

  /** Stands for so many messages that were dropped. */
  gap(channel: string, count: number): Buffer {
    return this.#frame(channel, {
      kind: Kind.gap,
      isBinary: true,
      compress: false,
      number: count,
      data: NO_DATA,
    });
  }

  counts(counts: ReadonlyMap<string, number>): Buffer {
    const data = packCounts(counts);
    return this.#pack(EVERYONE, { kind: Kind.counts, isBinary: true, compress: false, number: 0, data });
  }

  /** What stands in a channel up to a sequence, in order, and how much of that is not what a node sends. */
  openPackets(
    channel: string,
    sequence: number,
    bytes: Buffer,
  ): { packets: Packet<Incoming>[]; refused: number } {
    const envelopes: Buffer[] = [];
    let at = 0;
    while (at + LENGTH_BYTES <= bytes.length) {
      const start = at + LENGTH_BYTES;
      at = start + bytes.readUInt32BE(at);
      envelopes.push(bytes.subarray(start, at));
    }
    if (at !== bytes.length || envelopes.length > sequence) return { packets: [], refused: 1 };
    const first = sequence - envelopes.length + 1;
    const packets = envelopes.map((envelope, i) => this.#openPacket(channel, first + i, envelope));
    const good = packets.filter((packet) => packet !== undefined);
    return { packets: good, refused: packets.length - good.length };
  }

  #openPacket(channel: string, sequence: number, bytes: Buffer): Packet<Incoming> | undefined {
    const envelope = this.#envelopes.open(channel, bytes);
    if (envelope?.kind === Kind.gap) {
      const count = envelope.number;
      const isPossible = count >= 1 && count <= sequence;
      return isPossible ? { sequence, count, message: null, bytes: 0 } : undefined;
    }
    if (envelope?.kind !== Kind.message) return undefined;
    const { isBinary, compress, data, number, stream } = envelope;
    const own = { thread: Math.floor(number / TWO_32), connection: number % TWO_32 };
    const sender = stream === this.stream ? own : NO_SENDER;
    return {
      sequence,
      count: 1,
      message: { channel, isBinary, compress, data, sender },
      bytes: bytes.length,
    };
  }

  /** What a node says of its subscribers: `isOwn` when it is this one. Undefined when it is not what a node sends. */
  openCounts(bytes: Buffer): { node: string; isOwn: boolean; counts: Map<string, number> } | undefined {
    const envelope = this.#envelopes.open(EVERYONE, bytes);
    const counts = envelope?.kind === Kind.counts ? openCounts(envelope.data) : undefined;
    if (envelope === undefined || counts === undefined) return undefined;
    return { node: envelope.node, isOwn: envelope.stream === this.stream, counts };
  }

  #frame(channel: string, envelope: Omit<Envelope, 'node' | 'stream'>): Buffer {
    const bytes = this.#pack(channel, envelope);
    const length = Buffer.allocUnsafe(LENGTH_BYTES);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  }

  #pack(channel: string, envelope: Omit<Envelope, 'node' | 'stream'>): Buffer {
    return this.#envelopes.pack(channel, { ...envelope, node: this.#node, stream: this.stream });
  }
}
