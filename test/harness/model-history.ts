/** Channels of the smallest log, and a list of all that was ever published to them. */
import { expect } from 'vitest';
import type { ChannelPosition } from '../../src/shared/channel-log.ts';
import { History, type HistoryResult } from '../../src/shared/history.ts';
import { BINARY } from '../../src/shared/log.ts';
import { Publisher } from '../../src/shared/publisher.ts';
import { bytesFor, SharedLog } from './shared-log.ts';

export interface Published {
  readonly epoch: string;
  readonly sequence: number;
  readonly position: number;
  readonly data: Buffer;
}

/** Nobody reads the log: it goes on over what is oldest. */
export class ModelHistory {
  readonly shared: SharedLog;
  readonly history: History;
  readonly published = new Map<string, Published[]>();
  readonly #publisher: Publisher;
  #count = 0;

  constructor(maxChannels = 64, start = 0) {
    this.shared = new SharedLog({ maxChannels, start });
    this.history = new History(this.shared.primary);
    // Another thread's, so that it can publish while the history is being read.
    this.#publisher = new Publisher(this.shared.ofLoop(0));
  }

  publish(channel: string, length = 10): void {
    const data = bytesFor(this.#count++, length);
    const result = this.#publisher.publish(channel, 0, data, BINARY, 0);
    if (!result.ok) throw new Error(result.reason);
    const { epoch, sequence } = this.positionOf(channel);
    const { table, name } = this.shared.primary;
    expect(result.sequence).toBe(sequence);
    const list = this.published.get(channel) ?? [];
    this.published.set(channel, [...list, { epoch, sequence, position: table.last(table.find(name)), data }]);
  }

  positionOf(channel: string): ChannelPosition {
    const { primary } = this.shared;
    primary.name.trySet(channel);
    return primary.positionOf(primary.table.find(primary.name));
  }

  /** Messages of the channel's present life. */
  all(channel: string): Published[] {
    const { epoch } = this.positionOf(channel);
    return (this.published.get(channel) ?? []).filter((message) => message.epoch === epoch);
  }

  /** Those that the log still holds. */
  held(channel: string): Published[] {
    const { end } = this.shared.primary.writer;
    return this.all(channel).filter(({ position }) => end - position <= this.shared.primary.log.units);
  }

  /** Reads, and expects exactly these messages. */
  expectRead(
    channel: string,
    after: ChannelPosition | undefined,
    limit: number,
    messages: Published[],
  ): boolean {
    const result = this.history.read(channel, after, limit);
    expect(result).toMatchObject(this.positionOf(channel));
    expect(result.messages.map(({ sequence }) => sequence)).toEqual(messages.map(({ sequence }) => sequence));
    expect(areExact(result, messages)).toBe(true);
    return result.complete;
  }
}

export const areExact = ({ messages }: HistoryResult, published: Published[]): boolean =>
  messages.every(({ data, isBinary, sequence }) => {
    const original = published.find((message) => message.sequence === sequence);
    return isBinary && original?.data.equals(data as Uint8Array);
  });
