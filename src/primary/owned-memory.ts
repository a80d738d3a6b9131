/** The shared memory as the primary holds it: makes it, publishes into it, and cleans up after a loop that is no more. */
import type { Config } from '../config.ts';
import { ChannelLog, threadOf } from '../shared/channel-log.ts';
import { ControlBlock } from '../shared/control-block.ts';
import { recordFlags } from '../shared/log.ts';
import { Publisher, type PublishResult } from '../shared/publisher.ts';
import { createSharedMemory, type SharedMemory } from '../shared/shared-memory.ts';
import { SharedState } from '../shared/state.ts';
import { type MessageData, type SendOptions, toTextOrBytes } from '../websocket.ts';

export class OwnedMemory {
  readonly pieces: SharedMemory;
  readonly block: ControlBlock;
  readonly #channels: ChannelLog;
  readonly #publisher: Publisher;
  readonly #state: SharedState;

  constructor(config: Config) {
    this.pieces = createSharedMemory(config);
    this.block = new ControlBlock(this.pieces.control);
    const { log, channels, state } = this.pieces;
    this.#channels = new ChannelLog(log, channels, this.block.epoch, threadOf(config.workers));
    this.#publisher = new Publisher(this.#channels);
    this.#state = new SharedState(state, this.#channels.thread);
  }

  publish(channel: string, data: MessageData, options: SendOptions = {}): PublishResult {
    const flags = recordFlags(options.binary ?? typeof data !== 'string', options.compress ?? true);
    return this.#publisher.publish(channel, 0, toTextOrBytes(data), flags, 0);
  }

  /** The loop's thread has ended: no lock, no cursor and no subscriber of it stays behind. */
  forgetLoop(loopId: number): void {
    this.#channels.forgetLoop(loopId);
    this.#state.freeLocksOf(threadOf(loopId));
  }
}
