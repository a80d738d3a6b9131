import { ChannelTable, EntryLong } from '../../src/shared/channel-table.ts';
import { EncodedName } from '../../src/shared/encoded-name.ts';

/** A table whose channels are called by their names. */
export class NamedTable {
  readonly table: ChannelTable;
  readonly #name: EncodedName;

  constructor(loops: number, maxChannels: number) {
    this.table = new ChannelTable(ChannelTable.create(loops, maxChannels));
    this.#name = new EncodedName(this.table.hashKey);
  }

  encoded(name: string): EncodedName {
    if (!this.#name.trySet(name)) throw new Error(`${name} is no name`);
    return this.#name;
  }

  find(name: string): number {
    return this.table.find(this.encoded(name));
  }

  create(name: string): number {
    return this.table.findOrCreate(this.encoded(name));
  }

  /** What publishing a message at that position of the log does to the table. */
  publish(name: string, position: number): void {
    const entry = this.find(name);
    const at = this.table.longsAt(entry);
    this.table.touch(entry);
    this.table.longs[at + EntryLong.sequence] = this.table.sequence(entry) + 1;
    this.table.longs[at + EntryLong.last] = position;
  }

  subscribe(name: string, loop: number, count: number): void {
    this.table.setSubscribers(this.create(name), loop, count);
  }

  /** The loops that have interest in the channel. */
  interest(name: string): number[] {
    const entry = this.find(name);
    const loops: number[] = [];
    for (let word = 0; word < Math.ceil(this.table.loops / 32); word++) {
      const bits = this.table.interest(entry, word);
      for (let bit = 0; bits !== 0 && bit < 32; bit++) if ((bits >>> bit) & 1) loops.push(32 * word + bit);
    }
    return loops;
  }
}
