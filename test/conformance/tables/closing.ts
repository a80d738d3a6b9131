/** RFC 6455 sections 5.5.1, 7.1 and 7.4: close frames, their codes and reasons. */
import { closePayload, frame, Opcode } from '../../harness/frames.ts';
import { but, type Case, Cause, closes, fails, stays } from '../case.ts';
import { text } from '../outcome.ts';

const close = (code: number, reason: string | Uint8Array = ''): Buffer =>
  frame(Opcode.close, closePayload(code, reason));
const join = Buffer.concat;
const LONGEST = 'r'.repeat(123);
const LONGEST_WIDE = `${'ä'.repeat(61)}r`;

/** RFC 6455 section 7.4.1, the IANA registry, and 4000 to 4999 for private use. */
const VALID = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 4000, 4001, 4500, 4998, 4999];
const REGISTERED = [1012, 1013, 1014, 3000, 3001, 3500, 3998, 3999];
const INVALID = [
  0, 1, 2, 125, 255, 256, 500, 998, 999, 1004, 1005, 1006, 1015, 1016, 1017, 1099, 1100, 1999, 2000, 2001,
  2500, 2998, 2999, 5000, 5001, 9999, 0x7fff, 0x8000, 0xfffe, 0xffff,
];
const LOST = `1006 "${Cause.close}"`;

const codes: Case[] = [
  ...VALID.flatMap((code) => [
    closes('7.4', `the code is ${code}`, close(code), `${code}`),
    closes('7.4', `the code is ${code} and there is a reason`, close(code, 'bye'), `${code} "bye"`),
  ]),
  ...REGISTERED.flatMap((code) => [
    but(
      closes('7.4.2', `the code is ${code}`, close(code), `${code}`),
      'registered close codes',
      ['close', 'end'],
      LOST,
    ),
    but(
      closes('7.4.2', `the code is ${code} and there is a reason`, close(code, 'bye'), `${code} "bye"`),
      'registered close codes',
      ['close', 'end'],
      LOST,
    ),
  ]),
  ...INVALID.map((code) =>
    but(
      fails('7.4', `the code is ${code}`, close(code), 1002, Cause.close),
      'close frame without a code',
      ['close', 'end'],
      LOST,
    ),
  ),
];

const payloads: Case[] = [
  closes('5.5.1', 'there is no code', frame(Opcode.close), ''),
  but(
    fails('5.5.1', 'the payload is one byte', frame(Opcode.close, Uint8Array.of(3)), 1002, Cause.close),
    'half a close code',
    ['close', 'end'],
    '1005',
  ),
  closes('5.5.1', 'the reason is as long as it can be', close(1000, LONGEST), `1000 "${LONGEST}"`),
  closes(
    '5.5.1',
    'the reason is as long as it can be and not ASCII',
    close(1000, LONGEST_WIDE),
    `1000 "${LONGEST_WIDE}"`,
  ),
  closes('5.5.1', 'the reason is one byte', close(1000, 'r'), '1000 "r"'),
  closes('5.5.1', 'the reason has a null', close(1000, 'a\0b'), '1000 "a\\u0000b"'),
  fails('5.5.1', 'the reason is one byte too long', close(1000, `${LONGEST}r`), 1002, Cause.frame),
  ...Object.entries({
    'a byte that never occurs': [0xff],
    'an overlong form': [0xc0, 0xaf],
    'a surrogate': [0xed, 0xa0, 0x80],
    'a code point above U+10FFFF': [0xf4, 0x90, 0x80, 0x80],
    'a sequence that is cut short': [0x78, 0xf0, 0x9f, 0x91],
  }).map(([kind, bytes]) =>
    but(
      fails('8.1', `the reason has ${kind}`, close(1000, Uint8Array.from(bytes)), 1007, Cause.close),
      'close frame without a code',
      ['close', 'end'],
      LOST,
    ),
  ),
];

const after: Case[] = [
  closes(
    '5.5.1',
    'a message follows the close frame',
    join([close(1000), frame(Opcode.text, 'late')]),
    '1000',
  ),
  closes(
    '5.5.1',
    'a message follows the close frame in another TCP segment',
    [close(1000), frame(Opcode.text, 'late')],
    '1000',
  ),
  closes('5.5.1', 'a ping follows the close frame', join([close(1000), frame(Opcode.ping, 'late')]), '1000'),
  closes('5.5.1', 'a second close frame follows the first', join([close(1000), close(1001)]), '1000'),
  closes(
    '5.5.1',
    'bytes that are no frame follow the close frame',
    join([close(1000), Buffer.alloc(50, 0xff)]),
    '1000',
  ),
  closes(
    '7.1.1',
    'a message comes before the close frame',
    join([frame(Opcode.text, 'early'), close(1000)]),
    '1000',
    text('early'),
  ),
  ...[1, 2, 5, 6, 7, 8, 10].map((at) => {
    const bytes = close(1000, 'bye');
    return closes(
      '7.1.1',
      `the close frame is split over TCP segments after byte ${at}`,
      [bytes.subarray(0, at), bytes.subarray(at)],
      '1000 "bye"',
    );
  }),
];

/** The server closes; a ping must be answered until the client's own close frame has come (section 5.5.2). */
const byServer: Case = but(
  stays('7.1.1', 'the server closes first', frame(Opcode.text, 'please close'), 'close 4000 "bye"'),
  'no wait for the close frame of the client',
  ['close 4000 "bye"', 'end'],
  '4000 "bye"',
);

export const CLOSING: readonly Case[] = [...codes, ...payloads, ...after, byServer];
