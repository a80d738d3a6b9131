/** A map beside a plain `Map`, in a memory that is often full, with a clock that the test moves. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SharedMemoryFullError } from '../../src/errors.ts';
import { MAX_NEW_NODES } from '../../src/shared/hash-trie.ts';
import type { SharedMap } from '../../src/shared/shared.ts';
import { StateMemory } from '../harness/state-memory.ts';

const RUNS = process.env.POLYLOOP_STRESS === '1' ? 5000 : 400;
const TIMEOUT_MS = 120_000;
const BLOCK_BYTES = 64;
/** Words of an entry besides key and value, the links of its chain, and the rounding of each. */
const ENTRY_BYTES = 64;

interface ModelEntry {
  readonly value: unknown;
  readonly expiry: number;
}

const key = fc.oneof(
  fc.constantFrom('a', 'b', 'c', 'd', '', 'ä', '\ud800'),
  fc.nat(30).map((n) => `key${n}`),
  fc.string({ maxLength: 60 }),
);
const value = fc.oneof(
  fc.jsonValue(),
  fc.string({ maxLength: 500 }),
  fc.uint8Array({ maxLength: 500 }),
  fc.string({ unit: 'binary', maxLength: 100 }),
);
const ttlMs = fc.option(fc.integer({ min: 1, max: 50 }), { nil: undefined });
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('set' as const), key, value, ttlMs }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('update' as const), key, value, ttlMs }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('get', 'has', 'delete', 'forget'), key }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 40 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('size', 'entries') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('throw', 'clear'), key }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const asKept = (value: unknown): unknown =>
  value instanceof Uint8Array ? value : JSON.parse(JSON.stringify(value));
const bytesOf = (key: string, value: unknown): number =>
  2 * key.length + (value instanceof Uint8Array ? value.length : 3 * JSON.stringify(value).length);

class Model {
  readonly memory = new StateMemory(40 * BLOCK_BYTES);
  refusals = 0;
  /** The same map, as two threads see it: they take turns. */
  readonly maps: readonly SharedMap[] = [1, 2].map((holder) => this.memory.state(holder).map('m'));
  readonly entries = new Map<string, ModelEntry>();
  readonly emptyBlocks = this.memory.usedBlocks;

  check(step: Step, turn: number): void {
    const map = this.maps[turn % 2] as SharedMap;
    switch (step.do) {
      case 'set': {
        const { key, value, ttlMs } = step as Extract<Step, { do: 'set' }>;
        this.#store(key, value, ttlMs, Number.POSITIVE_INFINITY, () =>
          map.set(key, value, ttlMs === undefined ? undefined : { ttlMs }),
        );
        break;
      }
      case 'update': {
        const { key, value, ttlMs } = step as Extract<Step, { do: 'update' }>;
        const before = this.#live(key);
        this.#store(key, value, ttlMs, before?.expiry ?? Number.POSITIVE_INFINITY, () => {
          const result = map.update(
            key,
            (current) => {
              expect(current).toStrictEqual(before?.value);
              return value;
            },
            ttlMs === undefined ? undefined : { ttlMs },
          );
          expect(result).toBe(value);
        });
        break;
      }
      case 'get':
        expect(map.get(keyOf(step))).toStrictEqual(this.#live(keyOf(step))?.value);
        break;
      case 'has':
        expect(map.has(keyOf(step))).toBe(this.#live(keyOf(step)) !== undefined);
        break;
      case 'delete':
        expect(map.delete(keyOf(step))).toBe(this.#live(keyOf(step)) !== undefined);
        this.entries.delete(keyOf(step));
        break;
      case 'forget':
        expect(map.update(keyOf(step), () => undefined)).toBeUndefined();
        this.entries.delete(keyOf(step));
        break;
      case 'throw': {
        const error = new Error('from the callback');
        const fail = (): never => {
          throw error;
        };
        expect(() => map.update(keyOf(step), fail)).toThrow(error);
        break;
      }
      case 'wait':
        this.memory.nowMs += (step as Extract<Step, { do: 'wait' }>).ms;
        break;
      case 'size':
        expect(map.size).toBe(this.#liveEntries().length);
        break;
      case 'entries':
        expect([...map].sort(byKey)).toStrictEqual(this.#liveEntries().sort(byKey));
        break;
      case 'clear':
        map.clear();
        this.entries.clear();
        expect(this.memory.usedBlocks).toBe(this.emptyBlocks);
    }
    // Throws when anything is damaged.
    expect(this.memory.lostBlocks()).toBe(0);
  }

  /** In the end everything can be taken out, and every block comes back. */
  checkEnd(): void {
    const [map] = this.maps as [SharedMap];
    expect([...map].sort(byKey)).toStrictEqual(this.#liveEntries().sort(byKey));
    for (const [key] of this.#liveEntries()) expect(map.delete(key)).toBe(true);
    this.memory.nowMs += 1000;
    expect(map.size).toBe(0);
    expect(this.memory.usedBlocks).toBe(this.emptyBlocks);
  }

  #store(key: string, value: unknown, ttlMs: number | undefined, keptMs: number, call: () => void): void {
    const before = this.#live(key);
    try {
      call();
    } catch (error) {
      // Refused only when there is no room for it, with all that is over swept away; and what was there stays.
      expect(error).toBeInstanceOf(SharedMemoryFullError);
      this.refusals++;
      const needed = Math.ceil((ENTRY_BYTES + bytesOf(key, value)) / (BLOCK_BYTES - 4));
      expect(this.memory.freeBlocks).toBeLessThan(needed + MAX_NEW_NODES);
      expect(this.maps.map((map) => map.get(key))).toStrictEqual([before?.value, before?.value]);
      return;
    }
    const expiry = ttlMs === undefined ? keptMs : this.memory.nowMs + ttlMs;
    this.entries.set(key, { value: asKept(value), expiry });
  }

  #live(key: string): ModelEntry | undefined {
    const entry = this.entries.get(key);
    return entry !== undefined && entry.expiry > this.memory.nowMs ? entry : undefined;
  }

  #liveEntries(): [string, unknown][] {
    return [...this.entries]
      .filter(([key]) => this.#live(key) !== undefined)
      .map(([key, { value }]) => [key, value]);
  }
}

const keyOf = (step: Step): string => (step as { readonly key: string }).key;
const byKey = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : 1);

it(
  'does what a plain Map does, whatever is done, also when the memory is full',
  () => {
    let refusals = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 120 }), (steps) => {
        const model = new Model();
        for (const [turn, step] of steps.entries()) model.check(step, turn);
        refusals += model.refusals;
        model.checkEnd();
      }),
      { numRuns: RUNS },
    );
    // Else the memory was too large for this test.
    expect(refusals).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);
