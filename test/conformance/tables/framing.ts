/** RFC 6455 sections 5.1 to 5.3: lengths, masks, reserved bits, opcodes. */
import { randomBytes } from 'node:crypto';
import { frame, Opcode } from '../../harness/frames.ts';
import { but, type Case, Cause, fails, type Outcome, stays } from '../case.ts';
import { binary, pong, text } from '../outcome.ts';

/** Around the edges of each form of length, and of what is unmasked four or eight bytes at a time. */
export const LENGTHS = [0, 1, 2, 3, 4, 5, 7, 8, 124, 125, 126, 127, 128, 65_534, 65_535, 65_536, 65_537];

const lengths = LENGTHS.flatMap((length): Case[] => {
  const letters = 'abcdefg'.repeat(length / 7 + 1).slice(0, length);
  const bytes = randomBytes(length);
  return [
    stays('5.2', `text has ${length} bytes`, frame(Opcode.text, letters), text(letters)),
    stays('5.2', `binary has ${length} bytes`, frame(Opcode.binary, bytes), binary(bytes)),
  ];
});

/** A length that is said in more bytes than it needs. */
const longer = (name: string, payload: string, lengthBytes: 2 | 8): Case =>
  but(fails('5.2', name, frame(Opcode.text, payload, { lengthBytes }), 1002, Cause.frame), 'longer lengths', [
    text(payload),
    'open',
  ]);

const forms: Case[] = [
  longer('a length under 126 is said in two bytes', 'hello', 2),
  longer('a length of 125 is said in two bytes', 'x'.repeat(125), 2),
  longer('a length under 126 is said in eight bytes', 'hello', 8),
  longer('a length of 0 is said in two bytes', '', 2),
  longer('a length of 0 is said in eight bytes', '', 8),
  longer('a length under 65536 is said in eight bytes', 'x'.repeat(300), 8),
  longer('a length of 65535 is said in eight bytes', 'x'.repeat(65_535), 8),
  fails(
    '5.2',
    'the highest bit of a length of eight bytes is set',
    Uint8Array.of(0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4),
    1002,
    Cause.tooBig,
  ),
  fails(
    '5.2',
    'a length has all 64 bits set',
    Uint8Array.of(0x82, 0xff, ...Array(8).fill(0xff), 1, 2, 3, 4),
    1002,
    Cause.tooBig,
  ),
];

const masks = [
  [0, 0, 0, 0],
  [0xff, 0xff, 0xff, 0xff],
  [0x80, 0, 0, 1],
  [1, 2, 3, 4],
].flatMap((mask): Case[] =>
  [1, 5, 126, 66_000].map((length) => {
    const letters = 'stuvwxyz-'.repeat(length / 9 + 1).slice(0, length);
    const shape = { mask: Uint8Array.from(mask) };
    return stays(
      '5.3',
      `${length} bytes are masked with ${Buffer.from(mask).toString('hex')}`,
      frame(Opcode.text, letters, shape),
      text(letters),
    );
  }),
);

/** Four zero bytes follow the frame, so that taking the first four of its payload for the mask leaves no rest. */
function unmasked(
  name: string,
  opcode: number,
  payload: Uint8Array,
  outcome: Outcome,
  onClose?: string,
): Case {
  const bytes = Buffer.concat([frame(opcode, payload, { isMasked: false }), Buffer.alloc(4)]);
  const original = fails('5.1', name, bytes, 1002, Cause.frame);
  return but(original, 'unmasked frames', outcome, onClose);
}
const ZEROS_AND = (rest: string): Buffer => Buffer.concat([Buffer.alloc(4), Buffer.from(rest)]);

const masking: Case[] = [
  unmasked('a text frame is not masked', Opcode.text, ZEROS_AND('text'), [text('text\0\0\0\0'), 'open']),
  unmasked('a short text frame is not masked', Opcode.text, Buffer.alloc(1), ['text "\\u0000"', 'open']),
  unmasked('an empty text frame is not masked', Opcode.text, Buffer.alloc(0), ['text ""', 'open']),
  unmasked('a binary frame is not masked', Opcode.binary, ZEROS_AND('b'), ['binary 6200000000', 'open']),
  unmasked('a ping is not masked', Opcode.ping, ZEROS_AND('p'), [pong('p\0\0\0\0'), 'open']),
  unmasked('a pong is not masked', Opcode.pong, ZEROS_AND('p'), ['open']),
  unmasked('an empty close frame is not masked', Opcode.close, Buffer.alloc(0), ['close', 'end'], '1005'),
];

const withReserved = (bits: number): Case[] =>
  Object.entries({
    text: Opcode.text,
    binary: Opcode.binary,
    ping: Opcode.ping,
    pong: Opcode.pong,
    close: Opcode.close,
  }).map(([name, opcode]) =>
    fails(
      '5.2',
      `a ${name} frame has the reserved bits ${bits.toString(2).padStart(3, '0')}`,
      frame(opcode, '', { reserved: bits }),
      1002,
      Cause.frame,
    ),
  );

/** Not with permessage-deflate, which gives RSV1 a meaning. */
export const RSV1_ALONE: readonly Case[] = withReserved(4);
const reserved = [1, 2, 3, 5, 6, 7].flatMap(withReserved);

const opcodes = [3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf].flatMap((opcode): Case[] => [
  fails('5.2', `an empty frame has the opcode ${opcode}`, frame(opcode), 1002, Cause.frame),
  fails(
    '5.2',
    `a frame with a payload has the opcode ${opcode}`,
    frame(opcode, 'payload'),
    1002,
    Cause.frame,
  ),
  fails(
    '5.2',
    `an unfinished frame has the opcode ${opcode}`,
    frame(opcode, 'p', { isFinal: false }),
    1002,
    Cause.frame,
  ),
]);

const every = Buffer.concat([
  frame(Opcode.text, 'split'),
  frame(Opcode.ping, 'p'),
  frame(Opcode.binary, new Uint8Array(130)),
]);
const pieces = Array.from({ length: 40 }, (_, i) =>
  stays(
    '5.2',
    `frames are split over TCP segments after byte ${i + 1}`,
    [every.subarray(0, i + 1), every.subarray(i + 1)],
    text('split'),
    pong('p'),
    binary(new Uint8Array(130)),
  ),
);
const bytewise = stays(
  '5.2',
  'every byte of frames has its TCP segment',
  Array.from(frame(Opcode.text, 'bytes'), (byte) => Uint8Array.of(byte)),
  text('bytes'),
);

export const FRAMING: readonly Case[] = [
  ...lengths,
  ...forms,
  ...masks,
  ...masking,
  ...reserved,
  ...opcodes,
  ...pieces,
  bytewise,
];
