import { expect, test } from 'vitest';
import { ChannelServer } from '../harness/channel-server.ts';
import { Client } from '../harness/client.ts';
import { type Random, runSeed, seededRandom } from '../harness/random.ts';
import { until } from '../harness/until.ts';

const IS_LONG = process.env.POLYLOOP_STRESS === '1';
const LOOPS = 4;
const CLIENTS = 40;
const COMMANDS = 40;
const ROUNDS = IS_LONG ? 150 : 6;
/** More names than there may be channels, so that some are refused and others forgotten. */
const NAMES = Array.from({ length: 60 }, (_, i) => `channel ${i}`);
const MOST_CHANNELS = 50;
const MOST_SUBSCRIPTIONS = 20;
const TIMEOUT_MS = 200_000;

/** A client of `/commands`, and what it knows of its own subscriptions. */
class Member {
  readonly subscribed = new Set<string>();
  readonly checks: string[] = [];
  readonly #client: Client;
  readonly #unanswered: [string, string][] = [];

  private constructor(client: Client) {
    this.#client = client;
    client.socket.removeAllListeners('message');
    client.socket.on('message', (data) => this.#receive(String(data)));
  }

  static async open(server: ChannelServer): Promise<Member> {
    return new Member(await Client.open(server.fixture.url('/commands')));
  }

  get isSettled(): boolean {
    return this.#unanswered.length === 0;
  }

  /** Channels of which it was sent the message that was published in that round; older ones come when it resumes. */
  checksOf(round: number): string[] {
    const end = ` ${round}`;
    return this.checks.filter((check) => check.endsWith(end)).map((check) => check.slice(0, -end.length));
  }

  command(method: string, channel: string, ...args: unknown[]): void {
    this.#unanswered.push([method, channel]);
    this.#client.send(JSON.stringify([method, channel, ...args]));
  }

  async leave(random: Random): Promise<void> {
    if (random(2) === 0) this.#client.socket.close();
    else this.#client.socket.terminate();
    await this.#client.closed;
  }

  #receive(text: string): void {
    if (text.startsWith('check ')) this.checks.push(text.slice('check '.length));
    if (text.startsWith('check ') || text === 'chatter') return;
    const [method, channel = ''] = this.#unanswered.shift() ?? [];
    const answer = JSON.parse(text) as boolean | { ok: boolean };
    if (method === 'subscribe' && typeof answer === 'object' && answer.ok) this.subscribed.add(channel);
    if (method === 'unsubscribe') {
      expect(answer).toBe(this.subscribed.has(channel));
      this.subscribed.delete(channel);
    }
  }
}

const SUBSCRIBE: [string, ...unknown[]] = ['subscribe'];
const UNSUBSCRIBE: [string, ...unknown[]] = ['unsubscribe'];
const RESUME: [string, ...unknown[]] = ['subscribe', { after: { epoch: 'another', sequence: 0 }, limit: 3 }];
const PUBLISH: [string, ...unknown[]] = ['publish', 'chatter'];
/** Each as often as it comes up. */
const ACTS = [SUBSCRIBE, SUBSCRIBE, SUBSCRIBE, RESUME, UNSUBSCRIBE, UNSUBSCRIBE, UNSUBSCRIBE, PUBLISH];

function act(member: Member, random: Random): void {
  const [method, ...args] = ACTS[random(ACTS.length)] ?? SUBSCRIBE;
  member.command(method, NAMES[random(NAMES.length)] ?? '', ...args);
}

/** Allowed: refusals for want of a place. Forbidden: a count that is not the clients', a message too many or too few. */
test(
  'counts right, and delivers to exactly those who subscribed, when many clients subscribe, unsubscribe and leave at random',
  async () => {
    const random = seededRandom(runSeed());
    const server = await ChannelServer.start({
      workers: LOOPS,
      maxChannels: MOST_CHANNELS,
      maxChannelsPerConnection: MOST_SUBSCRIPTIONS,
    });
    const members = await Promise.all(Array.from({ length: CLIENTS }, () => Member.open(server)));
    const subscribersOf = (channel: string): Member[] =>
      members.filter(({ subscribed }) => subscribed.has(channel));
    const counts = (names: string[]): Promise<number[][]> =>
      server.runOnAll(({ loop }, names) => names.map((name) => loop.subscriberCount(name)), names);

    for (let round = 0; round < ROUNDS; round++) {
      for (let i = 0; i < COMMANDS; i++) for (const member of members) act(member, random);
      // Some leave without waiting for their answers.
      for (let i = 0; i < 5; i++) {
        const [leaving] = members.splice(random(members.length), 1, await Member.open(server));
        await leaving?.leave(random);
      }
      await until(() => members.every(({ isSettled }) => isSettled));

      const wanted = NAMES.map((name) => subscribersOf(name).length);
      // The server has yet to see the last of those who left.
      await until(async () => (await counts(NAMES)).every((found) => String(found) === String(wanted)));
      for (const name of NAMES.filter((name) => subscribersOf(name).length > 0)) {
        expect(server.server.publish(name, `check ${name} ${round}`)).toMatchObject({ ok: true });
      }
      await until(() => members.every((member) => member.checksOf(round).length >= member.subscribed.size));
      for (const member of members) {
        expect(member.checksOf(round).sort()).toEqual([...member.subscribed].sort());
      }
    }
    await Promise.all(members.map((member) => member.leave(random)));
    await until(async () => (await counts(NAMES)).flat().every((count) => count === 0));
    expect(server.fixture.generations).toEqual(Array(LOOPS).fill(1));
    await server.close();
  },
  TIMEOUT_MS,
);
