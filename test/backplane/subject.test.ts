import fc from 'fast-check';
import { expect, it } from 'vitest';
import { channelOf, subjectOf } from '../../src/backplane/subject.ts';

const names = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });

it('gives every channel a subject without spaces, dots and wildcards, and the channel back', () => {
  fc.assert(
    fc.property(names, (name) => {
      const subject = subjectOf('p.c', name);
      expect(subject).toMatch(/^p\.c\.[\w-]+$/);
      expect(channelOf('p.c', subject)).toBe(name);
    }),
  );
});

it.each(['a.b', '*', '>', 'a b', '\r\nPUB x 1', '../', '$SYS'])(
  'takes %j for a name like any other',
  (name) => {
    expect(channelOf('p', subjectOf('p', name))).toBe(name);
  },
);

it.each(['p', 'p.', 'q.YQ', 'p.Y Q', 'p.YQ==', 'p.YR', 'p.gA'])(
  'knows no channel for the subject %j',
  (subject) => {
    expect(channelOf('p', subject)).toBeUndefined();
  },
);

it('takes no name that is longer than a channel may have', () => {
  expect(channelOf('p', subjectOf('p', 'x'.repeat(255)))).toBeDefined();
  expect(channelOf('p', subjectOf('p', 'x'.repeat(256)))).toBeUndefined();
});
