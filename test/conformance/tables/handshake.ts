/** RFC 6455 section 4.2: the client's handshake and its answer. */
import { createHash } from 'node:crypto';
import { frame, Opcode } from '../../harness/frames.ts';
import { type HeaderChanges, handshake, SAMPLE_KEY } from '../../harness/raw-client.ts';
import { but, type Case, type Outcome } from '../case.ts';
import { text } from '../outcome.ts';

const PATH = '/echo';
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const OTHER_KEYS = ['AAAAAAAAAAAAAAAAAAAAAA==', '/////////////////////w==', '+/+/+/+/+/+/+/+/+/+/+w=='];
const bytes = (request: string): Uint8Array => Buffer.from(request, 'latin1');
const hashOf = (key: string): string => createHash('sha1').update(`${key}${GUID}`).digest('base64');

const answer = (key: string, ...lines: string[]): Outcome => [
  ...['101', 'upgrade: websocket', 'connection: Upgrade', `sec-websocket-accept: ${hashOf(key)}`],
  ...lines,
  'open',
];
export const ACCEPTED = answer(SAMPLE_KEY);

const one = (section: string, name: string, request: string, asked: Outcome): Case => ({
  section,
  name,
  send: [bytes(request)],
  asked,
});
const changed = (changes: HeaderChanges): string => handshake(PATH, changes);
const REQUEST = handshake(PATH);

const VALID: [name: string, changes: HeaderChanges][] = [
  ['nothing is out of the ordinary', {}],
  ['Connection lists several tokens', { Connection: 'keep-alive, Upgrade' }],
  ['Connection has empty elements', { Connection: ',keep-alive,, Upgrade,' }],
  ['Connection comes in several lines', { Connection: ['keep-alive', 'Upgrade'] }],
  ['Upgrade lists several protocols', { Upgrade: 'h2c, websocket' }],
  ['Upgrade comes in several lines', { Upgrade: ['h2c', 'websocket'] }],
  ['tokens are in upper case', { Upgrade: 'WEBSOCKET', Connection: 'UPGRADE' }],
  [
    'values have blanks around them',
    { Upgrade: ' \t websocket \t', 'Sec-WebSocket-Key': `  ${SAMPLE_KEY}  ` },
  ],
  ['there is an Origin', { Origin: 'http://localhost' }],
  ['there are cookies', { Cookie: 'a=1; b=2' }],
  ['there are many headers', Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`X-${i}`, 'y']))],
  ['a header is long', { 'X-Long': 'x'.repeat(3000) }],
  ['a header is empty', { 'X-Empty': '' }],
  ['there is a header that nobody knows', { 'Sec-WebSocket-Unknown': 'x' }],
  ['an extension is offered that nobody knows', { 'Sec-WebSocket-Extensions': 'x-unknown; level=3' }],
  ['subprotocols are offered and none is selected', { 'Sec-WebSocket-Protocol': 'chat.v1, chat.v2' }],
];

