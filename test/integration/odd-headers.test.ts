import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FixtureServer } from '../harness/fixture-server.ts';
import { watchNeighbour } from '../harness/neighbour.ts';
import { type HeaderChanges, handshake, RawClient } from '../harness/raw-client.ts';

/** `/request/…` has an app that reads every header, after an await. */
const PATH = '/request/odd/';
const ALL_BYTES = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));
/** What a field value may hold: RFC 9110 section 5.5. */
const isForValues = (byte: string): boolean => byte === '\t' || (byte >= ' ' && byte !== '\x7f');
/** What a field name must be made of: RFC 9110 section 5.1. */
const isForNames = (byte: string): boolean => /[!#$%&'*+.^_`|~0-9A-Za-z-]/.test(byte);

let server: FixtureServer;

beforeAll(async () => {
  server = await FixtureServer.start('upgrade-app.js', { origins: '*' });
});
afterAll(() => server.close());

watchNeighbour(() => server);

afterEach(async () => {
  expect(await server.total('handlerErrors')).toBe(0);
});

/** The status of the answer, or 'ended' where the connection ended without one. With `isLast` nothing follows, ever. */
async function statusOf(request: string, isLast = false): Promise<number | 'ended'> {
  const raw = await RawClient.connect(server.port);
  raw.write(request);
  // uWebSockets.js waits for the rest of what it takes for an unfinished header: see uws-limits.test.ts.
  if (isLast) raw.socket.end();
  const status = await raw.answer().then(
    (answer) => answer.status,
    () => 'ended' as const,
  );
  raw.leave();
  return status;
}

/** The headers that the app saw. */
async function seenBy(changes: HeaderChanges): Promise<Record<string, string>> {
  const raw = await RawClient.open(server.port, PATH, changes);
  const { inOnUpgrade } = JSON.parse((await raw.frame()).payload.toString());
  raw.leave();
  return Object.fromEntries(inOnUpgrade.headers);
}

describe('a handshake with odd headers', () => {
  it('is accepted, and the app sees every character, when a value has all of ASCII that is allowed', async () => {
    const value = `<${ALL_BYTES.slice(0, 0x80).filter(isForValues).join('')}>`;
    expect((await seenBy({ 'X-Value': value }))['x-value']).toBe(value);
  });

  it('is accepted, and the app sees one character for each byte, when a value is UTF-8', async () => {
    const seen = await seenBy({ 'X-Text': Buffer.from('(👋 grüße)').toString('latin1') });
    expect(Buffer.from(seen['x-text'] ?? '', 'latin1').toString()).toBe('(👋 grüße)');
  });

  it('is accepted when a header has the name of what objects have', async () => {
    const changes = Object.fromEntries([
      ['constructor', 'x'],
      ['__proto__', 'y'],
    ]);
    expect(await seenBy(changes)).toMatchObject({ constructor: 'x' });
  });

  it('is accepted when a value is empty or only space', async () => {
    expect(await seenBy({ 'X-Empty': '', 'X-Spaces': '     ' })).toMatchObject({
      'x-empty': '',
      'x-spaces': '',
    });
  });

  it.each<[string, HeaderChanges, number]>([
    ['subprotocols', { 'Sec-WebSocket-Protocol': 'ch\xe4t' }, 400],
    ['extensions', { 'Sec-WebSocket-Extensions': 'p\xe4r; \xff=\xfe' }, 400],
    ['Host', { Host: 'l\xf6calhost:\xff' }, 101],
    ['Origin and Cookie', { Origin: '\xff\xfe', Cookie: '\xf0=\x80; =; ;;' }, 101],
    ['the key', { 'Sec-WebSocket-Key': `${'\xe4'.repeat(22)}==` }, 400],
    ['Upgrade', { Upgrade: 'web\xffsocket' }, 400],
  ])('is answered when there are bytes above ASCII in %s', async (_, changes, status) => {
    expect(await statusOf(handshake(PATH, changes))).toBe(status);
  });

  it('is accepted when the bytes of a value are allowed, and otherwise its connection ends', async () => {
    const statuses = await Promise.all(
      ALL_BYTES.map((byte) => statusOf(handshake('/reads-at-once', { 'X-Odd': `a${byte}b` }), true)),
    );
    for (const [code, status] of statuses.entries()) {
      if (isForValues(ALL_BYTES[code] ?? '')) expect([code, status]).toEqual([code, 101]);
      else expect([101, 400, 'ended']).toContain(status);
    }
  });

  it('is accepted when the bytes of a name are allowed, and otherwise its connection ends', async () => {
    const statuses = await Promise.all(
      ALL_BYTES.map((byte) => statusOf(handshake('/reads-at-once', { [`X${byte}Odd`]: 'a' }), true)),
    );
    for (const [code, status] of statuses.entries()) {
      if (isForNames(ALL_BYTES[code] ?? '')) expect([code, status]).toEqual([code, 101]);
      else expect([101, 400, 'ended']).toContain(status);
    }
  });
});

describe('a flood', () => {
  it.each([
    [50, 101],
    [500, 431],
    [5000, 431],
  ])('is answered when it is %i headers', async (count, status) => {
    const many = Object.fromEntries(Array.from({ length: count }, (_, i) => [`X-${i}`, `\xff${i}`]));
    expect(await statusOf(handshake(PATH, many))).toBe(status);
  });

  it.each([
    [2000, 101],
    [8000, 431],
    [200_000, 431],
  ])('is answered when it is one value of %i bytes', async (length, status) => {
    expect(await statusOf(handshake(PATH, { 'X-Long': '\xe9'.repeat(length) }))).toBe(status);
  });

  it.each([
    ['bytes above ASCII', '/request/\xff\xfe/'],
    ['a long parameter', `/request/x/${'\xe9'.repeat(1000)}`],
    ['a query of nothing but signs', `/request/x/?${'%&=+;'.repeat(300)}`],
    ['a fragment', '/request/x/#fragment'],
    ['backslashes and dots', '/request/..\\..\\/%2e%2e/'],
  ])('of odd bytes is answered when it is in the target: %s', async (_, path) => {
    expect([101, 400, 404]).toContain(await statusOf(handshake(path)));
  });

  it('ends the connections of those who sent it, and nothing else, when it is no HTTP at all', async () => {
    const raws = await Promise.all(ALL_BYTES.map(() => RawClient.connect(server.port)));
    for (const [code, raw] of raws.entries()) raw.write(`${ALL_BYTES[code]?.repeat(200)}\r\n\r\n`);
    for (const raw of raws) raw.socket.end();
    await Promise.all(raws.map((raw) => raw.ended));
  });
});
