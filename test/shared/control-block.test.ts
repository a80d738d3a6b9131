import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ControlBlock, LOOP_STATES } from '../../src/shared/control-block.ts';
import {
  COUNTERS,
  type CounterName,
  controlBlockBytes,
  HeaderLong,
  HeaderWord,
  LAYOUT_VERSION,
  MAGIC,
} from '../../src/shared/layout.ts';

const WRAP = 2 ** 32;

const headerWords = (memory: SharedArrayBuffer) => new Uint32Array(memory);

const totalsOf = (value: (index: number) => number) =>
  Object.fromEntries(COUNTERS.map((name, index) => [name, value(index)])) as Record<CounterName, number>;

describe('attaching', () => {
  it('sees what another view of the same memory writes', () => {
    const block = ControlBlock.create(2);
    const other = new ControlBlock(block.memory);
    expect(other.loops).toBe(2);
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

  it('has a slot for each loop and no other', () => {
    const block = ControlBlock.create(2);
    expect(block.slots.map(({ id }) => id)).toEqual([0, 1]);
    for (const id of [-1, 2, 0.5, Number.NaN]) expect(() => block.slot(id)).toThrow(RangeError);
  });
});

describe('a new control block', () => {
  it('has every loop starting, and every number at 0', () => {
    const block = ControlBlock.create(2);
    expect(block.memory.byteLength).toBe(controlBlockBytes(2));
    for (const { heartbeatAgeMs, ...loop } of block.snapshot()) {
      expect(loop).toEqual({
        id: loop.id,
        generation: 0,
        state: 'starting',
        connections: 0,
        sockets: 0,
        accepted: 0,
        lagMs: 0,
        counters: totalsOf(() => 0),
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

  it('keeps the totals and what was accepted when a new thread takes it over', () => {
    const totals = totalsOf((index) => index + 1);
    slot.writeTotals(totals);
    slot.accepted = 12;
    slot.connections = 3;
    slot.sockets = 4;
    slot.beat(5, 6);
    slot.state = 'ended';
    slot.reset(2);
    expect(slot.snapshot(5)).toEqual({
      id: 0,
      generation: 2,
      state: 'starting',
      connections: 0,
      sockets: 0,
      accepted: 12,
      heartbeatAgeMs: 0,
      lagMs: 0,
      counters: totals,
    });
  });

  it('counts what was accepted modulo 2^32', () => {
    slot.accepted = WRAP - 1;
    expect(slot.accepted).toBe(WRAP - 1);
    slot.accepted = slot.accepted + 3;
    expect(slot.accepted).toBe(2);
  });

  it('gives the right age of a heartbeat when the clock has wrapped', () => {
    slot.beat(WRAP - 100, 0);
    expect(slot.snapshot(WRAP + 50).heartbeatAgeMs).toBe(150);
    fc.assert(
      fc.property(fc.nat({ max: 20 * WRAP }), fc.nat({ max: WRAP / 2 - 1 }), (beatMs, ageMs) => {
        slot.beat(beatMs, 0);
        expect(slot.snapshot(beatMs + ageMs).heartbeatAgeMs).toBe(ageMs);
      }),
    );
  });

  it('gives the age 0 when the loop beats between the reading of the clock and of its slot', () => {
    slot.beat(1001, 0);
    expect(slot.snapshot(1000).heartbeatAgeMs).toBe(0);
  });
});
