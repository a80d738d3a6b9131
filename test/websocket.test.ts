import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  assertCloseFrame,
  CloseCode,
  MAX_CLOSE_REASON_BYTES,
  MAX_CONTROL_PAYLOAD_BYTES,
} from '../src/websocket.ts';

/** RFC 6455 section 7.4.1 and the IANA registry of close codes, without those that never appear in a frame. */
const REGISTERED = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];
/** RFC 6455 section 7.4.2: for libraries and applications. */
const FIRST_OWN_CODE = 3000;
const LAST_OWN_CODE = 4999;

const maySend = (code: number, reason = ''): boolean => {
  try {
    assertCloseFrame(code, reason);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
};

describe('a close code', () => {
  it('may be sent when it is registered or for own use, and not otherwise', () => {
    for (let code = -1; code <= 0x10000; code++) {
      const expected = REGISTERED.includes(code) || (code >= FIRST_OWN_CODE && code <= LAST_OWN_CODE);
      if (maySend(code) !== expected) expect.fail(`${code} must ${expected ? '' : 'not '}be accepted`);
    }
  });

  it('may not be sent when it is not a whole number', () => {
    fc.assert(
      fc.property(fc.double({ min: 900, max: 5100, noInteger: true }), (code) => {
        expect(maySend(code)).toBe(false);
      }),
    );
    for (const code of [Number.NaN, Number.POSITIVE_INFINITY, '1000' as unknown as number])
      expect(maySend(code)).toBe(false);
  });

  it('is named in the error, with what may be sent', () => {
    expect(() => assertCloseFrame(1005, '')).toThrow(
      'close code 1005 may not be sent; give 1000 to 1003, 1007 to 1014, or 3000 to 4999',
    );
  });

  it('may be sent when this package sends it by itself', () => {
    for (const code of Object.values(CloseCode)) expect(maySend(code)).toBe(true);
  });
});

describe('a close reason', () => {
  it('fits in a control frame together with the two bytes of the code', () => {
    expect(MAX_CONTROL_PAYLOAD_BYTES).toBe(125);
    expect(MAX_CLOSE_REASON_BYTES).toBe(123);
  });

  it('is measured in bytes of UTF-8 when it has characters of several bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 130 }), (reason) => {
        expect(maySend(1000, reason)).toBe(new TextEncoder().encode(reason).length <= 123);
      }),
    );
    expect(maySend(1000, 'é'.repeat(61))).toBe(true);
    expect(maySend(1000, 'é'.repeat(62))).toBe(false);
  });

  it('is refused with its length when it is too long', () => {
    expect(maySend(1000, 'x'.repeat(123))).toBe(true);
    expect(() => assertCloseFrame(1000, 'x'.repeat(124))).toThrow(
      'close reason has 124 bytes; at most 123 fit',
    );
  });
});
