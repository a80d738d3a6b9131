/** A server with one loop, and exchanges with it. */
import type { CloseEvent, ServerOptions } from 'polyloop';
import { Client } from '../harness/client.ts';
import { FixtureServer } from '../harness/fixture-server.ts';
import { type Frame, frame, Opcode } from '../harness/frames.ts';
import { type HeaderChanges, handshake, RawClient } from '../harness/raw-client.ts';
import type { Outcome } from './case.ts';
import { inflated } from './deflate.ts';
import { answerInWords, closeWords, frameInWords } from './outcome.ts';

/** Not a round number, and more than 64 KiB, so that frames with each form of length are allowed. */
export const MAX_PAYLOAD = 70_001;

const LAST_PING = 'is anybody there?';

export class ConformanceServer {
  readonly fixture: FixtureServer;
  readonly #companion: Client;
  readonly #closes = new Map<string, (words: string) => void>();
  #cases = 0;

  private constructor(fixture: FixtureServer, companion: Client, observer: Client) {
    this.fixture = fixture;
    this.#companion = companion;
    observer.socket.on('message', (data) => {
      const { name, closed } = JSON.parse(String(data)) as { name: string; closed: CloseEvent };
      const payload = Buffer.concat([
        Buffer.of(closed.code >> 8, closed.code & 0xff),
        Buffer.from(closed.reason),
      ]);
      this.#closes.get(name)?.(closeWords(payload));
      this.#closes.delete(name);
    });
  }

  static async start(options: ServerOptions = {}): Promise<ConformanceServer> {
    const fixture = await FixtureServer.start('conformance-app.js', { maxPayload: MAX_PAYLOAD, ...options });
    const [companion, observer] = await Promise.all([
      Client.open(fixture.url('/echo')),
      Client.open(fixture.url('/closes')),
    ]);
    return new ConformanceServer(fixture, companion, observer);
  }

  /** Sends the segments on a new connection, then a ping; gives what comes and, where it ends, what onClose gave. */
  async exchange(
    segments: readonly Uint8Array[],
    headers: HeaderChanges = {},
  ): Promise<{ outcome: Outcome; onClose?: string }> {
    const name = `${++this.#cases}`;
    const onClose = new Promise<string>((resolve) => this.#closes.set(name, resolve));
    const raw = await RawClient.connect(this.fixture.port);
    raw.socket.setNoDelay(true);
    raw.write(handshake(`/case/${name}`, headers));
    const isCompressed = (await raw.answer()).headers.has('sec-websocket-extensions');
    for (const segment of segments.slice(0, -1)) {
      raw.write(segment);
      await this.turn();
    }
    raw.write(Buffer.concat([...segments.slice(-1), frame(Opcode.ping, LAST_PING)]));
    const outcome = await untilQuiet(raw, isCompressed);
    if (outcome.at(-1) === 'end') return { outcome, onClose: await onClose };
    raw.leave();
    await onClose;
    return { outcome };
  }

  /**
   * Sends the segments of a handshake; gives the status and those headers of the answer that matter, and where it is accepted
   * what comes until a ping is answered. `nothing` when there is no answer.
   */
  async handshake(segments: readonly Uint8Array[]): Promise<Outcome> {
    const raw = await RawClient.connect(this.fixture.port);
    raw.socket.setNoDelay(true);
    if (segments.length > 1) {
      // With another request first, the connection is known to have reached the loop.
      raw.write('GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await raw.answer();
    }
    for (const segment of segments) {
      raw.write(segment);
      await this.turn();
    }
    const answered = raw.answer();
    const answer = await (segments.length > 1 ? Promise.race([answered, this.#turns()]) : answered);
    if (answer) {
      const lines = answerInWords(answer);
      if (answer.status !== 101) return lines;
      raw.send(Opcode.ping, LAST_PING);
      const outcome = await untilQuiet(raw, false);
      raw.leave();
      return [...lines, ...outcome];
    }
    answered.catch(() => {});
    raw.leave();
    return ['nothing'];
  }

  /** More than what is needed for an answer that has been sent to arrive. */
  async #turns(): Promise<undefined> {
    for (let i = 0; i < 3; i++) await this.turn();
  }

  /**
   * The loop has read what was sent before, as it has answered another connection. Twice, because it may have turned to that one
   * first when data of both had come.
   */
  async turn(): Promise<void> {
    for (let i = 0; i < 2; i++) {
      this.#companion.send('a turn');
      await this.#companion.next();
    }
  }

  /** What a connection that was open all the time still gets, and how often loops were started. */
  async close(): Promise<{ generations: number[]; companion: unknown }> {
    this.#companion.send('unharmed');
    const companion = await this.#companion.next();
    const generations = this.fixture.generations;
    await this.fixture.close();
    return { generations, companion };
  }
}

async function untilQuiet(raw: RawClient, isCompressed: boolean): Promise<Outcome> {
  const lines: string[] = [];
  for (;;) {
    let next: Frame;
    try {
      next = await raw.frame();
    } catch (error) {
      // Anything else is a frame that no server may send.
      if (!String(error).includes('the connection ended')) throw error;
      return [...lines, 'end'];
    }
    if (next.opcode === Opcode.pong && next.payload.toString() === LAST_PING) return [...lines, 'open'];
    lines.push(frameInWords(isCompressed ? inflated(next) : next));
  }
}
