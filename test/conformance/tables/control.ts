/** RFC 6455 section 5.5: control frames, pings and pongs. Close frames have a table of their own. */
import { frame, Opcode } from '../../harness/frames.ts';
import { type Case, Cause, fails, stays } from '../case.ts';
import { pong, text } from '../outcome.ts';

const KINDS = Object.entries({ ping: Opcode.ping, pong: Opcode.pong, close: Opcode.close });
const LENGTHS = [0, 1, 2, 4, 5, 64, 124, 125];
const TOO_LONG = [126, 127, 300, 65_535, 65_536];
const MORE = { isFinal: false };
/** A valid code, for close frames. */
const PAYLOAD = Uint8Array.of(3, 232);
const TWENTY = Array.from({ length: 20 }, (_, i) => `ping ${i}`);
const join = Buffer.concat;

const within = (control: Buffer): Buffer =>
  join([frame(Opcode.text, 'a', MORE), control, frame(Opcode.continuation, 'b')]);

export const CONTROL: readonly Case[] = [
  ...LENGTHS.flatMap((length) => {
    const payload = 'p'.repeat(length);
    return [
      stays('5.5.2', `a ping has ${length} bytes`, frame(Opcode.ping, payload), pong(payload)),
      stays('5.5.3', `a pong that nobody asked for has ${length} bytes`, frame(Opcode.pong, payload)),
    ];
  }),
  stays(
    '5.5.2',
    'a ping is not UTF-8',
    frame(Opcode.ping, Uint8Array.of(0xff, 0)),
    pong(Uint8Array.of(0xff, 0)),
  ),
  stays(
    '5.5.2',
    'many pings come at once',
    join(TWENTY.map((payload) => frame(Opcode.ping, payload))),
    ...TWENTY.map(pong),
  ),
  stays(
    '5.5.2',
    'pings come around a message',
    join([frame(Opcode.ping, '1'), frame(Opcode.text, 'x'), frame(Opcode.ping, '2')]),
    ...[pong('1'), text('x'), pong('2')],
  ),
  ...KINDS.flatMap(([name, opcode]) => [
    ...TOO_LONG.map((length) => {
      const tooLong = frame(opcode, Buffer.alloc(length, 'p'));
      return fails('5.5', `a ${name} has ${length} bytes`, tooLong, 1002, Cause.frame);
    }),
    fails('5.5', `an empty ${name} is a fragment`, frame(opcode, '', MORE), 1002, Cause.frame),
    fails('5.5', `a ${name} is a fragment`, frame(opcode, PAYLOAD, MORE), 1002, Cause.frame),
    fails(
      '5.5',
      `a ${name} between fragments is a fragment`,
      within(frame(opcode, PAYLOAD, MORE)),
      1002,
      Cause.frame,
    ),
    fails(
      '5.5',
      `a ${name} between fragments is too long`,
      within(frame(opcode, Buffer.alloc(126, 'p'))),
      1002,
      Cause.frame,
    ),
  ]),
];