const INVALID: [section: string, name: string, status: 400 | 426, changes: HeaderChanges][] = [
  ['4.2.1', 'there is no Host', 400, { Host: null }],
  ['4.2.1', 'Host comes twice', 400, { Host: ['localhost', 'localhost'] }],
  ['4.2.1', 'there is no Upgrade', 400, { Upgrade: null }],
  ['4.2.1', 'Upgrade names another protocol', 400, { Upgrade: 'h2c' }],
  ['4.2.1', 'Upgrade has a version', 400, { Upgrade: 'websocket/13' }],
  ['4.2.1', 'Upgrade only contains the word', 400, { Upgrade: 'websockets' }],
  ['4.2.1', 'there is no Connection', 400, { Connection: null }],
  ['4.2.1', 'Connection has no Upgrade', 400, { Connection: 'keep-alive' }],
  ['4.2.1', 'Connection only contains the word', 400, { Connection: 'not-upgrade' }],
  ['4.2.1', 'there is no key', 400, { 'Sec-WebSocket-Key': null }],
  ['4.2.1', 'the key is empty', 400, { 'Sec-WebSocket-Key': '' }],
  ['4.2.1', 'the key has 15 bytes', 400, { 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAA' }],
  ['4.2.1', 'the key has 17 bytes', 400, { 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAAA=' }],
  ['4.2.1', 'the key is not base64', 400, { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZ!==' }],
  ['4.2.1', 'the key is base64 for URLs', 400, { 'Sec-WebSocket-Key': '--------------------_w==' }],
  ['4.2.1', 'the key has no padding', 400, { 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA' }],
  ['11.3.1', 'the key comes twice', 400, { 'Sec-WebSocket-Key': [SAMPLE_KEY, SAMPLE_KEY] }],
  ['4.2.2', 'there is no version', 426, { 'Sec-WebSocket-Version': null }],
  ['4.2.2', 'the version is 0', 426, { 'Sec-WebSocket-Version': '0' }],
  ['4.2.2', 'the version is that of a draft', 426, { 'Sec-WebSocket-Version': '8' }],
  ['4.2.2', 'the version is one of the future', 426, { 'Sec-WebSocket-Version': '14' }],
  ['4.2.2', 'the version is 255', 426, { 'Sec-WebSocket-Version': '255' }],
  ['4.2.2', 'the version has a zero before it', 426, { 'Sec-WebSocket-Version': '013' }],
  ['4.2.2', 'the version has a sign', 426, { 'Sec-WebSocket-Version': '+13' }],
  ['4.2.2', 'the version is not a number', 426, { 'Sec-WebSocket-Version': 'thirteen' }],
  ['4.2.2', 'the version is a list', 426, { 'Sec-WebSocket-Version': '8, 13' }],
  ['11.3.5', 'the version comes twice', 426, { 'Sec-WebSocket-Version': ['13', '13'] }],
  ['4.1', 'a subprotocol is not a token', 400, { 'Sec-WebSocket-Protocol': 'chat v1' }],
  ['4.1', 'a subprotocol is quoted', 400, { 'Sec-WebSocket-Protocol': '"chat"' }],
  ['4.1', 'a subprotocol is offered twice', 400, { 'Sec-WebSocket-Protocol': 'chat, superchat, chat' }],
  ['4.1', 'a subprotocol is offered twice in two lines', 400, { 'Sec-WebSocket-Protocol': ['chat', 'chat'] }],
];

const refusal = (status: 400 | 426): string[] =>
  status === 426 ? ['426', 'upgrade: websocket', 'sec-websocket-version: 13'] : ['400'];

const METHODS = ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'get', 'GETS'];

const PROTOCOLS: [name: string, offered: string | string[], selected: string][] = [
  ['the subprotocol is the only one offered', 'chat.v2', 'chat.v2'],
  ['the subprotocol is one of several', 'chat.v1, chat.v2,chat.v3', 'chat.v2'],
  ['the subprotocols come in several lines', ['chat.v1', 'chat.v2'], 'chat.v2'],
  ['no subprotocol is one the server knows', 'chat.v1', ''],
  ['a subprotocol is known in another case only', 'CHAT.V2', ''],
];

/** Cuts that the platform does not bear: behind `GET `, and from behind the path to the end of the first line. */
const FIRST_LINE = REQUEST.indexOf('\n');
const isBadCut = (at: number): boolean => at === 4 || (at >= `GET ${PATH} `.length && at <= FIRST_LINE);

const cuts = Array.from({ length: REQUEST.length - 1 }, (_, i): Case => {
  const at = i + 1;
  const send = [REQUEST.slice(0, at), REQUEST.slice(at)].map(bytes);
  const cut: Case = {
    section: '4.2.1',
    name: `the handshake is cut behind byte ${at}`,
    send,
    asked: ACCEPTED,
  };
  return isBadCut(at) ? but(cut, 'request line in pieces', ['505']) : cut;
});

/** The first line in one piece. */
const inPieces = (size: number): Case => {
  const headers = REQUEST.slice(FIRST_LINE + 1);
  const pieces = Array.from({ length: Math.ceil(headers.length / size) }, (_, i) =>
    headers.slice(i * size, (i + 1) * size),
  );
  const send = [REQUEST.slice(0, FIRST_LINE + 1), ...pieces].map(bytes);
  return { section: '4.2.1', name: `headers come in pieces of ${size} bytes`, send, asked: ACCEPTED };
};

/** In two pieces, so that it can be told that there is no answer. */
const unanswered = (name: string, request: string): Case =>
  but(
    { section: '4.2.1', name, send: [request.slice(0, 40), request.slice(40)].map(bytes), asked: ['400'] },
    'no answer',
    ['nothing'],
  );

export const HANDSHAKE: readonly Case[] = [
  ...VALID.map(([name, changes]) => one('4.2', name, changed(changes), ACCEPTED)),
  ...OTHER_KEYS.map((key) =>
    one('4.2.2', `the key is ${key}`, changed({ 'Sec-WebSocket-Key': key }), answer(key)),
  ),
  one(
    '4.2.1',
    'header names are in lower case',
    REQUEST.replace(/^[\w-]+:/gm, (name) => name.toLowerCase()),
    ACCEPTED,
  ),
  one(
    '4.2.1',
    'header names are in upper case',
    REQUEST.replace(/^[\w-]+:/gm, (name) => name.toUpperCase()),
    ACCEPTED,
  ),
  one('4.2.1', 'header names are in any order', reordered(REQUEST), ACCEPTED),
  one('4.2.1', 'the target has a query', handshake(`${PATH}?a=b&c`), ACCEPTED),
  one('4.2.2', 'nothing is served at the target', handshake('/nowhere'), ['404']),
  but(
    one('4.2.1', 'the target is absolute', handshake(`http://localhost${PATH}`), ACCEPTED),
    'absolute targets',
    ['505'],
  ),
  ...INVALID.map(([section, name, status, changes]) => one(section, name, changed(changes), refusal(status))),
  ...METHODS.map((method) => one('4.2.1', `the method is ${method}`, handshake(PATH, {}, method), ['400'])),
  ...['1.0', '1.2', '2.0', '0.9'].map((version) =>
    one('4.2.1', `it is HTTP/${version}`, REQUEST.replace('HTTP/1.1', `HTTP/${version}`), ['505']),
  ),
  ...PROTOCOLS.map(([name, offered, selected]) => {
    const request = handshake('/protocols', { 'Sec-WebSocket-Protocol': offered });
    const header = selected === '' ? [] : [`sec-websocket-protocol: ${selected}`];
    return one('4.2.2', name, request, answer(SAMPLE_KEY, ...header, text(selected)));
  }),
  ...cuts,
  ...[1, 2, 3, 7, 50].map(inPieces),
  unanswered('a header has no colon', REQUEST.replace('Connection:', 'nonsense\r\nConnection:')),
  unanswered('a header is folded', REQUEST.replace('Connection: ', 'Connection:\r\n ')),
  unanswered('there is a blank before a colon', REQUEST.replace('Connection:', 'Connection :')),
  unanswered('a header has a control character', changed({ 'X-Value': 'a\x01b' })),
  // Section 4.1: the client must wait for the answer. What comes before it is not read.
  one(
    '4.1',
    'the client does not wait for the answer before it sends frames',
    `${REQUEST}${frame(Opcode.text, 'too early').toString('latin1')}`,
    ACCEPTED,
  ),
];

function reordered(request: string): string {
  const [requestLine, ...headers] = request.trimEnd().split('\r\n');
  return `${[requestLine, ...headers.reverse()].join('\r\n')}\r\n\r\n`;
}
