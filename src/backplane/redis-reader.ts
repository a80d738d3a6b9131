/** The channels that this node wants: heard, read where something was not heard, and looked back into. */
import type { BackplaneEvents, Incoming } from './backplane.ts';
import { Follower, type Packet, type Page } from './follower.ts';
import { isTransient } from './redis-errors.ts';
import type { Place } from './redis-heads.ts';
import { integer } from './redis-names.ts';
import type { RedisParts } from './redis-parts.ts';

/** A channel that is wanted. */
interface Followed {
  readonly channel: string;
  readonly follower: Follower<Incoming>;
  /** Sequences behind which all is asked for. */
  readonly replays: Set<number>;
  isBusy: boolean;
  /** Of Redis, when it was read last. */
  run: string;
  /** Up to where its numbers were known in an earlier run. */
  before: number;
  /** When it was heard or read last, in ms. */
  heardMs: number;
}

/** Channels that are read at the same time. */
const READERS = 32;
/** Entries of a stream that are read at once, and bytes of a replay. */
const PAGE = 128;
const MAX_REPLAY_BYTES = 16 * 1024 * 1024;
/**
 * A channel that is not heard for so long is read, in case something was lost unnoticed, and so that it is kept. What one server of a cluster
 * tells another may be lost while that was away.
 */
const QUIET_MS = { single: 60_000, cluster: 3000 } as const;
/** Quiet channels that are read in one look. */
const ROUND = 200;
const COLON = ':'.charCodeAt(0);
const DASH = '-'.charCodeAt(0);

export class RedisReader {
  readonly #parts: RedisParts;
  readonly #events: BackplaneEvents;
  /** By pub/sub channel. */
  readonly #followed = new Map<string, Followed>();
  /** To be read, the one that waits longest first. */
  readonly #stale = new Set<Followed>();
  /** Those that were heard or read longest ago first. */
  readonly #round = new Set<Followed>();
  /** That could not be read; tried again after a while. */
  readonly #unread = new Set<Followed>();
  #readers = 0;

  constructor(parts: RedisParts, events: BackplaneEvents) {
    this.#parts = parts;
    this.#events = events;
  }

  /** Where a channel stands that is wanted. */
  placeOf(channel: string): Place | undefined {
    return this.#followed.get(this.#parts.names.subject(channel))?.follower;
  }

  want(channel: string): void {
    const { totals, connections, names } = this.#parts;
    const follower = new Follower<Incoming>({
      onMessage: (message) => {
        totals.received++;
        this.#events.onMessage(message);
      },
      onMissed: (count) => {
        totals.missed += count;
        this.#events.onMissed({ channel, count });
      },
      onPlaced: (life, sequence) => this.#events.onPlaced({ channel, life, sequence }),
    });
    const followed = {
      channel,
      follower,
      replays: new Set<number>(),
      isBusy: false,
      run: '',
      before: 0,
      heardMs: 0,
    };
    this.#followed.set(names.subject(channel), followed);
    if (!connections.isOpen) return;
    this.#begin(followed);
    void this.#listen([followed]);
  }

