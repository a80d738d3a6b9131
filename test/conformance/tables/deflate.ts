/** RFC 7692 section 7.2: messages on a connection that has negotiated permessage-deflate. */
import { randomBytes } from 'node:crypto';
import { closePayload, frame, Opcode } from '../../harness/frames.ts';
import { but, type Case, Cause, fails, stays } from '../case.ts';
import { MAX_PAYLOAD } from '../conformance-server.ts';
import { compressedFrame, deflated, RSV1, TAIL } from '../deflate.ts';
import { binary, pong, text } from '../outcome.ts';

const MORE = { isFinal: false };
const COMPRESSED = { reserved: RSV1 };
const { text: T, binary: B, continuation } = Opcode;
const join = Buffer.concat;
const hex = (bytes: string): Buffer => Buffer.from(bytes.replaceAll(' ', ''), 'hex');
/** "Hello", of section 7.2.3.1. */
const HELLO = hex('f2 48 cd c9 c9 07 00');
const UNFINISHED = { ...COMPRESSED, ...MORE };

const NOISE = randomBytes(1000);
const LONGEST = Buffer.alloc(MAX_PAYLOAD, 'compressible ');
const REPEATED = 'what was said before can be said again';

/** In fragments, cut at every place in turn. */
const SPLIT = Array.from({ length: HELLO.length + 1 }, (_, at): [string, Buffer[], string] => [
  `a compressed message is in two fragments, cut after byte ${at}`,
  [frame(T, HELLO.subarray(0, at), UNFINISHED), frame(continuation, HELLO.subarray(at))],
  text('Hello'),
]);

const ACCEPTED: [name: string, frames: Buffer[], ...outcome: string[]][] = [
  ['text is compressed in one block', [frame(T, HELLO, COMPRESSED)], text('Hello')],
  ['binary is compressed', [frame(B, HELLO, COMPRESSED)], binary(Buffer.from('Hello'))],
  [
    'text is in a block that is not compressed',
    [frame(T, hex('00 05 00 fa ff 48 65 6c 6c 6f 00'), COMPRESSED)],
    text('Hello'),
  ],
  [
    'text is in two blocks',
    [frame(T, hex('f2 48 05 00 00 00 ff ff ca c9 c9 07 00'), COMPRESSED)],
    text('Hello'),
  ],
  ['an empty message is the byte 00', [frame(T, hex('00'), COMPRESSED)], text('')],
  ['an empty message is an empty block', [frame(T, hex('02 00'), COMPRESSED)], text('')],
  ['an empty binary message is the byte 00', [frame(B, hex('00'), COMPRESSED)], binary(Buffer.alloc(0))],
  ['the tail of the data is left in place', [frame(T, join([HELLO, TAIL]), COMPRESSED)], text('Hello')],
  ['text is not ASCII', [compressedFrame(T, 'κόσμε 👋')], text('κόσμε 👋')],
  ['data cannot be made shorter', [compressedFrame(B, NOISE)], binary(NOISE)],
  ['a message is as long as it may be when it is inflated', [compressedFrame(T, LONGEST)], text(LONGEST)],
  ['a message is not compressed', [frame(T, 'plain')], text('plain')],
  ['an empty message is not compressed', [frame(T, '')], text('')],
  [
    'messages are compressed and not compressed in turn',
    [frame(T, 'plain'), compressedFrame(T, 'deflated'), frame(B, '1'), compressedFrame(B, '2')],
    ...[text('plain'), text('deflated'), binary(Buffer.from('1')), binary(Buffer.from('2'))],
  ],
  [
    'the same message comes twice, each in a context of its own',
    [compressedFrame(T, REPEATED), compressedFrame(T, REPEATED)],
    ...[text(REPEATED), text(REPEATED)],
  ],
  [
    'a ping comes between compressed fragments',
    [
      frame(T, HELLO.subarray(0, 3), UNFINISHED),
      frame(Opcode.ping, 'p'),
      frame(continuation, HELLO.subarray(3)),
    ],
    ...[pong('p'), text('Hello')],
  ],
  [
    'every byte of compressed data is a fragment',
    [
      frame(T, '', UNFINISHED),
      ...Array.from(HELLO, (byte) => frame(continuation, Uint8Array.of(byte), MORE)),
      frame(continuation, ''),
    ],
    text('Hello'),
  ],
  ...SPLIT,
];

