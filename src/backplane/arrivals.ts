/**
 * What other nodes have sent to the channels that this node wants: who has come how far in which stream. Tells a message that comes twice from a
 * new one, and how many did not come.
 */
import { type Envelope, Kind } from './envelope.ts';

interface Heard {
  stream: bigint;
  /** Number of the last message that was delivered or reported as missed. */
  last: number;
}

/** What an envelope means to its channel: so many messages did not come, then perhaps one that did. */
export interface Arrival {
  readonly missed: number;
  readonly isNew: boolean;
}

const NOTHING: Arrival = { missed: 0, isNew: false };

export class Arrivals {
  /** By channel and node. A channel that is not wanted has none. */
  readonly #channels = new Map<string, Map<string, Heard>>();

  want(channel: string): void {
    this.#channels.set(channel, new Map());
  }

  unwant(channel: string): void {
    this.#channels.delete(channel);
  }

  isWanted(channel: string): boolean {
    return this.#channels.has(channel);
  }

  wanted(): Iterable<string> {
    return this.#channels.keys();
  }

  /** A message or a beacon of another node has come. */
  heard(channel: string, { kind, node, stream, number }: Envelope): Arrival {
    const nodes = this.#channels.get(channel);
    if (nodes === undefined) return NOTHING;
    const isMessage = kind === Kind.message;
    const before = nodes.get(node);
    let missed = 0;
    let isNew = isMessage;
    if (before === undefined) {
      // It begins for us with what is heard first: what came before that was not wanted yet.
      nodes.set(node, { stream, last: number });
    } else {
      const last = before.stream === stream ? before.last : 0;
      if (before.stream === stream && number <= last) isNew = false;
      else missed = number - last - (isMessage ? 1 : 0);
      before.last = Math.max(last, number);
      before.stream = stream;
    }
    return missed === 0 && !isNew ? NOTHING : { missed, isNew };
  }

  /** The node is gone. Returns the channels that something of it was heard in. */
  forget(node: string): string[] {
    const channels: string[] = [];
    for (const [channel, nodes] of this.#channels) if (nodes.delete(node)) channels.push(channel);
    return channels;
  }
}
