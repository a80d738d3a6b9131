/**
 * One channel as a node follows it whose numbers the engine gives: puts what comes in order, once, and says what has to be read because it did
 * not come. Knows nothing of any engine.
 */

/** What stands at a sequence: a message, or some that its publisher could not send. */
export interface Packet<Message> {
  /** The last of its numbers. */
  readonly sequence: number;
  /** How many it takes: 1 for a message. */
  readonly count: number;
  /** Null: these are missing. */
  readonly message: Message | null;
  readonly bytes: number;
}

/** What was read of the engine: the oldest packets behind where the follower stands, if that is of the same life. */
export interface Page<Message> {
  readonly life: number;
  /** Of the last message that the engine has numbered. */
  readonly sequence: number;
  /** What is missing between these the engine does not hold. */
  readonly packets: readonly Packet<Message>[];
  /** It was read up to there. */
  readonly through: number;
}

export interface FollowerEvents<Message> {
  onMessage(message: Message): void;
  onMissed(count: number): void;
  onPlaced(life: number, sequence: number): void;
}

/** What comes while it is being read is kept up to here; beyond, it is read instead. */
export const MAX_HELD = 8192;
export const MAX_HELD_BYTES = 4 * 1024 * 1024;

export class Follower<Message> {
  /** 0 before the first page. */
  life = 0;
  /** Number of the last message that was given or reported as missed. */
  last = 0;
  readonly #events: FollowerEvents<Message>;
  /** What came ahead of its turn, of the life that is held. */
  readonly #held = new Map<number, Packet<Message>>();
  #heldLife = 0;
  #heldBytes = 0;
  /** Something that came was not kept. */
  #isLeftOut = false;
  #isReading = false;
  #isPaused = false;
  /** Where it stood when it asked for what is being read. */
  #askedAt = 0;

  constructor(events: FollowerEvents<Message>) {
    this.#events = events;
  }

  /** Something has come by itself. True when the channel has to be read now. */
  arrived(life: number, packet: Packet<Message>): boolean {
    if (!this.#isPaused && life === this.life && this.#take(packet)) return false;
    this.#hold(life, packet);
    return !this.#isReading;
  }

  /** The engine is asked for what comes behind `last`. What follows on what was taken is taken meanwhile, the rest waits. */
  beginReading(): void {
    this.#isReading = true;
    this.#isPaused = false;
    this.#askedAt = this.last;
  }

  /** From here to `beginReading` everything that comes waits. */
  pause(): void {
    this.#isReading = true;
    this.#isPaused = true;
  }

  /** What was read could not be had. */
  failReading(): void {
    this.#isReading = false;
    this.#isPaused = false;
  }

  /**
   * Takes what was read. `again`: there is more to read. `backwards`: the engine does not know of numbers that it has given; it must begin a new life.
   */
  endReading(page: Page<Message>): 'done' | 'again' | 'backwards' {
    this.#isReading = false;
    if (page.life !== this.life) return this.#begin(page);
    if (page.sequence < this.#askedAt) return 'backwards';
    for (const packet of page.packets) {
      this.#miss(packet.sequence - packet.count - this.last);
      this.#take(packet);
    }
    this.#miss(page.through - this.last);
    return this.last >= page.sequence && this.#takeHeld() ? 'done' : 'again';
  }

  #begin({ life, sequence }: Page<Message>): 'done' | 'again' {
    const isFirst = this.life === 0;
    this.life = life;
    // What another life has published so far came after what was known before.
    this.last = isFirst ? sequence : 0;
    this.#events.onPlaced(life, this.last);
    return isFirst && this.#takeHeld() ? 'done' : 'again';
  }

  /** False when there is something between it and what was taken before. */
  #take({ sequence, count, message }: Packet<Message>): boolean {
    const before = this.last;
    if (sequence - count > before) return false;
    if (sequence <= before) return true;
    this.last = sequence;
    if (message === null) this.#events.onMissed(sequence - before);
    else this.#events.onMessage(message);
    return true;
  }

  #miss(count: number): void {
    if (count <= 0) return;
    this.last += count;
    this.#events.onMissed(count);
  }

  #hold(life: number, packet: Packet<Message>): void {
    const isFull = this.#held.size >= MAX_HELD || this.#heldBytes + packet.bytes > MAX_HELD_BYTES;
    if (this.#held.size > 0 && (life !== this.#heldLife || isFull)) {
      this.#clearHeld();
      this.#isLeftOut = true;
    }
    this.#heldLife = life;
    this.#held.set(packet.sequence, packet);
    this.#heldBytes += packet.bytes;
  }

  /** False when that is not all that came, or does not follow on what was taken. */
  #takeHeld(): boolean {
    const packets = [...this.#held.values()].sort((one, other) => one.sequence - other.sequence);
    const isOurs = this.#heldLife === this.life || packets.length === 0;
    const isAll = !this.#isLeftOut;
    this.#clearHeld();
    this.#isLeftOut = false;
    return isOurs && packets.every((packet) => this.#take(packet)) && isAll;
  }

  #clearHeld(): void {
    this.#held.clear();
    this.#heldBytes = 0;
  }
}
