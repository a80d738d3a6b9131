/** RFC 6455 section 7.4: every close code there is, not only those at the edges, which tables/closing.ts has with reasons. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { closePayload, frame, Opcode } from '../harness/frames.ts';
import { ConformanceServer } from './conformance-server.ts';

const AT_ONCE = 100;
/** Of the codes from 5000 up, one of so many. */
const FEW = 251;

let server: ConformanceServer;
beforeAll(async () => {
  server = await ConformanceServer.start();
});
afterAll(async () => {
  expect(await server.close()).toEqual({ generations: [1], companion: 'unharmed' });
});

const codesOf = (from: number, to: number, step = 1): number[] =>
  Array.from({ length: Math.ceil((to - from + 1) / step) }, (_, i) => from + i * step);

it.each([
  ['sent back', 'they are defined by the RFC', [...codesOf(1000, 1003), ...codesOf(1007, 1011)], true],
  ['sent back', 'they are for private use', codesOf(4000, 4999), true],
  ['not sent back', 'they are too small', codesOf(0, 999), false],
  ['not sent back', 'they must not be sent', [1004, 1005, 1006, 1015], false],
  ['not sent back', 'they are not defined', codesOf(1016, 2999), false],
  // A deviation: "registered close codes" in deviations.ts.
  ['not sent back', 'they are registered', [...codesOf(1012, 1014), ...codesOf(3000, 3999)], false],
  ['not sent back', 'they are too great', codesOf(5000, 0xffff, FEW), false],
])('codes are %s when %s', async (_, __, codes, isSentBack) => {
  const failed: unknown[] = [];
  for (let at = 0; at < codes.length; at += AT_ONCE) {
    const batch = codes.slice(at, at + AT_ONCE).map(async (code) => {
      const { outcome, onClose } = await server.exchange([frame(Opcode.close, closePayload(code, 'bye'))]);
      const asked = isSentBack
        ? [`close ${code} "bye"`, 'end', `${code} "bye"`]
        : ['close', 'end', '1006 "Received invalid close payload"'];
      if (String([...outcome, onClose]) !== String(asked)) failed.push([code, outcome, onClose]);
    });
    await Promise.all(batch);
  }
  expect(failed).toEqual([]);
});
