/** Clients of test/fixtures/channels-room.js: they publish numbered messages, and keep account of what they receive. */
import { createHash } from 'node:crypto';
import type { SubscribeResult } from 'polyloop';
import { Client } from './client.ts';
import { frame, Opcode } from './frames.ts';
import { RawClient } from './raw-client.ts';
import { until } from './until.ts';

type Subscribed = Extract<SubscribeResult, { ok: true }> & { readonly loop: number };

/** Own messages that a publisher has under way; so clients can keep up, and none is dropped. */
const WINDOW = 32;
/** Messages have different lengths, up to some units of the log. */
const LENGTHS = [10, 40, 100, 33, 500, 64, 20, 200];

const textOf = (publisher: number, number: number): string =>
  `${publisher} ${number} `.padEnd(LENGTHS[(publisher + number) % LENGTHS.length] ?? 0, '.');

/** Sends messages numbered from 1, the next when its own have come back. */
export class RoomPublisher {
  readonly #client: Client;
  readonly #name: number;
  #sent = 0;
  #returned = 0;
  #isStopping = false;

  private constructor(client: Client, name: number) {
    this.#client = client;
    this.#name = name;
    client.socket.on('message', (data) => {
      if (!String(data).startsWith(`${name} `)) return;
      this.#returned++;
      this.#fill();
    });
  }

  static async open(url: string, name: number): Promise<RoomPublisher> {
    return new RoomPublisher(await Client.open(url), name);
  }

  start(): void {
    this.#fill();
  }

  /** Messages that came back. */
  get published(): number {
    return this.#returned;
  }

  /** Resolves when all that was sent has come back. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await until(() => this.#returned === this.#sent);
  }

  #fill(): void {
    while (!this.#isStopping && this.#sent - this.#returned < WINDOW) {
      this.#client.socket.send(textOf(this.#name, ++this.#sent));
    }
  }
}

/** What one client received: whether each publisher's messages came whole and in order, and the bytes of it all. */
export class Account {
  readonly #hash = createHash('sha256');
  readonly #last = new Map<number, number>();
  count = 0;
  /** Bytes of the frames that carried it. */
  bytes = 0;
  /** What was wrong, the first time that something was. */
  fault: string | undefined;

  add(text: string): void {
    this.count++;
    const bytes = frame(Opcode.text, text, { isMasked: false });
    this.#hash.update(bytes);
    this.bytes += bytes.length;
    const [publisher = 0, number = 0] = text.split(' ', 2).map(Number);
    const expected = (this.#last.get(publisher) ?? 0) + 1;
    if (number !== expected || text !== textOf(publisher, number))
      this.fault ??= `publisher ${publisher}: ${text} in place of number ${expected}`;
    this.#last.set(publisher, number);
  }

  digest(): string {
    return this.#hash.copy().digest('hex');
  }
}

/** A subscriber that takes the bytes as they come: many of them cost a test little. */
export class RawSubscriber {
  readonly #hash = createHash('sha256');
  bytes = 0;
  readonly loop: number;

  private constructor({ socket }: RawClient, loop: number) {
    this.loop = loop;
    socket.removeAllListeners('data');
    socket.on('data', (chunk: Buffer) => {
      this.#hash.update(chunk);
      this.bytes += chunk.length;
    });
  }

  /** Resolves when it is subscribed. Nothing may be published before. */
  static async open(port: number, path: string): Promise<RawSubscriber> {
    const client = await RawClient.open(port, path);
    const { payload } = await client.frame();
    return new RawSubscriber(client, (JSON.parse(payload.toString()) as Subscribed).loop);
  }

  digest(): string {
    return this.#hash.copy().digest('hex');
  }
}

/** Opens a connection to the room, and resolves when it is subscribed; `onText` gets each message from then on. */
export async function openRoom(
  url: string,
  onText: (text: string) => void,
): Promise<{ client: Client; result: Subscribed }> {
  const client = new Client(url);
  const { socket } = client;
  socket.removeAllListeners('message');
  const result = await new Promise<Subscribed>((resolve, reject) => {
    socket.once('message', (data) => {
      // What comes in the same piece is emitted before the promise is seen to be resolved.
      socket.on('message', (data) => onText(String(data)));
      resolve(JSON.parse(String(data)) as Subscribed);
    });
    void client.closed.then(({ code }) => reject(new Error(`closed with ${code} before it was subscribed`)));
  });
  return { client, result };
}
