/** Holds docs/glossary.md to the code: what it points at exists. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { codeSpans, markdownTable } from './harness/markdown-table.ts';

const GLOSSARY = new URL('../docs/glossary.md', import.meta.url);
const BUILT = [
  'Threads and connections',
  'From a request to an end',
  'Shared memory',
  'Channels',
  'Nodes',
  'Offload',
];

const built = BUILT.flatMap((heading) => markdownTable(GLOSSARY, heading));
const words = built.map(([word = '']) => word);

describe.each(built)('the word %s', (_, meaning = '', where = '') => {
  it('is explained in one sentence', () => {
    expect(meaning).toMatch(/^[A-Z].*\.$/);
    expect(meaning).not.toMatch(/\. [A-Z]/);
  });

  it('is where the glossary says', () => {
    const [, target = ''] = /\]\((.+)\)$/.exec(where) ?? [];
    const text = readFileSync(new URL(target, GLOSSARY), 'utf8');
    for (const name of codeSpans(where)) expect(text).toMatch(new RegExp(`\\b${name}\\b`));
  });
});

it('explains no word twice', () => {
  expect(new Set(words).size).toBe(words.length);
});