  unwant(channel: string): void {
    const subject = this.#parts.names.subject(channel);
    const followed = this.#followed.get(subject);
    if (followed === undefined) return;
    this.#followed.delete(subject);
    for (const each of [this.#stale, this.#round, this.#unread]) each.delete(followed);
    this.#parts.connections.unlisten(subject);
  }

  replay(channel: string, after: number): void {
    const followed = this.#followed.get(this.#parts.names.subject(channel));
    if (followed === undefined) return;
    followed.replays.add(after);
    this.#read(followed);
  }

  /** Redis is there. Asks where new channels stand, before anything is sent that was published after they were wanted. */
  opened(isOtherRun: boolean): void {
    if (isOtherRun) for (const each of this.#followed.values()) each.before = each.follower.last;
    for (const followed of this.#followed.values()) if (followed.follower.life === 0) this.#begin(followed);
    void this.#listen([...this.#followed.values()]);
  }

  /** Says up to where this node knows the numbers of a channel that it does not want. Reads nothing of it. */
  tellFloor(channel: string): void {
    if (this.placeOf(channel) === undefined)
      this.#page(channel, undefined, Number.MAX_SAFE_INTEGER).catch(() => {});
  }

  /** Once a second. */
  look(): void {
    for (const followed of this.#unread) this.#read(followed);
    this.#unread.clear();
    const quietMs = this.#parts.connections.isCluster ? QUIET_MS.cluster : QUIET_MS.single;
    const due: Followed[] = [];
    for (const followed of this.#round) {
      if (followed.heardMs > performance.now() - quietMs || due.length === ROUND) break;
      due.push(followed);
    }
    for (const followed of due) this.#read(followed);
  }

  /** Something was published in `EPOCH:SEQUENCE:MESSAGE`. */
  heard(subject: string, bytes: Buffer): void {
    const followed = this.#followed.get(subject);
    if (followed === undefined) return;
    const lifeEnd = bytes.indexOf(COLON);
    const end = bytes.indexOf(COLON, lifeEnd + 1);
    const life = integer(bytes.subarray(0, lifeEnd));
    const sequence = integer(bytes.subarray(lifeEnd + 1, end));
    if (lifeEnd < 0 || end < 0 || life === undefined || sequence === undefined) {
      this.#parts.totals.refused++;
      return;
    }
    // One that cannot be used takes its number all the same: what follows finds that it is missing.
    const packets = this.#packets(followed.channel, sequence, bytes.subarray(end + 1));
    if (packets.length > 0) this.#touch(followed);
    for (const packet of packets) if (followed.follower.arrived(life, packet)) this.#read(followed);
  }

  #packets(channel: string, sequence: number, bytes: Buffer): Packet<Incoming>[] {
    const { packets, refused } = this.#parts.codec.openPackets(channel, sequence, bytes);
    this.#parts.totals.refused += refused;
    return packets;
  }

  #touch(followed: Followed): void {
    followed.heardMs = performance.now();
    this.#round.delete(followed);
    this.#round.add(followed);
  }

  /** Hears of channels from here on, and reads what was published before. */
  async #listen(all: readonly Followed[]): Promise<void> {
    const { connections, names } = this.#parts;
    try {
      await connections.listen(all.map(({ channel }) => names.subject(channel)));
    } catch {
      // The connection is lost; the next one begins here again.
      connections.restart();
      return;
    }
    for (const followed of all) {
      // It may have been unwanted, and wanted again, meanwhile.
      const subject = names.subject(followed.channel);
      if (this.#followed.get(subject) === followed) this.#read(followed);
      else if (!this.#followed.has(subject)) connections.unlisten(subject);
    }
  }

  // ── reading ──

  #begin(followed: Followed): void {
    if (!followed.isBusy) void this.#catchUp(followed);
  }

  /** As soon as there is a reader for it. */
  #read(followed: Followed): void {
    this.#stale.add(followed);
    this.#startReaders();
  }

  #startReaders(): void {
    for (const followed of this.#stale) {
      if (this.#readers >= READERS || !this.#parts.connections.isOpen) return;
      if (followed.isBusy) continue;
      this.#stale.delete(followed);
      void this.#catchUp(followed);
    }
  }

  async #catchUp(followed: Followed): Promise<void> {
    const { connections } = this.#parts;
    this.#readers++;
    followed.isBusy = true;
    try {
      await this.#readAll(followed);
      if (this.#isWanted(followed)) this.#touch(followed);
    } catch (error) {
      followed.follower.failReading();
      // Without a connection it is read when there is one.
      if (connections.isOpen && !isTransient(error as Error)) this.#unread.add(followed);
      else connections.restart();
    }
    followed.isBusy = false;
    this.#readers--;
    this.#startReaders();
  }

  async #readAll(followed: Followed): Promise<void> {
    const { channel, follower, replays } = followed;
    while (this.#isWanted(followed)) {
      follower.beginReading();
      const { run } = this.#parts.heads;
      const page = await this.#page(channel, followed, follower.last);
      followed.run = run;
      if (!this.#isWanted(followed)) return;
      if (follower.endReading(page) !== 'done') continue;
      if (replays.size === 0) return;
      follower.pause();
      const after = [...replays].reduce((one, other) => Math.min(one, other));
      // In another life it is asked again.
      if (!(await this.#tryAnswer(followed, after))) continue;
      for (const each of replays) if (each >= after) replays.delete(each);
    }
  }

  /** What Redis holds behind a sequence, up to where the channel stands. False when that is in another life. */
  async #tryAnswer(followed: Followed, after: number): Promise<boolean> {
    const { channel, follower } = followed;
    const { life, last } = follower;
    const messages: Incoming[] = [];
    let bytes = 0;
    let before = after;
    for (let through = after; through < last; ) {
      const page = await this.#page(channel, followed, through);
      if (page.life !== life) return false;
      through = page.through;
      for (const packet of page.packets.filter(({ sequence }) => sequence <= last)) {
        bytes += packet.bytes;
        // What comes before a gap, or is too much, is left out.
        if (packet.sequence - 1 !== before || packet.message === null || bytes > MAX_REPLAY_BYTES) {
          messages.length = 0;
          bytes = packet.bytes;
        }
        if (packet.message !== null) messages.push(packet.message);
        before = packet.sequence;
      }
    }
    if (before !== last) messages.length = 0;
    if (this.#isWanted(followed)) this.#events.onReplayed({ channel, after, messages });
    return true;
  }

  #isWanted(followed: Followed): boolean {
    return this.#followed.get(this.#parts.names.subject(followed.channel)) === followed;
  }

  async #page(channel: string, followed: Followed | undefined, last: number): Promise<Page<Incoming>> {
    const { connections, names, heads } = this.#parts;
    const earlier = followed?.before ?? Number.POSITIVE_INFINITY;
    const head = heads.of(channel, followed?.follower, followed?.run === heads.run ? 0 : earlier);
    const reply = await connections.run('read', names.keys(channel), ...head, last, PAGE);
    const [epoch, sequence, entries] = reply as [Buffer, number, [Buffer, Buffer[]][]];
    const life = integer(epoch);
    if (life === undefined || life === 0) throw new Error('not what a node has written');
    const packets: Packet<Incoming>[] = [];
    let through = last;
    for (const [id, [, bytes]] of entries) {
      const at = integer(id.subarray(0, id.indexOf(DASH)));
      if (at === undefined || at <= through || at > sequence) throw new Error('not what a node has written');
      through = at;
      // Of messages that were published together the first may be known.
      if (bytes) packets.push(...this.#packets(channel, at, bytes).filter(({ sequence }) => sequence > last));
    }
    return { life, sequence, packets, through: entries.length < PAGE ? sequence : through };
  }
}
