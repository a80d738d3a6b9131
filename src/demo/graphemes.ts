const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/**
 * Reverses text by what a reader sees as one character (a grapheme cluster, Unicode UAX #29), so that an emoji with a skin
 * tone, a flag, or a letter with a combining accent stays whole.
 */
export function reverseText(text: string): string {
  return Array.from(segmenter.segment(text), ({ segment }) => segment)
    .reverse()
    .join('');
}
