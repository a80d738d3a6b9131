/** A follower beside a model of an engine: what is published may arrive late, twice, in any order, or never; what is read may come late or fail. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Follower, MAX_HELD, MAX_HELD_BYTES, type Packet, type Page } from '../../src/backplane/follower.ts';

const RUNS = process.env.POLYLOOP_STRESS === '1' ? 20_000 : 1000;
const PAGE = 4;

interface Message {
  readonly id: number;
  readonly life: number;
  readonly sequence: number;
}
interface Arrival {
  readonly life: number;
  readonly packet: Packet<Message>;
}

class Engine {
  life = 1;
  sequence = 0;
  /** The engine has forgotten numbers that it had given in this life. */
  wentBack = false;
  packets: Packet<Message>[] = [];
  #ids = 0;

  publish(count: number, isGap: boolean): Arrival {
    this.sequence += count;
    const { life, sequence } = this;
    const message = isGap ? null : { id: ++this.#ids, life, sequence };
    const packet = { sequence, count, message, bytes: 10 };
    this.packets.push(packet);
    return { life, packet };
  }

  trim(count: number): void {
    this.packets.splice(0, count);
  }

  begin(): void {
    this.life++;
    this.sequence = 0;
    this.packets = [];
    this.wentBack = false;
  }

  goBack(count: number): void {
    this.packets.splice(Math.max(0, this.packets.length - count), count);
    const sequence = this.packets.at(-1)?.sequence ?? 0;
    if (sequence < this.sequence) this.wentBack = true;
    this.sequence = sequence;
  }

  page(life: number, after: number): Page<Message> {
    const isSame = life === this.life;
    const behind = isSame ? this.packets.filter(({ sequence }) => sequence > after) : [];
    const packets = behind.slice(0, PAGE);
    const through = behind.length < PAGE ? this.sequence : (packets.at(-1)?.sequence ?? after);
    return { life: this.life, sequence: this.sequence, packets, through };
  }

  holds(life: number, sequence: number): boolean {
    return (
      life === this.life &&
      this.packets.some((packet) => packet.message !== null && packet.sequence === sequence)
    );
  }
}

/** What was said, held to what may be said. */
class Account {
  readonly #engine: Engine;
  readonly given = new Set<number>();
  life = 0;
  at = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  onPlaced = (life: number, sequence: number): void => {
    expect(life).not.toBe(this.life);
    if (this.life !== 0) expect(sequence).toBe(0);
    this.life = life;
    this.at = sequence;
  };

  onMessage = ({ id, life, sequence }: Message): void => {
    expect(this.given).not.toContain(id);
    this.given.add(id);
    expect({ life, sequence }).toEqual({ life: this.life, sequence: this.at + 1 });
    this.at = sequence;
  };

