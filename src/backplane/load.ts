/** Gives what connects to the engine that the options name. Its library is loaded only now, and not at all without one. */
import type { Engine } from '../engine-url.ts';
import type { Backplane, BackplaneEvents } from './backplane.ts';

export interface BackplaneOptions {
  readonly engine: Engine;
  readonly node: string;
  readonly prefix: string;
  readonly key: string | null;
  readonly maxWaitingBytes: number;
  readonly maxChannels: number;
  /** Messages that the engine keeps of a channel, where it keeps any. */
  readonly history: number;
}

export async function loadBackplane({
  engine,
  node,
  prefix,
  key,
  maxWaitingBytes,
  maxChannels,
  history,
}: BackplaneOptions): Promise<(events: BackplaneEvents) => Backplane> {
  const { kind, ...servers } = engine;
  if (kind === 'redis') {
    const { RedisBackplane } = await import('./redis.ts');
    return (events) =>
      new RedisBackplane({ ...servers, node, prefix, key, maxWaitingBytes, history }, events);
  }
  const { NatsBackplane } = await import('./nats.ts');
  return (events) =>
    new NatsBackplane({ ...servers, node, prefix, key, maxWaitingBytes, maxStreams: maxChannels }, events);
}
