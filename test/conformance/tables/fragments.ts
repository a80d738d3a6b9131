/** RFC 6455 section 5.4: messages in fragments, whole and broken, and control frames between them. */
import { frame, Opcode } from '../../harness/frames.ts';
import { but, type Case, Cause, closes, fails, stays } from '../case.ts';
import { binary, pong, text } from '../outcome.ts';

const MORE = { isFinal: false };
const whole = (payload: string, opcode: number = Opcode.text): Buffer => frame(opcode, payload);
const start = (payload: string, opcode: number = Opcode.text): Buffer => frame(opcode, payload, MORE);
const middle = (payload: string): Buffer => frame(Opcode.continuation, payload, MORE);
const end = (payload: string): Buffer => frame(Opcode.continuation, payload);
const ping = (payload = ''): Buffer => frame(Opcode.ping, payload);
const times = (count: number, part: Buffer): Buffer[] => Array(count).fill(part);
const B = Opcode.binary;

const bytes = (letters: string): string => binary(Buffer.from(letters));

const COMPLETE: [name: string, frames: Buffer[], ...outcome: string[]][] = [
  ['text is in two fragments', [start('one '), end('two')], text('one two')],
  ['text is in three fragments', [start('1 '), middle('2 '), end('3')], text('1 2 3')],
  ['binary is in two fragments', [start('a', B), end('b')], bytes('ab')],
  ['the first fragment is empty', [start(''), end('x')], text('x')],
  ['a fragment in the middle is empty', [start('x'), middle(''), end('y')], text('xy')],
  ['the last fragment is empty', [start('x'), end('')], text('x')],
  ['all fragments are empty', [start(''), middle(''), end('')], text('')],
  ['all fragments of binary are empty', [start('', B), end('')], binary(Buffer.alloc(0))],
  [
    'there are a thousand fragments',
    [start('x'), ...times(998, middle('x')), end('x')],
    text('x'.repeat(1000)),
  ],
  ['there are a thousand empty fragments', [start('x'), ...times(998, middle('')), end('y')], text('xy')],
  [
    'one message in fragments follows another',
    [start('a'), end('b'), start('c'), end('d')],
    text('ab'),
    text('cd'),
  ],
  ['a whole message follows one in fragments', [start('a'), end('b'), whole('c')], text('ab'), text('c')],
  ['binary in fragments follows text', [whole('a'), start('b', B), end('c')], text('a'), bytes('bc')],
  ['a ping comes between fragments', [start('a'), ping('p'), end('b')], pong('p'), text('ab')],
  ['an empty ping comes between fragments', [start('a'), ping(), end('b')], pong(''), text('ab')],
  ['a pong comes between fragments', [start('a'), frame(Opcode.pong, 'p'), end('b')], text('ab')],
  ['a ping comes between empty fragments', [start(''), ping('p'), end('')], pong('p'), text('')],
  [
    'pings come around every fragment',
    [ping('1'), start('a'), ping('2'), middle('b'), ping('3'), end('c'), ping('4')],
    ...[pong('1'), pong('2'), pong('3'), text('abc'), pong('4')],
  ],
  [
    'the longest ping comes between fragments',
    [start('a'), ping('p'.repeat(125)), end('b')],
    pong('p'.repeat(125)),
    text('ab'),
  ],
];

const BROKEN: [name: string, frames: Buffer[]][] = [
  ['a final continuation has nothing to continue', [end('x')]],
  ['an unfinished continuation has nothing to continue', [middle('x')]],
  ['an empty continuation has nothing to continue', [end('')]],
  ['a continuation behind a ping has nothing to continue', [frame(Opcode.pong), end('x')]],
  ['a text frame comes within text', [start('a'), whole('b')]],
  ['a text frame comes within binary', [start('a', B), whole('b')]],
  ['a text frame comes after some fragments', [start('a'), middle('b'), whole('c')]],
  ['an unfinished text frame comes within text', [start('a'), start('b'), end('c')]],
  ['an unfinished text frame comes within binary', [start('a', B), start('b'), end('c')]],
  ['an empty text frame comes within empty fragments', [start(''), whole('')]],
];

const MESSAGE_WITHIN: [name: string, frames: Buffer[], ...taken: string[]][] = [
  ['a binary frame comes within text', [start('a'), whole('b', B)], bytes('ab')],
  ['a binary frame comes within binary', [start('a', B), whole('b', B)], bytes('ab')],
  ['an empty binary frame comes within text', [start('a'), whole('', B)], bytes('a')],
  ['an unfinished binary frame comes within text', [start('a'), start('b', B), end('c')], bytes('abc')],
  ['an unfinished binary frame comes within binary', [start('a', B), start('b', B), end('c')], bytes('abc')],
  ['text comes within text, behind a pong', [start('a'), frame(Opcode.pong), whole('b')], text('ab')],
  ['text comes within text, behind a ping', [start('a'), ping(), whole('b')], pong(''), text('ab')],
  ['text comes within binary, behind a ping', [start('a', B), ping(), whole('b')], pong(''), text('ab')],
  ['binary comes within text, behind a ping', [start('a'), ping(), whole('b', B)], pong(''), bytes('ab')],
];

const join = Buffer.concat;
const both = [start('a'), end('b')];

export const FRAGMENTS: readonly Case[] = [
  ...COMPLETE.map(([name, frames, ...outcome]) => stays('5.4', name, join(frames), ...outcome)),
  ...COMPLETE.filter(([, frames]) => frames.length < 9).map(([name, frames, ...outcome]) =>
    stays('5.4', `${name}, each frame in a TCP segment`, frames, ...outcome),
  ),
  ...BROKEN.map(([name, frames]) => fails('5.4', name, join(frames), 1002, Cause.frame)),
  ...MESSAGE_WITHIN.map(([name, frames, ...taken]) =>
    but(fails('5.4', name, join(frames), 1002, Cause.frame), 'message within a message', [...taken, 'open']),
  ),
  {
    ...fails('5.4', 'a continuation follows the end of a message', [join(both), end('c')], 1002, Cause.frame),
    asked: [text('first'), text('ab'), 'close 1002', 'end'],
    instead: { deviation: 'no close frame', outcome: [text('first'), text('ab'), 'end'] },
  },
  closes(
    '5.4',
    'a close frame comes between fragments',
    join([start('a'), frame(Opcode.close, Uint8Array.of(3, 232)), end('b')]),
    '1000',
  ),
];
