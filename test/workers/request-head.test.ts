import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RequestHead } from '../../src/workers/request-head.ts';
import { type FakeRequest, fakeRequest } from '../harness/fake-request.ts';

const headOf = (content: FakeRequest): RequestHead => new RequestHead(fakeRequest(content).request);

describe('the head of a request', () => {
  it('has the method, the path and the query as they were sent', () => {
    const head = headOf({ method: 'pOsT', path: '/a%20b', query: 'x=1&y=%20' });
    expect(head).toMatchObject({ method: 'pOsT', path: '/a%20b', queryText: 'x=1&y=%20' });
    expect(head.url).toBe('/a%20b?x=1&y=%20');
    expect(headOf({ path: '/a' }).url).toBe('/a');
  });

  it('stays whole when uWebSockets.js has taken the request back', () => {
    const { request, end } = fakeRequest({ path: '/a', query: 'b', headers: [['x', '1']] });
    const head = new RequestHead(request);
    end();
    expect(() => request.getUrl()).toThrow();
    expect(head.url).toBe('/a?b');
    expect(head.header('x')).toBe('1');
    expect(head.count('x')).toBe(1);
    expect(head.headers.get('x')).toBe('1');
    expect(head.method).toBe('GET');
  });
});

describe('a header', () => {
  it('has its values joined in order when it is there several times', () => {
    const head = headOf({
      headers: [
        ['x', 'a'],
        ['y', 'b'],
        ['x', ''],
        ['x', 'c'],
      ],
    });
    expect(head.header('x')).toBe('a, , c');
    expect(head.count('x')).toBe(3);
  });

  it('is empty and counted 0 when it is not there', () => {
    const head = headOf({ headers: [['x', 'y']] });
    expect([head.header('y'), head.count('y')]).toEqual(['', 0]);
  });

  it('is counted when it is there and empty', () => {
    const head = headOf({ headers: [['x', '']] });
    expect([head.header('x'), head.count('x')]).toEqual(['', 1]);
  });

  it('reads the same as from standard Headers', () => {
    const name = fc.constantFrom('x-a', 'x-b', 'accept');
    const value = fc.string({ unit: 'grapheme-ascii', maxLength: 8 }).map((text) => text.trim());
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 8 }), (headers) => {
        const head = headOf({ headers });
        for (const field of ['x-a', 'x-b', 'accept'])
          expect(head.header(field)).toBe(head.headers.get(field) ?? '');
      }),
    );
  });
});

describe('standard Headers', () => {
  it('are made once', () => {
    const head = headOf({ headers: [['x', 'y']] });
    expect(head.headers).toBeInstanceOf(Headers);
    expect(head.headers).toBe(head.headers);
  });

  it('have one character for each byte when a value is not ASCII', () => {
    const { headers } = headOf({ headers: [['x', 'café']] });
    expect(headers.get('x')).toBe('cafÃ©');
    expect(Buffer.from(headers.get('x') ?? '', 'latin1').toString()).toBe('café');
  });

  it('leave out a field that is not valid HTTP, and keep the others', () => {
    const { headers } = headOf({
      headers: [
        ['bad name', 'x'],
        ['', 'x'],
        ['x(y)', 'x'],
        ['x-null', 'a\0b'],
        ['x-line', 'a\r\nb: c'],
        ['good', 'x'],
      ],
    });
    expect([...headers]).toEqual([['good', 'x']]);
  });

  it('never throw, whatever the fields are', () => {
    const text = fc.string({ unit: 'binary', maxLength: 12 });
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { maxLength: 4 }), (headers) => {
        expect(headOf({ headers }).headers).toBeInstanceOf(Headers);
      }),
      { numRuns: 1000 },
    );
  });
});
