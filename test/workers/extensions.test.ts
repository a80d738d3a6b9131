/** What conformance cases send over the wire is in test/conformance/tables/offers.ts; here is what they cannot. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { selectExtension } from '../../src/workers/extensions.ts';

const NAME = 'permessage-deflate';

describe('the extension to agree on', () => {
  it('is none when there is no header', () => {
    expect(selectExtension('')).toBe('');
  });

  it('is compression when one of many offers can be met', () => {
    const offers = [...Array(200).fill(`${NAME}; server_max_window_bits=9`), NAME];
    expect(selectExtension(offers.join(', '))).toBe(NAME);
  });

  it('is none when a parameter has the name of something that every object has', () => {
    for (const parameter of ['__proto__', 'constructor', 'toString']) {
      expect(selectExtension(`${NAME}; ${parameter}`)).toBe('');
    }
  });

  it('is one of three things, and found without an exception, whatever the header is', () => {
    const piece = fc.constantFrom(NAME, 'client_max_window_bits', '=', '"', ';', ',', ' ', '9', '\\', 'x');
    const header = fc.oneof(
      fc.string(),
      fc.array(piece).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(header, (text) => {
        expect([NAME, '', null]).toContain(selectExtension(text));
      }),
    );
  });
});
