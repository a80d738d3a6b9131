/** RFC 6455 section 8.1: text is UTF-8, however its bytes are spread over frames and TCP segments. */
import { frame, Opcode } from '../../harness/frames.ts';
import { type Case, Cause, fails, stays } from '../case.ts';
import { text } from '../outcome.ts';

const MORE = { isFinal: false };
const VALID = 'κόσμε €👋🏽';
const BOUNDARIES = [
  0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfeff, 0xfffd, 0xfffe, 0xffff, 0x1_0000, 0x1_ffff, 0x10_fffe,
  0x10_ffff,
];

const INVALID: Record<string, readonly number[]> = {
  'the first continuation byte alone': [0x80],
  'the last continuation byte alone': [0xbf],
  'continuation bytes alone': [0x80, 0xbf, 0x80],
  'an overlong slash in two bytes': [0xc0, 0xaf],
  'the longest overlong form in two bytes': [0xc1, 0xbf],
  'an overlong slash in three bytes': [0xe0, 0x80, 0xaf],
  'the longest overlong form in three bytes': [0xe0, 0x9f, 0xbf],
  'an overlong slash in four bytes': [0xf0, 0x80, 0x80, 0xaf],
  'the longest overlong form in four bytes': [0xf0, 0x8f, 0xbf, 0xbf],
  'an overlong null': [0xc0, 0x80],
  'a form in five bytes': [0xf8, 0x88, 0x80, 0x80, 0x80],
  'a form in six bytes': [0xfc, 0x84, 0x80, 0x80, 0x80, 0x80],
  'the first high surrogate': [0xed, 0xa0, 0x80],
  'the last high surrogate': [0xed, 0xaf, 0xbf],
  'the first low surrogate': [0xed, 0xb0, 0x80],
  'the last low surrogate': [0xed, 0xbf, 0xbf],
  'a pair of surrogates': [0xed, 0xa0, 0xbd, 0xed, 0xb1, 0x8b],
  'the code point above U+10FFFF': [0xf4, 0x90, 0x80, 0x80],
  'a code point far above U+10FFFF': [0xf7, 0xbf, 0xbf, 0xbf],
  'the byte FE': [0xfe],
  'the byte FF': [0xff],
  'two of four bytes': [0xf0, 0x9f, 0x41],
  'three of four bytes': [0xf0, 0x9f, 0x91, 0x41],
  'one of two bytes': [0xc3, 0x41],
  'two of three bytes': [0xe2, 0x82, 0x41],
  'a sequence within a sequence': [0xe2, 0xc3, 0xa4, 0x82],
};

/** At the end of a message. */
const TRUNCATED: Record<string, readonly number[]> = {
  'one of two bytes': [0xc3],
  'one of three bytes': [0xe2],
  'two of three bytes': [0xe2, 0x82],
  'one of four bytes': [0xf0],
  'two of four bytes': [0xf0, 0x9f],
  'three of four bytes': [0xf0, 0x9f, 0x91],
};

const inFragments = (...parts: Uint8Array[]): Buffer =>
  Buffer.concat(
    parts.map((part, i) =>
      frame(i === 0 ? Opcode.text : Opcode.continuation, part, { isFinal: i === parts.length - 1 }),
    ),
  );

const positions = (bytes: Uint8Array): number[] => Array.from({ length: bytes.length - 1 }, (_, i) => i + 1);
const single = (bytes: Uint8Array): Uint8Array[] => Array.from(bytes, (byte) => Uint8Array.of(byte));
/** Header and mask of a short frame. */
const HEAD_BYTES = 6;
const inSegments = (bytes: Uint8Array, at: number): Uint8Array[] => {
  const whole = frame(Opcode.text, bytes);
  return [whole.subarray(0, HEAD_BYTES + at), whole.subarray(HEAD_BYTES + at)];
};

const valid = Buffer.from(VALID);
const accepted: Case[] = [
  stays('8.1', 'text has characters of every length', frame(Opcode.text, valid), text(VALID)),
  ...BOUNDARIES.map((code) => {
    const character = String.fromCodePoint(code);
    return stays(
      '8.1',
      `text has U+${code.toString(16).toUpperCase().padStart(4, '0')}`,
      frame(Opcode.text, `x${character}y`),
      text(`x${character}y`),
    );
  }),
  ...positions(valid).flatMap((at) => [
    stays(
      '8.1',
      `valid text is split over fragments after byte ${at}`,
      inFragments(valid.subarray(0, at), valid.subarray(at)),
      text(VALID),
    ),
    stays(
      '8.1',
      `valid text is split over TCP segments after byte ${at}`,
      inSegments(valid, at),
      text(VALID),
    ),
  ]),
  stays('8.1', 'every byte of valid text is a fragment', inFragments(...single(valid)), text(VALID)),
  stays(
    '8.1',
    'a ping comes within a character',
    Buffer.concat([
      frame(Opcode.text, valid.subarray(0, 1), MORE),
      frame(Opcode.ping),
      frame(Opcode.continuation, valid.subarray(1)),
    ]),
    'pong ""',
    text(VALID),
  ),
  stays(
    '8.1',
    'binary has bytes that are not UTF-8',
    frame(Opcode.binary, Uint8Array.of(0xc0, 0xff, 0xed, 0xa0, 0x80)),
    'binary c0ffeda080',
  ),
];

function refused(kind: string, bytes: Uint8Array): Case[] {
  const invalid = (how: string, send: Uint8Array | Uint8Array[]): Case =>
    fails('8.1', `text has ${kind}${how}`, send, 1007, Cause.utf8);
  return [
    invalid('', frame(Opcode.text, bytes)),
    ...positions(bytes).flatMap((at) => [
      invalid(
        `, split over fragments after byte ${at}`,
        inFragments(bytes.subarray(0, at), bytes.subarray(at)),
      ),
      invalid(`, split over TCP segments after byte ${at}`, inSegments(bytes, at)),
    ]),
    invalid(', every byte a fragment', inFragments(...single(bytes), new Uint8Array())),
  ];
}

const invalid = Object.entries(INVALID).flatMap(([kind, bytes]) =>
  refused(kind, Uint8Array.of(0x78, ...bytes, 0x79)),
);
const truncated = Object.entries(TRUNCATED).flatMap(([kind, bytes]) =>
  refused(`${kind} at its end`, Uint8Array.of(0x78, ...bytes)),
);
/** Checks that take many bytes at a time must not miss one. */
const amongAscii = [7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 1000].map((length) =>
  fails(
    '8.1',
    `${length} ASCII bytes stand before and after a byte that is not UTF-8`,
    frame(
      Opcode.text,
      Buffer.concat([Buffer.alloc(length, 'x'), Uint8Array.of(0xff), Buffer.alloc(length, 'y')]),
    ),
    1007,
    Cause.utf8,
  ),
);

export const UTF8: readonly Case[] = [...accepted, ...invalid, ...truncated, ...amongAscii];
