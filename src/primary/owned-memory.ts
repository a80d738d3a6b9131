/** The shared memory as the primary holds it: makes it, publishes into it, and cleans up after a loop that is no more. */
import type { Config } from '../config.ts';
import { orderOf } from '../engine-url.ts';
import { Admissions } from '../shared/admissions.ts';
import { ChannelLog, threadOf } from '../shared/channel-log.ts';
import { ControlBlock } from '../shared/control-block.ts';
import { seatsFor, UNIT_BYTES } from '../shared/layout.ts';
import { recordFlags } from '../shared/log.ts';
import { Publisher, type PublishResult } from '../shared/publisher.ts';
import { createSharedMemory, type SharedMemory } from '../shared/shared-memory.ts';
import { SharedState } from '../shared/state.ts';
import { type MessageData, type SendOptions, toTextOrBytes } from '../websocket.ts';

export class OwnedMemory {
  readonly pieces: SharedMemory;
  readonly block: ControlBlock;
  /** By the primary itself. */
  readonly publishes = { accepted: 0, refused: 0 };
  readonly channels: ChannelLog;
  readonly #publisher: Publisher;
  readonly #state: SharedState;
  /** Undefined when no option needs them. */
  readonly #admissions: Admissions | undefined;
  readonly #rates: SharedState | undefined;

  constructor(config: Config) {
    this.pieces = createSharedMemory(config, orderOf(config.backplane));
    this.block = new ControlBlock(this.pieces.control);
    const { log, channels, state, admissions, rates } = this.pieces;
    const seat = seatsFor(config.workers);
    this.channels = new ChannelLog(log, channels, this.block.epoch, threadOf(seat));
    this.#publisher = new Publisher(this.channels);
    this.#state = new SharedState(state, this.channels.thread);
    if (admissions.byteLength > 0) this.#admissions = new Admissions(admissions, seat, config);
    if (rates.byteLength > 0) this.#rates = new SharedState(rates, this.channels.thread);
  }

  publish(channel: string, data: MessageData, options: SendOptions = {}): PublishResult {
    const flags = recordFlags(options.binary ?? typeof data !== 'string', options.compress ?? true);
    const result = this.#publisher.publish(channel, 0, toTextOrBytes(data), flags, 0);
    if (result.ok) this.publishes.accepted++;
    else this.publishes.refused++;
    return result;
  }

  /** See `ChannelLog.usage`. */
  usage(): { channels: number; writtenBytes: number } {
    return this.channels.usage();
  }

  /** Bytes of the log that a loop has before it. */
  unreadBytes(loopId: number): number {
    const seats = this.block.slots.filter((slot) => slot.loopId === loopId).map(({ seat }) => seat);
    return Math.max(0, ...seats.map((seat) => this.channels.log.unread(seat))) * UNIT_BYTES;
  }

  /** See `ChannelLog.ungate`. */
  ungate(seat: number): boolean {
    return this.channels.ungate(seat);
  }

  /** The thread on that seat has ended: no lock, no cursor, no subscriber and no connection of it stays behind. */
  forgetSeat(seat: number): void {
    this.channels.forgetSeat(seat);
    this.#state.freeLocksOf(threadOf(seat));
    this.#rates?.freeLocksOf(threadOf(seat));
    this.#admissions?.forgetSeat(seat);
  }
}
