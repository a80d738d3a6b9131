import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  asksForWebSocket,
  findHandshakeFault,
  offeredProtocols,
  SUPPORTED_VERSION,
} from '../../src/workers/handshake.ts';
import { RequestHead } from '../../src/workers/request-head.ts';
import { fakeRequest } from '../harness/fake-request.ts';

type Fields = readonly (readonly [string, string])[];

/** The handshake of RFC 6455 section 1.3. */
const VALID: Fields = [
  ['host', 'server.example.com'],
  ['upgrade', 'websocket'],
  ['connection', 'Upgrade'],
  ['sec-websocket-key', 'dGhlIHNhbXBsZSBub25jZQ=='],
  ['sec-websocket-version', '13'],
];

const headOf = (headers: Fields, method = 'GET'): RequestHead =>
  new RequestHead(fakeRequest({ method, path: '/chat', headers }).request);
const without = (name: string): Fields => VALID.filter(([field]) => field !== name);
const replaced = (name: string, ...values: string[]): Fields => [
  ...without(name),
  ...values.map((value) => [name, value] as const),
];
const fault = (headers: Fields, method?: string) => findHandshakeFault(headOf(headers, method));
const protocolsOf = (...values: string[]) =>
  offeredProtocols(headOf(values.map((value) => ['sec-websocket-protocol', value])));

describe('a handshake', () => {
  it('is valid when it is the one of the RFC', () => {
    expect(fault(VALID)).toBeNull();
  });

  it.each([
    ['upgrade', 'WebSocket'],
    ['upgrade', 'h2c, websocket'],
    ['connection', 'keep-alive, Upgrade'],
    ['connection', 'upgrade'],
    ['content-length', '0'],
    ['sec-websocket-protocol', 'chat, superchat'],
    ['sec-websocket-protocol', ''],
  ])('is valid when %s is "%s"', (name, value) => {
    expect(fault(replaced(name, value))).toBeNull();
  });

  it('is valid when the tokens of Connection come in several fields', () => {
    expect(fault(replaced('connection', 'keep-alive', 'Upgrade'))).toBeNull();
  });

  it.each(['POST', 'HEAD', 'get', 'Get'])('is refused with 400 when its method is %s', (method) => {
    expect(fault(VALID, method)).toEqual({ status: 400, why: expect.stringContaining('GET') });
  });

  it.each([
    ['host', 'Host'],
    ['upgrade', 'Upgrade'],
    ['connection', 'Connection'],
    ['sec-websocket-key', 'Sec-WebSocket-Key'],
  ])('is refused with 400 when it has no %s', (name, shown) => {
    expect(fault(without(name))).toEqual({ status: 400, why: expect.stringContaining(shown) });
  });

  it.each([
    ['host', ['a', 'b']],
    ['upgrade', ['websockets']],
    ['upgrade', ['web socket']],
    ['connection', ['close']],
    ['sec-websocket-key', ['dGhlIHNhbXBsZSBub25jZQ==', 'dGhlIHNhbXBsZSBub25jZQ==']],
    ['content-length', ['1']],
    ['content-length', ['0', '0']],
    ['transfer-encoding', ['chunked']],
    ['sec-websocket-protocol', ['a b']],
    ['sec-websocket-protocol', ['a, a']],
    ['sec-websocket-protocol', ['a', 'a']],
  ])('is refused with 400 when the values of %s are %j', (name, values) => {
    expect(fault(replaced(name, ...values))).toMatchObject({ status: 400 });
  });

  it.each([[[]], [['']], [['8']], [['12']], [['14']], [['13', '13']], [['13, 8']], [['013']]])(
    'is refused with 426 when the versions are %j',
    (values) => {
      expect(fault(replaced('sec-websocket-version', ...values))).toEqual({
        status: 426,
        why: `Sec-WebSocket-Version must be ${SUPPORTED_VERSION}`,
      });
    },
  );

  it('tells the wrong version before anything else about the key, so that an old client learns of it', () => {
    const headers = replaced('sec-websocket-version', '8').filter(([name]) => name !== 'sec-websocket-key');
    expect(fault(headers)).toMatchObject({ status: 426 });
  });
});

describe('a key', () => {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

  it('is accepted when it is the base64 form of 16 bytes, whichever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        expect(fault(replaced('sec-websocket-key', base64(bytes)))).toBeNull();
      }),
    );
  });

  it('is refused when it is the base64 form of another number of bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        fc.pre(bytes.length !== 16);
        expect(fault(replaced('sec-websocket-key', base64(bytes)))).toMatchObject({ status: 400 });
      }),
    );
  });

  it('is refused when it has the right length and is not base64', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 24, maxLength: 24 }), (key) => {
        fc.pre(base64(Buffer.from(key, 'base64')) !== key);
        expect(fault(replaced('sec-websocket-key', key))).toMatchObject({ status: 400 });
      }),
      // The last character before the padding has bits that belong to no byte.
      {
        examples: [['AAAAAAAAAAAAAAAAAAAAAB=='], ['AAAAAAAAAAAAAAAAAAAA_A=='], ['AAAAAAAAAAAAAAAAAAAAAAAA']],
      },
    );
  });
});

describe('a request asks for a WebSocket', () => {
  it('when it has the upgrade token or a key, even where the rest is wrong', () => {
    expect(asksForWebSocket(headOf([['upgrade', 'foo, WebSocket']], 'POST'))).toBe(true);
    expect(asksForWebSocket(headOf([['sec-websocket-key', 'x']]))).toBe(true);
  });

  it('and not when it has neither', () => {
    expect(asksForWebSocket(headOf([]))).toBe(false);
    expect(asksForWebSocket(headOf([['upgrade', 'h2c']]))).toBe(false);
    expect(asksForWebSocket(headOf([['connection', 'upgrade']]))).toBe(false);
  });
});

describe('offered subprotocols', () => {
  it('are in the order of the client, also when they come in several fields', () => {
    expect(protocolsOf('b, a', 'c')).toEqual(['b', 'a', 'c']);
    expect(protocolsOf('mqtt,  v2.chat ,x')).toEqual(['mqtt', 'v2.chat', 'x']);
  });

  it.each(['a,,b', ',a, ,b,'])('leave out empty elements: %s', (value) => {
    expect(protocolsOf(value)).toEqual(['a', 'b']);
  });

  it('are none when there is no field', () => {
    expect(protocolsOf()).toEqual([]);
  });

  it('are told apart by case', () => {
    expect(protocolsOf('Chat, chat')).toEqual(['Chat', 'chat']);
  });

  it.each(['a;b', 'a/b', '"a"', 'ä', '<a>'])('are malformed when they are no tokens: %s', (value) => {
    expect(protocolsOf(value)).toBeNull();
  });
});
