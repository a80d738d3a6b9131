import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { Client } from '../harness/client.ts';
import { FixtureServer } from '../harness/fixture-server.ts';
import { anyFrame, mutatedHandshake, randomBytesOf } from '../harness/mutation.ts';
import { type Random, runSeed, seededRandom } from '../harness/random.ts';
import { handshake } from '../harness/raw-client.ts';
import { until } from '../harness/until.ts';

const IS_LONG = process.env.POLYLOOP_STRESS === '1';
/** Pieces of garbage: bursts of random bytes, handshakes and frames. */
const PIECES = IS_LONG ? 1_000_000 : 10_000;
const TIMEOUT_MS = IS_LONG ? 900_000 : 60_000;
const LOOPS = 2;
const NEIGHBOURS = 6;
const AT_ONCE = 200;
const MOST_FRAMES = 25;
/** Small, so that some messages are over it. */
const MAX_PAYLOAD = 2000;
const OFFER = { 'Sec-WebSocket-Extensions': 'permessage-deflate' };

/** A client that sends garbage and leaves. */
class Vandal {
  pieces = 0;
  readonly #socket: Socket;
  readonly #random: Random;
  #isUpgraded = false;

  constructor(port: number, random: Random) {
    this.#random = random;
    this.#socket = connect(port, '127.0.0.1');
    this.#socket.on('error', () => {});
    this.#socket.on('data', (bytes) => {
      this.#isUpgraded ||= bytes.toString('latin1', 0, 12) === 'HTTP/1.1 101';
    });
  }

  async connected(): Promise<void> {
    if (this.#socket.connecting) await once(this.#socket, 'connect');
  }

  /** Most ask for a WebSocket as they should; the garbage comes later. */
  begin(): void {
    const kind = this.#random(10);
    if (kind === 0) this.#write(randomBytesOf(this.#random));
    else if (kind < 4) this.#write(mutatedHandshake('/echo', this.#random));
    else this.#socket.write(handshake('/echo', kind < 7 ? OFFER : {}));
  }

  goOn(): void {
    if (!this.#isUpgraded) {
      this.#write(randomBytesOf(this.#random));
      return;
    }
    for (let frames = 1 + this.#random(MOST_FRAMES); frames > 0; frames--) {
      this.#write(this.#random(10) === 0 ? randomBytesOf(this.#random) : anyFrame(this.#random, MAX_PAYLOAD));
    }
  }

  async leave(): Promise<void> {
    if (this.#socket.destroyed) return;
    // Not `once`, which rejects when the server has reset the connection already.
    const closed = new Promise((resolve) => this.#socket.once('close', resolve));
    // A connection that the server has ended cannot be reset.
    if (this.#socket.writable && this.#random(2) === 0) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
    await closed;
  }

  #write(bytes: Uint8Array): void {
    this.pieces++;
    this.#socket.write(bytes);
  }
}

/** Every neighbour is answered; so the loops have read what had come before. */
async function served(neighbours: readonly Client[]): Promise<void> {
  for (const neighbour of neighbours) neighbour.send('unharmed');
  for (const neighbour of neighbours) {
    // Whatever else it is than the answer, also a close event, is harm.
    expect(await Promise.race([neighbour.next(), neighbour.closed])).toBe('unharmed');
  }
}

/** Forbidden: that the process or a loop ends, that a neighbour waits or loses its connection, that a connection is left over. */
test(
  'keeps the process, its loops and every neighbour when clients send random bytes, mutated handshakes and mutated frames, and reset',
  async () => {
    const random = seededRandom(runSeed());
    const server = await FixtureServer.start('remote-app.js', {
      workers: LOOPS,
      maxPayload: MAX_PAYLOAD,
      compression: true,
    });
    const neighbours = await Promise.all(
      Array.from({ length: NEIGHBOURS }, () => Client.open(server.url('/echo'))),
    );
    expect(server.server.loops().every(({ connections }) => connections > 0)).toBe(true);

    let pieces = 0;
    while (pieces < PIECES) {
      const vandals = Array.from({ length: AT_ONCE }, () => new Vandal(server.port, random));
      await Promise.all(vandals.map((vandal) => vandal.connected()));
      for (const vandal of vandals) vandal.begin();
      await served(neighbours);
      await served(neighbours);
      // Some leave in the middle of it.
      const [leaving, staying] = [vandals.slice(0, AT_ONCE / 10), vandals.slice(AT_ONCE / 10)];
      for (const vandal of staying) vandal.goOn();
      await Promise.all(leaving.map((vandal) => vandal.leave()));
      await served(neighbours);
      await Promise.all(staying.map((vandal) => vandal.leave()));
      pieces += vandals.reduce((sum, vandal) => sum + vandal.pieces, 0);
    }

    await until(() => server.connections === NEIGHBOURS);
    await served(neighbours);
    for (const neighbour of neighbours) {
      neighbour.socket.close(1000);
      expect(await neighbour.closed).toEqual({ code: 1000, reason: '' });
    }
    expect(server.generations).toEqual(Array(LOOPS).fill(1));
    // The garbage came through: it was read, and much of it was not allowed.
    expect(await server.total('protocolErrors')).toBeGreaterThan(pieces / 100);
    expect(await server.total('upgradesInvalid')).toBeGreaterThan(0);
    expect(await server.total('messagesIn')).toBeGreaterThan(pieces / 100);
    await server.close();
  },
  TIMEOUT_MS,
);
