/** A node's backplane without the rest of it: publishes, and keeps what comes. */
import {
  type Backplane,
  type BackplaneState,
  type Missed,
  NO_SENDER,
  type Placed,
  type Sender,
} from '../../src/backplane/backplane.ts';
import { type BackplaneOptions, loadBackplane } from '../../src/backplane/load.ts';
import { type Engine, parseEngine } from '../../src/engine-url.ts';

export interface Got {
  readonly channel: string;
  readonly text: string;
  readonly isBinary: boolean;
  readonly compress: boolean;
}

export class BackplaneNode {
  readonly got: Got[] = [];
  readonly senders: Sender[] = [];
  readonly missed: Missed[] = [];
  readonly states: BackplaneState[] = [];
  readonly placed: Placed[] = [];
  readonly replayed: { channel: string; after: number; texts: string[] }[] = [];
  readonly counts: { node: string; counts: [string, number][] }[] = [];
  backplane!: Backplane;

  static async start(
    url: string,
    name: string,
    options: Partial<BackplaneOptions> = {},
  ): Promise<BackplaneNode> {
    const connect = await loadBackplane({
      engine: parseEngine(url) as Engine,
      node: name,
      prefix: 'test',
      key: null,
      maxWaitingBytes: 1024 * 1024,
      maxChannels: 1000,
      history: 100_000,
      ...options,
    });
    const node = new BackplaneNode();
    node.backplane = connect({
      onMessage: ({ channel, data, isBinary, compress, sender }) => {
        node.got.push({ channel, text: Buffer.from(data).toString(), isBinary, compress });
        node.senders.push(sender);
      },
      onMissed: (missed) => node.missed.push(missed),
      onState: (state) => node.states.push(state),
      onCounts: (node_, counts) => node.counts.push({ node: node_, counts: [...counts] }),
      onPlaced: (placed) => node.placed.push(placed),
      onReplayed: ({ channel, after, messages }) => {
        const texts = messages.map(({ data }) => Buffer.from(data).toString());
        node.replayed.push({ channel, after, texts });
      },
    });
    return node;
  }

  publish(channel: string, text: string, sender = NO_SENDER): void {
    this.backplane.publish({ channel, isBinary: false, compress: true, data: Buffer.from(text), sender });
  }

  get texts(): string[] {
    return this.got.map(({ text }) => text);
  }

  get missedCount(): number {
    return this.missed.reduce((sum, { count }) => sum + (count ?? 0), 0);
  }

  /** What came, and what is known not to come. */
  get accounted(): number {
    return this.got.length + this.missedCount;
  }
}
