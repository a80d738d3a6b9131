import { expect, it } from 'vitest';
import { Outbox } from '../../src/backplane/outbox.ts';

const message = (number: number, bytes = 0) => ({ subject: String(number), bytes: Buffer.alloc(bytes) });

function drained(outbox: Outbox): string[] {
  const subjects: string[] = [];
  for (let next = outbox.shift(); next; next = outbox.shift()) subjects.push(next.subject);
  return subjects;
}

it('gives first what came first, over more than it keeps in one piece', () => {
  const outbox = new Outbox(1e9);
  const wanted: string[] = [];
  const got: string[] = [];
  for (let i = 0; i < 10_000; i++) {
    outbox.push(message(i));
    wanted.push(String(i));
    if (i % 3 > 0) got.push(outbox.shift()?.subject ?? '');
  }
  expect([...got, ...drained(outbox)]).toEqual(wanted);
  expect(outbox.bytes).toBe(0);
  expect(outbox.length).toBe(0);
});

it('drops the oldest, and gives them, when there is no room', () => {
  const outbox = new Outbox(3000);
  expect([1, 2, 3].map((number) => outbox.push(message(number, 800)))).toEqual([[], [], []]);
  expect(outbox.push(message(4, 1700)).map(({ subject }) => subject)).toEqual(['1', '2']);
  expect(drained(outbox)).toEqual(['3', '4']);
});

it('keeps a message that has no room alone', () => {
  const outbox = new Outbox(100);
  outbox.push(message(1, 50));
  expect(outbox.push(message(2, 5000))).toHaveLength(1);
  expect(drained(outbox)).toEqual(['2']);
});

it('counts messages without bytes, too', () => {
  const outbox = new Outbox(64 * 1024);
  let dropped = 0;
  for (let i = 0; i < 100_000; i++) dropped += outbox.push(message(i)).length;
  expect(outbox.length + dropped).toBe(100_000);
  expect(outbox.length).toBeLessThan(1000);
});

it('puts back what was taken out, in its order and before all others', () => {
  const outbox = new Outbox(1e9);
  for (let i = 0; i < 3000; i++) outbox.push(message(i, 10));
  const before = outbox.bytes;
  const taken = Array.from({ length: 2000 }, () => outbox.shift() ?? message(-1));
  outbox.unshift(taken);
  expect(outbox.bytes).toBe(before);
  expect(drained(outbox)).toEqual(Array.from({ length: 3000 }, (_, i) => String(i)));
  expect(outbox.bytes).toBe(0);
});
