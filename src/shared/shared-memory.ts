/** All memory that the threads share: made by the primary, handed to every loop at its birth. */
import { ChannelTable } from './channel-table.ts';
import { ControlBlock } from './control-block.ts';
import { Log } from './log.ts';
import { SharedState } from './state.ts';

export interface SharedMemory {
  readonly control: SharedArrayBuffer;
  readonly log: SharedArrayBuffer;
  readonly channels: SharedArrayBuffer;
  readonly state: SharedArrayBuffer;
}

/** How much of it there is. Pages that are never written take no memory. */
export interface SharedMemorySize {
  readonly workers: number;
  readonly logBytes: number;
  readonly maxChannels: number;
  readonly stateBytes: number;
}

/** Primary only. */
export function createSharedMemory(size: SharedMemorySize): SharedMemory {
  return {
    control: ControlBlock.create(size.workers).memory,
    log: Log.create(size.workers, size.logBytes),
    channels: ChannelTable.create(size.workers, size.maxChannels),
    state: SharedState.create(size.stateBytes),
  };
}
