/** A backplane that keeps what it is given, and says what it is told to. */
import type { Backplane, BackplaneEvents, BackplaneState, Outgoing } from '../../src/backplane/backplane.ts';

export class FakeBackplane implements Backplane {
  order: 'node' | 'channel' = 'node';
  state: BackplaneState = 'connected';
  readonly totals = { sent: 0, received: 0, dropped: 0, missed: 0, refused: 0, reconnects: 0 };
  readonly waitingBytes = 0;
  isCongested = false;
  readonly published: Outgoing[] = [];
  readonly wanted = new Set<string>();
  readonly events: BackplaneEvents;
  isClosed = false;

  constructor(events: BackplaneEvents) {
    this.events = events;
  }

  publish(message: Outgoing): void {
    this.published.push(message);
  }

  want(channel: string): void {
    if (this.wanted.has(channel)) throw new Error(`${channel} is wanted already`);
    this.wanted.add(channel);
  }

  unwant(channel: string): void {
    if (!this.wanted.delete(channel)) throw new Error(`${channel} is not wanted`);
  }

  readonly replays: { channel: string; after: number }[] = [];

  readonly announced: ReadonlyMap<string, number>[] = [];

  tryAnnounce(counts: ReadonlyMap<string, number>): boolean {
    this.announced.push(counts);
    return true;
  }

  replay(channel: string, after: number): void {
    this.replays.push({ channel, after });
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}
