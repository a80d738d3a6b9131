import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { refusal } from '../harness/client.ts';
import { FixtureServer } from '../harness/fixture-server.ts';
import { watchNeighbour } from '../harness/neighbour.ts';

let server: FixtureServer;
/** Failures that were counted so far. */
let counted = 0;

beforeAll(async () => {
  server = await FixtureServer.start('upgrade-app.js');
});
afterAll(() => server.close());

watchNeighbour(() => server);

afterEach(async () => {
  const before = counted;
  counted = await server.total('handlerErrors');
  expect(counted).toBe(before + 1);
});

describe.each([
  ['at once', 'now'],
  ['after an await', 'later'],
])('shouldUpgrade that decides %s', (_, when) => {
  it.each([
    ['it throws', 'throws'],
    ['it throws undefined', 'throws-undefined'],
    ['it returns undefined', 'undefined'],
    ['it returns false', 'false'],
    ['it returns true', 'true'],
    ['it returns text', 'text'],
    ['it returns a number', 'number'],
    ['it returns a symbol', 'symbol'],
    ['it returns a function', 'function'],
    ['it returns a Response', 'response'],
    ['a header value has a line break', 'line-break'],
    ['a header value has a line feed', 'line-feed'],
    ['a header value has a null byte', 'null_byte'],
    ['a header value has a character that is no byte', 'wide-character'],
    ['a header name has a space', 'bad-name'],
    ['it sets Sec-WebSocket-Accept', 'reserved-accept'],
    ['it sets Upgrade', 'reserved-upgrade'],
    ['it sets Content-Length on the 101 answer', 'reserved-length'],
    ['it sets Sec-WebSocket-Extensions', 'reserved-extensions'],
    ['it refuses with status 200', 'status-200'],
    ['it refuses with status 101', 'status-101'],
    ['it refuses with status 600', 'status-600'],
    ['it refuses with a fraction for a status', 'status-fraction'],
    ['it refuses with a body that is no string', 'body-object'],
    ['it refuses with a header value that has a line break', 'rejection-line-break'],
  ])('is answered 500, without a word of why, when %s', async (_, decision) => {
    const { status, headers, body } = await refusal(server.url(`/${when}/${decision}`));
    expect([status, body]).toEqual([500, 'internal error']);
    expect(headers['set-cookie']).toBeUndefined();
    expect(Object.keys(headers).some((name) => name.startsWith('x-'))).toBe(false);
  });

  it.each([
    ['it was not offered', 'unoffered-protocol', ['chat']],
    ['none was offered', 'unoffered-protocol', []],
    ['several were selected', 'two-protocols', ['chat', 'superchat']],
  ])('is answered 500 when it selects a subprotocol and %s', async (_, decision, offered) => {
    const { status, headers } = await refusal(server.url(`/${when}/${decision}`), offered);
    expect(status).toBe(500);
    expect(headers['sec-websocket-protocol']).toBeUndefined();
  });
});
