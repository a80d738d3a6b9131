/** Holds the table of limits in docs/operations.md to the code. */
import { describe, expect, it } from 'vitest';
import { OPTIONS } from '../src/config.ts';
import { COUNTERS } from '../src/shared/layout.ts';
import { codeSpans, markdownTable } from './harness/markdown-table.ts';

const rows = markdownTable(new URL('../docs/operations.md', import.meta.url), 'Limits');

describe.each(rows)(
  'the limit %s',
  (option = '', _counts = '', standard = '', _client = '', counters = '') => {
    const [name = ''] = codeSpans(option);

    it('is an option', () => {
      expect(Object.keys(OPTIONS)).toContain(name);
    });

    it('is off where its default is 0, and nowhere else', () => {
      const { fallback } = OPTIONS[name as keyof typeof OPTIONS];
      expect(standard === 'off').toBe(fallback === 0);
    });

    it('has counters that there are', () => {
      expect(codeSpans(counters).length).toBeGreaterThan(0);
      for (const counter of codeSpans(counters)) expect(COUNTERS).toContain(counter);
    });
  },
);