/** "Hello" in a block that is marked as the last, section 7.2.3.4. */
const LAST_BLOCK = hex('f3 48 cd c9 c9 07 00 00');
/** RSV1 where the first fragment, an empty one, has not said that the message is compressed. */
const LATE_RSV1 = join([frame(T, '', MORE), frame(continuation, HELLO, COMPRESSED)]);

const REFUSED: [name: string, bytes: Buffer, code: 1002 | 1007 | 1009, cause: string][] = [
  [
    'a continuation has RSV1',
    join([frame(T, HELLO.subarray(0, 3), UNFINISHED), frame(continuation, HELLO.subarray(3), COMPRESSED)]),
    1002,
    Cause.frame,
  ],
  ['RSV1 is set and RSV2 too', frame(T, HELLO, { reserved: 6 }), 1002, Cause.frame],
  ['RSV1 is set and RSV3 too', frame(T, HELLO, { reserved: 5 }), 1002, Cause.frame],
  ['a block is of the type that is reserved', frame(T, hex('07 00'), COMPRESSED), 1007, Cause.inflation],
  [
    'the lengths of a block contradict each other',
    frame(T, hex('00 05 00 00 00 48'), COMPRESSED),
    1007,
    Cause.inflation,
  ],
  ['data is no deflate data', frame(B, Buffer.alloc(50, 0xff), COMPRESSED), 1007, Cause.inflation],
  [
    'data points to before its beginning',
    frame(T, deflated(REPEATED, REPEATED), COMPRESSED),
    1007,
    Cause.inflation,
  ],
  ['compressed text is not UTF-8', compressedFrame(T, Uint8Array.of(0x78, 0xff)), 1007, Cause.utf8],
  [
    'compressed text ends within a character',
    compressedFrame(T, Uint8Array.of(0xe2, 0x82)),
    1007,
    Cause.utf8,
  ],
  ['compressed text has a surrogate', compressedFrame(T, Uint8Array.of(0xed, 0xa0, 0x80)), 1007, Cause.utf8],
  [
    'a message is one byte too long when it is inflated',
    compressedFrame(B, Buffer.alloc(MAX_PAYLOAD + 1)),
    1009,
    Cause.inflation,
  ],
  [
    'a message is far too long when it is inflated',
    compressedFrame(B, Buffer.alloc(40 * MAX_PAYLOAD)),
    1009,
    Cause.inflation,
  ],
  [
    'a message is too long before it is inflated',
    compressedFrame(B, randomBytes(MAX_PAYLOAD)),
    1009,
    Cause.tooBig,
  ],
];

const CONTROL: [name: string, control: Buffer, outcome: string[], onClose?: string][] = [
  ['ping', frame(Opcode.ping, 'p', COMPRESSED), [pong('p'), 'open']],
  ['pong', frame(Opcode.pong, 'p', COMPRESSED), ['open']],
  ['close frame', frame(Opcode.close, closePayload(1000), COMPRESSED), ['close 1000', 'end'], '1000'],
];

export const DEFLATE: readonly Case[] = [
  ...ACCEPTED.map(([name, frames, ...outcome]) => stays('7.2', name, join(frames), ...outcome)),
  but(
    stays('7.2.3.4', 'a block is marked as the last', frame(T, LAST_BLOCK, COMPRESSED), text('Hello')),
    'last blocks',
    ['end'],
    `1006 "${Cause.inflation}"`,
  ),
  but(
    fails('6.1', 'a continuation has RSV1 and the first fragment has not', LATE_RSV1, 1002, Cause.frame),
    'RSV1 on continuations',
    [text('Hello'), 'open'],
  ),
  ...REFUSED.map(([name, bytes, code, cause]) => fails('7.2', name, bytes, code, cause)),
  ...CONTROL.map(([name, control, outcome, onClose]) =>
    but(
      fails('6', `a ${name} has RSV1`, control, 1002, Cause.frame),
      'RSV1 on control frames',
      outcome,
      onClose,
    ),
  ),
];
