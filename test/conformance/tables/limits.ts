/** RFC 6455 section 10.4: messages up to `maxPayload` and over it; and what becomes of answers when a connection ends. */
import { frame, Opcode } from '../../harness/frames.ts';
import { type Case, Cause, fails, stays } from '../case.ts';
import { MAX_PAYLOAD } from '../conformance-server.ts';
import { binary, text } from '../outcome.ts';

const MORE = { isFinal: false };
const join = Buffer.concat;
const LONGEST = Buffer.alloc(MAX_PAYLOAD, 'as long as it can be ');
const OVER = Buffer.alloc(MAX_PAYLOAD + 1, 'x');
const HALF = Math.floor(MAX_PAYLOAD / 2);

/** `payload` cut at these places. */
function fragments(opcode: number, payload: Buffer, ...cuts: number[]): Buffer {
  const ends = [...cuts, payload.length];
  return join(
    ends.map((end, i) =>
      frame(i === 0 ? opcode : Opcode.continuation, payload.subarray(ends[i - 1] ?? 0, end), {
        isFinal: i === cuts.length,
      }),
    ),
  );
}

/** The head of a binary frame of that length, and no payload. */
function announced(length: bigint): Uint8Array {
  const head = Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
  head.writeBigUInt64BE(length, 2);
  return head;
}

const ALLOWED: [name: string, bytes: Uint8Array, ...outcome: string[]][] = [
  ['text has as many bytes as are allowed', frame(Opcode.text, LONGEST), text(LONGEST)],
  ['binary has as many bytes as are allowed', frame(Opcode.binary, LONGEST), binary(LONGEST)],
  ['two fragments have as many bytes as are allowed', fragments(Opcode.text, LONGEST, HALF), text(LONGEST)],
  ['four fragments have them', fragments(Opcode.binary, LONGEST, 1, HALF, MAX_PAYLOAD - 1), binary(LONGEST)],
  [
    'messages with as many bytes as are allowed follow each other',
    join([frame(Opcode.text, LONGEST), fragments(Opcode.text, LONGEST, HALF), frame(Opcode.text, LONGEST)]),
    ...Array<string>(3).fill(text(LONGEST)),
  ],
];

const TOO_MUCH: [name: string, bytes: Uint8Array][] = [
  ['text has one byte too many', frame(Opcode.text, OVER)],
  ['binary has one byte too many', frame(Opcode.binary, OVER)],
  ['two fragments have one byte too many', fragments(Opcode.text, OVER, HALF)],
  ['the last of many fragments has one byte too many', fragments(Opcode.binary, OVER, 1, 2, 3, MAX_PAYLOAD)],
  ['an unfinished fragment has one byte too many', frame(Opcode.text, OVER, MORE)],
  ['one byte too many is announced', announced(BigInt(MAX_PAYLOAD + 1))],
  ['four GiB are announced', announced(2n ** 32n)],
  ['more than four GiB are announced, which as 32 bits would be 5', announced(2n ** 32n + 5n)],
  ['the greatest length there is is announced', announced(2n ** 63n - 1n)],
];

/** In one TCP segment with a message. */
const TOGETHER: [name: string, bytes: Uint8Array, code: number, cause: string][] = [
  ['a reserved opcode', frame(3), 1002, Cause.frame],
  ['a message that is too long', announced(2n ** 32n), 1009, Cause.tooBig],
  ['text that is not UTF-8', frame(Opcode.text, Uint8Array.of(0xff)), 1007, Cause.utf8],
];

export const LIMITS: readonly Case[] = [
  ...ALLOWED.map(([name, bytes, ...outcome]) => stays('10.4', name, bytes, ...outcome)),
  ...TOO_MUCH.map(([name, bytes]) => fails('10.4', name, bytes, 1009, Cause.tooBig)),
  ...TOGETHER.map(
    ([name, bytes, code, cause]): Case => ({
      section: '7.1.7',
      name: `${name} comes in one TCP segment with a message`,
      send: [join([frame(Opcode.text, 'message'), bytes])],
      asked: [text('message'), `close ${code}`, 'end'],
      instead: { deviation: 'answers lost', outcome: ['end'] },
      onClose: `1006 "${cause}"`,
    }),
  ),
];
