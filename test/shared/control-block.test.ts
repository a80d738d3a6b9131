import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ControlBlock } from '../../src/shared/control-block.ts';
import { Duration, durationSnapshot } from '../../src/shared/duration.ts';
import {
  COUNTERS,
  type CounterName,
  controlBlockBytes,
  HeaderLong,
  HeaderWord,
  LAYOUT_VERSION,
  MAGIC,
} from '../../src/shared/layout.ts';
import { ACTIVITIES, LOOP_STATES, type LoopSlot } from '../../src/shared/loop-slot.ts';

const WRAP = 2 ** 32;
const NO_UPGRADES = new Duration('upgrade').longs;
const NO_LAG = new Duration('lag').longs;

const headerWords = (memory: SharedArrayBuffer) => new Uint32Array(memory);

const totalsOf = (value: (index: number) => number) =>
  Object.fromEntries(COUNTERS.map((name, index) => [name, value(index)])) as Record<CounterName, number>;

describe('attaching', () => {
  it('sees what another view of the same memory writes', () => {
    const block = ControlBlock.create(2);
    const other = new ControlBlock(block.memory);
    expect(other.loops).toBe(2);
    for (const id of [0, 1]) block.slot(id).take(id, 1, id + 1, 0);
    block.slot(1).connections = 7;
    other.slot(1).state = 'ready';
    expect(other.snapshot()[1]).toMatchObject({ id: 1, connections: 7, state: 'ready' });
    expect(block.snapshot()[0]).toMatchObject({ id: 0, connections: 0, state: 'starting' });
    expect(block.snapshot()[1]?.state).toBe('ready');
  });

  it('is refused when the memory is of somebody else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 512 }), (bytes) => {
        const memory = new SharedArrayBuffer(bytes.length - (bytes.length % 4));
        new Uint8Array(memory).set(bytes.subarray(0, memory.byteLength));
        if (headerWords(memory)[HeaderWord.magic] === MAGIC) return;
        expect(() => new ControlBlock(memory)).toThrow(RangeError);
      }),
    );
  });

  it('is refused when the layout is of another version', () => {
    const { memory } = ControlBlock.create(1);
    headerWords(memory)[HeaderWord.version] = LAYOUT_VERSION + 1;
    expect(() => new ControlBlock(memory)).toThrow('another layout');
  });

  it('is refused when the memory is shorter than its header says', () => {
    const { memory } = ControlBlock.create(2);
    headerWords(memory)[HeaderWord.loops] = 3;
    expect(() => new ControlBlock(memory)).toThrow('shorter');
    headerWords(memory)[HeaderWord.loops] = WRAP - 1;
    expect(() => new ControlBlock(memory)).toThrow('shorter');
  });

  it('has a slot for each loop and one to spare', () => {
    const block = ControlBlock.create(2);
    expect(block.slots.map(({ seat }) => seat)).toEqual([0, 1, 2]);
    for (const seat of [-1, 3, 0.5, Number.NaN]) expect(() => block.slot(seat)).toThrow(RangeError);
  });
});

describe('a new control block', () => {
  it('has no thread for any loop, and every number at 0', () => {
    const block = ControlBlock.create(2);
    expect(block.memory.byteLength).toBe(controlBlockBytes(2));
    expect(block.snapshot().map(({ id }) => id)).toEqual([0, 1]);
    for (const { heartbeatAgeMs, ...loop } of block.snapshot()) {
      expect(loop).toEqual({
        id: loop.id,
        generation: 0,
        state: 'ended',
        lastActivity: 'nothing yet',
        connections: 0,
        sockets: 0,
        accepted: 0,
        lagMs: 0,
        utilization: 0,
        heapUsedBytes: 0,
        heapLimitBytes: 0,
        bufferedBytes: 0,
        backlogs: 0,
        counters: totalsOf(() => 0),
        durations: {
          upgrade: durationSnapshot('upgrade', NO_UPGRADES),
          lag: durationSnapshot('lag', NO_LAG),
        },
      });
      expect(heartbeatAgeMs).toBeLessThanOrEqual(block.nowMs());
    }
  });

  it('has an epoch of its own each time', () => {
    const epochs = Array.from(
      { length: 8 },
      () => new BigUint64Array(ControlBlock.create(1).memory, 0, 4)[HeaderLong.epoch],
    );
    expect(new Set(epochs).size).toBe(8);
  });
});

