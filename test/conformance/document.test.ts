/** Holds docs/conformance.md to the tables, and the tables to their own rules. */
import { describe, expect, it } from 'vitest';
import { markdownTable } from '../harness/markdown-table.ts';
import { DEVIATIONS } from './deviations.ts';
import { CLOSING } from './tables/closing.ts';
import { CONTROL } from './tables/control.ts';
import { DEFLATE } from './tables/deflate.ts';
import { FRAGMENTS } from './tables/fragments.ts';
import { FRAMING, RSV1_ALONE } from './tables/framing.ts';
import { HANDSHAKE } from './tables/handshake.ts';
import { LIMITS } from './tables/limits.ts';
import { OFFERS } from './tables/offers.ts';
import { UTF8 } from './tables/utf8.ts';

const DOCUMENT = new URL('../../docs/conformance.md', import.meta.url);
const TABLES = {
  framing: [...FRAMING, ...RSV1_ALONE],
  fragments: FRAGMENTS,
  control: CONTROL,
  utf8: UTF8,
  closing: CLOSING,
  limits: LIMITS,
  handshake: HANDSHAKE,
  offers: OFFERS,
  deflate: DEFLATE,
};
const ALL = Object.values(TABLES).flat();
const LEAST_CASES = 200;

it('lists the same deviations in docs/conformance.md and in the tables, in the same words and order', () => {
  const listed = Object.entries(DEVIATIONS).map(([name, { section, asked, instead }]) => [
    name,
    section,
    asked,
    instead,
  ]);
  expect(markdownTable(DOCUMENT, 'Deviations')).toEqual(listed);
});

it('shows every deviation in a case, and has no deviation that is not listed', () => {
  const shown = new Set(ALL.flatMap(({ instead }) => (instead ? [instead.deviation] : [])));
  expect([...shown].sort()).toEqual(Object.keys(DEVIATIONS).sort());
});

it('says of a case that it deviates only when what happens is not what is asked', () => {
  expect(ALL.filter(({ asked, instead }) => instead && `${asked}` === `${instead.outcome}`)).toEqual([]);
});

describe.each(Object.entries(TABLES))('the table %s', (_, cases) => {
  it('has a section of an RFC in every case', () => {
    for (const { section } of cases) expect(section).toMatch(/^(RFC 6455, )?\d+(\.\d+)*$/);
  });

  it('has no case twice', () => {
    const names = cases.map(({ section, name }) => `${section} ${name}`);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });
});

it('has many cases, not counted once more for each setting of compression', () => {
  expect(ALL.length).toBeGreaterThan(LEAST_CASES);
});
