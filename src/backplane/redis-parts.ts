/** What the reader and the sender of a node have in common. */
import type { BackplaneTotals } from './backplane.ts';
import type { RedisCodec } from './redis-codec.ts';
import type { RedisConnections } from './redis-connections.ts';
import type { RedisHeads } from './redis-heads.ts';
import type { RedisNames } from './redis-names.ts';

export interface RedisParts {
  readonly connections: RedisConnections;
  readonly codec: RedisCodec;
  readonly names: RedisNames;
  readonly heads: RedisHeads;
  readonly totals: { -readonly [Name in keyof BackplaneTotals]: BackplaneTotals[Name] };
}
