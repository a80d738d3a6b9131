import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HEAD_BYTES, MessagePack } from '../../src/shared/message-pack.ts';

const message = fc.record({
  data: fc.uint8Array({ maxLength: 3000 }),
  flags: fc.nat(0xff_ff_ff),
  connection: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
});

test('gives what was put in, whole and in order, when it is emptied and filled in turns', () => {
  fc.assert(
    fc.property(fc.array(fc.option(message), { maxLength: 60 }), fc.nat(10_000), (steps, limit) => {
      const pack = new MessagePack(limit);
      const expected: { data: Uint8Array; flags: number; connection: number }[] = [];
      for (const step of steps) {
        if (step !== null) {
          pack.add(step.data, step.flags, step.connection);
          expected.push(step);
        } else if (expected.length > 0) {
          expect(pack.peek()).toEqual(expected.shift());
          pack.shift();
        }
        expect(pack.length).toBe(expected.length);
        const bytes = expected.reduce(
          (sum, { data }) => sum + HEAD_BYTES + Math.ceil(data.length / 4) * 4,
          0,
        );
        expect(pack.byteLength).toBe(bytes);
      }
      for (const one of expected) {
        expect(pack.peek()).toEqual(one);
        pack.shift();
      }
      expect(pack.peek()).toBeUndefined();
    }),
  );
});

test('is empty when it was cleared', () => {
  const pack = new MessagePack(1000);
  pack.add(Buffer.from('first'), 1, 2);
  pack.clear();
  expect([pack.length, pack.byteLength, pack.peek()]).toEqual([0, 0, undefined]);
  pack.add(Buffer.from('second'), 1, 2);
  expect(pack.peek()?.data).toEqual(new Uint8Array(Buffer.from('second')));
});
