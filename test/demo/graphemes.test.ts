import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reverseText } from '../../src/demo/graphemes.ts';

/** Each is what a reader sees as one character, and none grows together with a neighbour. */
const CLUSTERS = [
  'a',
  'Z',
  '7',
  ' ',
  '!',
  'é',
  'e\u0301', // a letter and a combining accent
  'o\u0302\u0323', // two marks
  'ß',
  'я',
  '字',
  '한',
  '\u1112\u1161\u11ab', // a Hangul syllable out of three letters
  'नि', // a consonant with a vowel sign
  'ก\u0e33', // a consonant with a sign that takes its own width
  '\r\n',
  '😀',
  '👍🏽', // a skin tone
  '👩‍👩‍👧‍👦', // joined people
  '🏳️‍🌈',
  '🇩🇪', // a flag: two letters
  '🇯🇵',
  '1️⃣', // a keycap
  '🏴󠁧󠁢󠁳󠁣󠁴󠁿', // a flag out of tags
];

const normalText = fc.array(fc.constantFrom(...CLUSTERS), { maxLength: 20 });

describe('reversing text', () => {
  it('keeps each character whole', () => {
    fc.assert(
      fc.property(normalText, (clusters) => {
        expect(reverseText(clusters.join(''))).toBe(clusters.toReversed().join(''));
      }),
      { numRuns: 500 },
    );
  });

  it('gives the text back when it is done twice', () => {
    fc.assert(
      fc.property(normalText, (clusters) => {
        const text = clusters.join('');
        expect(reverseText(reverseText(text))).toBe(text);
      }),
    );
  });

  it.each(CLUSTERS)('changes nothing when there is one character: %j', (cluster) => {
    expect(reverseText(cluster)).toBe(cluster);
  });

  it('loses and adds nothing, whatever the text is', () => {
    const sorted = (text: string): string[] => text.split('').sort();
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 50 }), (text) => {
        expect(sorted(reverseText(text))).toEqual(sorted(text));
      }),
    );
  });

  it('gives nothing for nothing, and one half of a pair as it is', () => {
    expect(reverseText('')).toBe('');
    expect(reverseText('a\ud83d')).toBe('\ud83da');
  });
});
