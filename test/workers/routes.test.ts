import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RouteError } from '../../src/errors.ts';
import { RouteTable } from '../../src/workers/routes.ts';

/** A table in which each pattern stands for itself. */
function tableOf(...patterns: string[]): RouteTable<string> {
  const table = new RouteTable<string>();
  for (const pattern of patterns) table.add(pattern, pattern);
  return table;
}

const found = (table: RouteTable<string>, path: string): string | undefined => table.match(path)?.value;

describe('a path', () => {
  it('prefers a literal to a parameter and a parameter to the rest, whatever was added first', () => {
    const patterns = ['/*', '/:a', '/chat', '/chat/*', '/chat/:room', '/chat/lobby'];
    for (const table of [tableOf(...patterns), tableOf(...patterns.toReversed())]) {
      expect(found(table, '/chat/lobby')).toBe('/chat/lobby');
      expect(found(table, '/chat/other')).toBe('/chat/:room');
      expect(found(table, '/chat/a/b')).toBe('/chat/*');
      expect(found(table, '/chat')).toBe('/chat');
      expect(found(table, '/other')).toBe('/:a');
      expect(found(table, '/other/a')).toBe('/*');
    }
  });

  it('falls back to a lesser pattern when the better one leads nowhere', () => {
    const table = tableOf('/a/b/c', '/a/:x/d', '/*');
    expect(found(table, '/a/b/c')).toBe('/a/b/c');
    expect(found(table, '/a/b/d')).toBe('/a/:x/d');
    expect(table.match('/a/b/e')).toEqual({ pattern: '/*', value: '/*', params: { '*': 'a/b/e' } });
  });

  it('is matched exactly, with its slashes', () => {
    const table = tableOf('/', '/a', '/b/', '/c/*');
    expect(['/', '/a', '/b/', '/c/', '/c/d'].map((path) => found(table, path))).toEqual([
      '/',
      '/a',
      '/b/',
      '/c/*',
      '/c/*',
    ]);
    for (const path of ['', 'a', '//', '/a/', '/b', '/c', '/A', '/%61']) expect(table.match(path)).toBeNull();
  });

  it('has no match when a parameter would be empty', () => {
    const table = tableOf('/chat/:room');
    expect(table.match('/chat/')).toBeNull();
    expect(table.match('/chat')).toBeNull();
  });
});

describe('parameters', () => {
  it('are decoded', () => {
    expect(tableOf('/:a/:b').match('/caf%C3%A9/a%2Fb')?.params).toEqual({ a: 'café', b: 'a/b' });
    expect(tableOf('/files/*').match('/files/a%20b//c/')?.params).toEqual({ '*': 'a b//c/' });
    expect(tableOf('/:a').match('/a+b')?.params).toEqual({ a: 'a+b' });
  });

  it('keep their names when the names are those of an object', () => {
    const params = tableOf('/:__proto__/:constructor').match('/a/b')?.params;
    expect(Object.entries(params ?? {})).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
    expect(tableOf('/:a').match('/x')?.params).not.toHaveProperty('toString');
  });

  it.each(['/%', '/%zz', '/%ff', '/a%2'])(
    'throw URIError when they are not valid percent-encoding: %s',
    (path) => {
      expect(() => tableOf('/:a').match(path)).toThrow(URIError);
    },
  );

  it('belong to the pattern that matched when patterns name them differently', () => {
    const table = tableOf('/:a/x', '/:b/y');
    expect(table.match('/1/x')?.params).toEqual({ a: '1' });
    expect(table.match('/1/y')?.params).toEqual({ b: '1' });
  });
});

describe('a pattern', () => {
  it.each([
    ['', 'does not start with "/"'],
    ['chat', 'does not start with "/"'],
    ['/*/a', 'at the end only'],
    ['/a*', 'must be a whole segment'],
    ['/:', 'is not a parameter name'],
    ['/:a-b', 'is not a parameter name'],
    ['/:a*', 'is not a parameter name'],
    ['/:a/:a', 'names ":a" twice'],
  ])('is refused and quoted when it is wrong: "%s"', (pattern, why) => {
    expect(() => tableOf(pattern)).toThrow(RouteError);
    expect(() => tableOf(pattern)).toThrow(`"${pattern}"`);
    expect(() => tableOf(pattern)).toThrow(why);
  });

  it.each([
    ['/', '/'],
    ['/a', '/a'],
    ['/a/:x', '/a/:y'],
    ['/a/*', '/a/*'],
  ])('is refused when its place is taken: %s and %s', (first, second) => {
    const table = tableOf(first);
    expect(() => table.add(second, 'other')).toThrow(`path "${second}" is taken`);
    expect(found(table, first.replace(/:\w+/, 'v'))).toBe(first);
  });

  it('leaves nothing behind when it is refused', () => {
    const table = tableOf('/a/b');
    expect(() => table.add('/a/:x/b*', 'wrong')).toThrow(RouteError);
    expect(table.match('/a/c/b')).toBeNull();
    expect(found(table, '/a/b')).toBe('/a/b');
  });
});

describe('any table', () => {
  const segment = fc.constantFrom('a', 'b', '%61', '', ':x', ':y');
  const pattern = fc
    .tuple(
      fc.uniqueArray(segment, { selector: (s) => (s.startsWith(':') ? s : Symbol()), maxLength: 4 }),
      fc.boolean(),
    )
    .map(([segments, hasRest]) => `/${[...segments, ...(hasRest ? ['*'] : [])].join('/')}`);
  const path = fc
    .array(fc.constantFrom('a', 'b', 'c', '%61', ''), { maxLength: 5 })
    .map((s) => `/${s.join('/')}`);

  /** 0 literal, 1 parameter, 2 rest: the smallest text of ranks is the best match. */
  const rank = (text: string): string =>
    text.replace(/[^/]+|(?<=\/)(?=\/|$)/g, (s) => (s === '*' ? '2' : s.startsWith(':') ? '1' : '0'));

  function naiveMatch(patterns: readonly string[], text: string) {
    const matches = patterns.flatMap((value) => {
      const source = value
        .slice(1)
        .replace(/:(\w+)/g, '(?<$1>[^/]+)')
        .replace(/\*$/, '(?<rest>.*)');
      const match = new RegExp(`^/${source}$`).exec(text);
      if (!match) return [];
      const named = Object.entries(match.groups ?? {}).map(
        ([name, raw]) => [name === 'rest' ? '*' : name, decodeURIComponent(raw)] as const,
      );
      return [{ pattern: value, value, params: Object.fromEntries(named) }];
    });
    return matches.sort((a, b) => (rank(a.value) < rank(b.value) ? -1 : 1))[0] ?? null;
  }

  it('matches as trying every pattern does', () => {
    fc.assert(
      fc.property(
        fc.array(pattern, { maxLength: 12 }),
        fc.array(path, { minLength: 1, maxLength: 20 }),
        (all, paths) => {
          const table = new RouteTable<string>();
          const added = all.filter((value) => {
            try {
              table.add(value, value);
              return true;
            } catch (error) {
              expect((error as Error).message).toMatch(/is taken$/);
              return false;
            }
          });
          for (const text of paths) expect(table.match(text)).toEqual(naiveMatch(added, text));
        },
      ),
      { numRuns: 500 },
    );
  });
});
