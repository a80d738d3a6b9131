import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Envelope, Envelopes, Kind } from '../../src/backplane/envelope.ts';

const KEY = 'a secret of sixteen or more';
const plain = new Envelopes(null);
const sealed = new Envelopes(KEY);

const envelopes = fc.record({
  kind: fc.constantFrom(...Object.values(Kind)),
  isBinary: fc.boolean(),
  compress: fc.boolean(),
  node: fc.stringMatching(/^[\w.-]{1,64}$/),
  stream: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  number: fc.maxSafeNat(),
  data: fc.uint8Array({ maxLength: 300 }).map((bytes): Uint8Array => Buffer.from(bytes)),
});

const message: Envelope = {
  kind: Kind.message,
  isBinary: false,
  compress: true,
  node: 'one',
  stream: 7n,
  number: 3,
  data: Buffer.from('hello'),
};

describe.each([
  ['without a key', plain],
  ['with a key', sealed],
])('an envelope %s', (_, made) => {
  it('comes out as it went in', () => {
    fc.assert(
      fc.property(envelopes, fc.string(), (envelope, channel) => {
        expect(made.open(channel, made.pack(channel, envelope))).toEqual(envelope);
      }),
    );
  });

  it('is refused when it is anything else, without reading beyond it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const opened = made.open('c', Buffer.from(bytes));
        if (opened) expect(opened.data.length).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });

  it.each([0, 1, 3, 19])('is refused when only %i of its bytes have come', (length) => {
    expect(made.open('c', made.pack('c', message).subarray(0, length))).toBeUndefined();
  });

  it('is refused when its node has no id, or one with other characters', () => {
    for (const node of ['', 'a b', 'ä', 'a\n']) {
      expect(made.open('c', made.pack('c', { ...message, node }))).toBeUndefined();
    }
  });

  it('is refused when its kind is none', () => {
    expect(made.open('c', made.pack('c', { ...message, kind: 9 as Kind }))).toBeUndefined();
  });

  it('is refused when its number is none that is exact', () => {
    const bytes = plain.pack('c', message);
    bytes.fill(0xff, 12, 20);
    expect(plain.open('c', bytes)).toBeUndefined();
  });
});

describe('a sealed envelope', () => {
  it('is refused when one bit of it is another', () => {
    const bytes = sealed.pack('c', message);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(sealed.open('c', changed)).toBeUndefined();
    }
  });

  it('is refused on another channel', () => {
    expect(sealed.open('d', sealed.pack('c', message))).toBeUndefined();
  });

  it('is refused by a node with another key, as is one without a seal', () => {
    expect(new Envelopes('another secret').open('c', sealed.pack('c', message))).toBeUndefined();
    expect(sealed.open('c', plain.pack('c', message))).toBeUndefined();
  });
});
