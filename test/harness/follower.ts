/** A client of test/fixtures/resumable.js that comes back: it says where it stopped, and keeps account of the numbers that it gets. */
import { type ChannelPosition, connectForever, type LastingWebSocket } from 'polyloop';
import { onTestFinished } from 'vitest';

interface Joined extends ChannelPosition {
  readonly missed: number;
  readonly complete: boolean;
}

export class Follower {
  readonly ws: LastingWebSocket;
  /** By epoch, in the order in which they came. */
  readonly numbers = new Map<string, number[]>();
  /** How often it was told where it stands. */
  joins = 0;
  /** How often it was told that messages are gone. */
  gone = 0;
  #position: ChannelPosition | undefined;

  constructor(url: string) {
    this.ws = connectForever(url, { backoff: { firstMs: 20, maxMs: 50 } });
    onTestFinished(() => this.ws.close());
    const join = (ws: { send(text: string): unknown }): void =>
      void ws.send(JSON.stringify(this.#position ?? null));
    this.ws.onConnect(join);
    this.ws.onReconnect(join);
    this.ws.onText((_, text) => {
      if (text.startsWith('{')) this.#joined(JSON.parse(text) as Joined);
      else this.#received(Number(text));
    });
  }

  /** Of the epoch of now. */
  get sequence(): number {
    return this.#position?.sequence ?? 0;
  }

  #joined({ epoch, sequence, missed, complete }: Joined): void {
    this.joins++;
    if (this.#position !== undefined && !complete) this.gone++;
    this.#position = { epoch, sequence: sequence - missed };
    if (!this.numbers.has(epoch)) this.numbers.set(epoch, []);
  }

  #received(number: number): void {
    const { epoch = '', sequence = 0 } = this.#position ?? {};
    this.#position = { epoch, sequence: sequence + 1 };
    this.numbers.get(epoch)?.push(number);
  }
}