  onMissed = (count: number): void => {
    expect(count).toBeGreaterThan(0);
    for (let i = 1; i <= count && !this.#engine.wentBack; i++)
      expect(this.#engine.holds(this.life, this.at + i)).toBe(false);
    this.at += count;
  };
}

/** Reads when the follower wants it, one page at a time. */
class Run {
  readonly engine = new Engine();
  readonly account = new Account(this.engine);
  readonly follower = new Follower<Message>(this.account);
  readonly #under: Arrival[] = [];
  #isStale = true;
  /** Has left the engine, and not come. */
  #page: Page<Message> | undefined;
  #isRenewing = false;
  /** Something is to be read of the engine, for others, when all is read. */
  #isAsked = false;
  #isPaused = false;

  step({ what, n, m }: Step): void {
    const { engine } = this;
    switch (what) {
      case 'publish':
        for (let i = 0; i < n; i++) this.#under.push(engine.publish(1, false));
        return;
      case 'gap':
        this.#under.push(engine.publish(n, true));
        return;
      case 'arrive':
        this.#arrive(0, n, false);
        return;
      case 'arrive out of order':
        this.#arrive(m, 1, false);
        return;
      case 'arrive twice':
        this.#arrive(m, 1, true);
        return;
      case 'lose':
        this.#under.splice(m % (this.#under.length + 1), n);
        return;
      case 'trim':
        engine.trim(n);
        return;
      case 'new life':
        engine.begin();
        return;
      case 'go back':
        engine.goBack(n);
        return;
      case 'read':
        this.read();
        return;
      case 'fail':
        this.#fail();
        return;
      case 'ask':
        this.#isAsked = this.#isStale = true;
        return;
    }
  }

  #arrive(from: number, count: number, isTwice: boolean): void {
    const at = from % (this.#under.length + 1);
    for (const { life, packet } of this.#under.slice(at, at + count))
      if (this.follower.arrived(life, packet)) this.#isStale = true;
    if (!isTwice) this.#under.splice(at, count);
    this.check();
  }

  /** Half a round trip: asks, or gets the answer. */
  read(): void {
    const { follower, engine } = this;
    if (this.#isRenewing) {
      this.#isRenewing = false;
      if (engine.life === follower.life) engine.begin();
      this.#ask();
    } else if (this.#page !== undefined) {
      const outcome = follower.endReading(this.#page);
      this.#page = undefined;
      if (outcome === 'again') this.#ask();
      else if (outcome === 'backwards') this.#isRenewing = true;
      else if (this.#isAsked) this.#pause();
    } else if (this.#isPaused) {
      this.#isPaused = false;
      this.#ask();
    } else if (this.#isStale) {
      this.#isStale = false;
      this.#ask();
    }
    this.check();
  }

  #ask(): void {
    this.follower.beginReading();
    this.#page = this.engine.page(this.follower.life, this.follower.last);
  }

  #pause(): void {
    this.#isAsked = false;
    this.#isPaused = true;
    this.follower.pause();
  }

  #fail(): void {
    if (this.#page === undefined && !this.#isPaused) return;
    this.#page = undefined;
    this.#isPaused = false;
    this.follower.failReading();
    this.#isStale = true;
  }

  check(): void {
    const { life, at } = this.account;
    expect([this.follower.life, this.follower.last]).toEqual([life, at]);
  }

  get isReading(): boolean {
    return this.#isStale || this.#page !== undefined || this.#isRenewing || this.#isPaused;
  }

  /** What still arrives comes; then what is asked for is read, and nothing fails any more. */
  settle(): void {
    this.#arrive(0, this.#under.length, false);
    for (let i = 0; this.isReading; i++) {
      if (i > 10_000) throw new Error('it reads for ever');
      this.read();
    }
  }

  /** Nobody noticed that the last messages were lost. */
  look(): void {
    this.#isStale = true;
    this.settle();
  }

  expectEnd(): void {
    const { engine, account } = this;
    expect([account.life, account.at]).toEqual([engine.life, engine.sequence]);
  }
}

const STEPS = [
  'publish',
  'gap',
  'arrive',
  'arrive out of order',
  'arrive twice',
  'lose',
  'trim',
  'new life',
  'go back',
  'read',
  'fail',
  'ask',
] as const;
interface Step {
  readonly what: (typeof STEPS)[number];
  readonly n: number;
  readonly m: number;
}
const weights: Partial<Record<Step['what'], number>> = {
  publish: 6,
  arrive: 5,
  read: 8,
  'arrive out of order': 3,
};
const some = (allowed: readonly Step['what'][]) =>
  fc.array(
    fc.record({
      what: fc.oneof(
        ...allowed.map((what) => ({ arbitrary: fc.constant(what), weight: weights[what] ?? 1 })),
      ),
      n: fc.integer({ min: 1, max: 6 }),
      m: fc.nat(20),
    }),
    { maxLength: 60, size: 'max' },
  );
const without = (...left: readonly Step['what'][]) => STEPS.filter((what) => !left.includes(what));

describe('a follower', () => {
  it('gives each message once, in order, or says that it is missing, whatever arrives and fails', () => {
    fc.assert(
      fc.property(some(STEPS), (steps) => {
        const run = new Run();
        for (const step of steps) run.step(step);
        run.look();
        // What came too late may be of numbers that the engine has forgotten.
        run.look();
        run.expectEnd();
      }),
      { numRuns: RUNS },
    );
  });

  it('misses nothing that the engine still holds when it never forgets', () => {
    fc.assert(
      fc.property(some(without('gap', 'trim', 'new life', 'go back')), (steps) => {
        const run = new Run();
        run.look();
        for (const step of steps) run.step(step);
        run.look();
        run.expectEnd();
        expect(run.account.given.size).toBe(run.engine.sequence);
      }),
      { numRuns: RUNS },
    );
  });

  it('gets to the end by itself when what was published last arrives', () => {
    fc.assert(
      fc.property(some(without('go back')), (steps) => {
        const run = new Run();
        for (const step of steps) run.step(step);
        run.step({ what: 'publish', n: 1, m: 0 });
        run.settle();
        run.expectEnd();
      }),
      { numRuns: RUNS },
    );
  });

  it('gets to the end when what was published last arrives before something of an earlier life, while it is reading', () => {
    const run = new Run();
    run.look();
    run.engine.publish(1, false);
    const old = run.engine.publish(1, false);
    run.follower.beginReading();
    const page = run.engine.page(run.follower.life, run.follower.last);
    run.engine.begin();
    const { life, packet } = run.engine.publish(1, false);
    expect(run.follower.arrived(life, packet)).toBe(false);
    expect(run.follower.arrived(old.life, old.packet)).toBe(false);
    expect(run.follower.endReading(page)).toBe('again');
  });
});

describe('what arrives while a follower reads', () => {
  const EMPTY: Page<number> = { life: 1, sequence: 0, packets: [], through: 0 };
  const packet = (sequence: number, bytes: number): Packet<number> => ({
    sequence,
    count: 1,
    message: sequence,
    bytes,
  });

  it.each([
    ['number', 1, MAX_HELD],
    ['bytes', 10_000, Math.floor(MAX_HELD_BYTES / 10_000)],
  ])('is kept up to some %s, and read beyond', (_, bytes, most) => {
    const given: number[] = [];
    const follower = new Follower<number>({
      onPlaced: () => {},
      onMissed: () => {},
      onMessage: (message) => void given.push(message),
    });
    follower.beginReading();
    expect(follower.endReading(EMPTY)).toBe('done');
    follower.pause();
    for (let i = 1; i <= most; i++) follower.arrived(1, packet(i, bytes));
    expect(given).toEqual([]);
    follower.beginReading();
    expect(follower.endReading(EMPTY)).toBe('done');
    expect(given.length).toBe(most);
    follower.pause();
    for (let i = 1; i <= most + 1; i++) follower.arrived(1, packet(most + i, bytes));
    follower.beginReading();
    expect(follower.endReading({ ...EMPTY, sequence: most, through: most })).toBe('again');
    expect(given.length).toBe(most);
  });
});