describe('a slot', () => {
  const { slots } = ControlBlock.create(1);
  const slot = slots[0] ?? expect.fail('no slot');

  it.each(LOOP_STATES)('keeps the state %s', (state) => {
    slot.state = state;
    expect(slot.state).toBe(state);
  });

  it('keeps totals exactly up to the largest safe integer', () => {
    fc.assert(
      fc.property(
        fc.array(fc.maxSafeNat(), { minLength: COUNTERS.length, maxLength: COUNTERS.length }),
        (values) => {
          const totals = totalsOf((index) => values[index] ?? 0);
          slot.writeTotals(totals);
          expect(slot.readTotals()).toEqual(totals);
        },
      ),
    );
  });

  it('counts what was accepted modulo 2^32', () => {
    slot.accepted = WRAP - 1;
    expect(slot.accepted).toBe(WRAP - 1);
    slot.accepted = slot.accepted + 3;
    expect(slot.accepted).toBe(2);
  });

  it('gives the right age of a heartbeat when the clock has wrapped', () => {
    slot.beat(WRAP - 100, 0);
    expect(slot.status(WRAP + 50).heartbeatAgeMs).toBe(150);
    fc.assert(
      fc.property(fc.nat({ max: 20 * WRAP }), fc.nat({ max: WRAP / 2 - 1 }), (beatMs, ageMs) => {
        slot.beat(beatMs, 0);
        expect(slot.status(beatMs + ageMs).heartbeatAgeMs).toBe(ageMs);
      }),
    );
  });

  it('gives the age 0 when the loop beats between the reading of the clock and of its slot', () => {
    slot.beat(1001, 0);
    expect(slot.status(1000).heartbeatAgeMs).toBe(0);
  });
});

describe('a loop that is replaced', () => {
  const OLD = 0;
  const NEW = 2;

  function fill(slot: LoopSlot, factor: number): void {
    slot.writeTotals(totalsOf((index) => factor * (index + 1)));
    slot.accepted = factor * 12;
    slot.connections = factor * 3;
    slot.sockets = factor * 4;
  }

  it('is shown by its older thread while the newer one starts, with the counts of both, and then by the newer one', () => {
    const block = ControlBlock.create(2);
    const [old, newer] = [block.slot(OLD), block.slot(NEW)];
    old.take(1, 1, 1, 0);
    old.state = 'ready';
    fill(old, 1);
    newer.take(1, 2, 2, 0);
    expect(block.snapshot()[1]).toMatchObject({ generation: 1, state: 'ready', connections: 3 });
    newer.state = 'ready';
    fill(newer, 10);
    const counters = totalsOf((index) => 11 * (index + 1));
    const both = { generation: 2, connections: 33, sockets: 44, accepted: 132, counters };
    expect(block.snapshot()[1]).toMatchObject(both);
    expect(block.snapshot()[0]).toMatchObject({ generation: 0, connections: 0 });
    old.state = 'ended';
    block.retire(old);
    expect(block.snapshot()[1]).toMatchObject({ ...both, connections: 30, sockets: 40 });
  });

  it('keeps what its threads have counted when another loop takes their seat', () => {
    const block = ControlBlock.create(2);
    const slot = block.slot(OLD);
    slot.take(0, 1, 1, 0);
    fill(slot, 1);
    block.retire(slot);
    slot.take(1, 1, 2, 0);
    fill(slot, 2);
    const [first, second] = block.snapshot();
    expect(first).toMatchObject({ accepted: 12, connections: 0, counters: totalsOf((index) => index + 1) });
    expect(second).toMatchObject({ accepted: 24, connections: 6 });
  });

  it('is not released by the release of a thread that had the seat before', () => {
    const block = ControlBlock.create(1);
    const slot = block.slot(0);
    slot.take(0, 1, 7, 0);
    slot.release(7);
    slot.take(0, 2, 8, 0);
    expect([slot.isReleased(7), slot.isReleased(8)]).toEqual([true, false]);
  });

  it('tells what user code it called last', () => {
    const block = ControlBlock.create(1);
    block.slot(0).take(0, 1, 1, 0);
    for (const lastActivity of ACTIVITIES) {
      block.slot(0).activity = lastActivity;
      expect(block.snapshot()[0]).toMatchObject({ lastActivity });
    }
  });
});
