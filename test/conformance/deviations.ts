/** Where uWebSockets.js does not do what an RFC says, in the words of docs/conformance.md. */

export interface Deviation {
  readonly section: string;
  readonly asked: string;
  readonly instead: string;
}

export const DEVIATIONS = {
  'no close frame': {
    section: 'RFC 6455, 7.1.7',
    asked:
      'a client that breaks the protocol, or exceeds `maxPayload`, is sent a close frame with 1002, 1007 or 1009',
    instead: 'the connection is dropped without a close frame; `onClose` gives 1006 and the cause',
  },
  'answers lost': {
    section: 'RFC 6455, 7.1.7',
    asked: 'messages that came before what broke the protocol are answered like any other',
    instead: 'the app receives them; what it answers is lost when they came in the same TCP segment',
  },
  'close frame without a code': {
    section: 'RFC 6455, 7.1.7',
    asked: 'a close frame with an invalid code or reason is answered with 1002 or 1007',
    instead: 'it is answered with a close frame without a code; `onClose` gives 1006 and the cause',
  },
  'registered close codes': {
    section: 'RFC 6455, 7.4.2',
    asked: 'the codes 1012 to 1014 and 3000 to 3999 are valid and are sent back',
    instead: 'they are taken for invalid: the client gets a close frame without a code, `onClose` gives 1006',
  },
  'half a close code': {
    section: 'RFC 6455, 5.5.1',
    asked: 'a close frame with a payload of one byte breaks the protocol',
    instead: 'it is taken for a close frame without a code: `onClose` gives 1005',
  },
  'no wait for the close frame of the client': {
    section: 'RFC 6455, 7.1.1',
    asked:
      'a server that has sent a close frame waits for that of the client before it ends the TCP connection',
    instead: 'it ends it at once, `onClose` resolves, and what the client sends from then on is not read',
  },
  'unmasked frames': {
    section: 'RFC 6455, 5.1',
    asked: 'a frame that is not masked ends the connection',
    instead: 'it is not noticed: the first four bytes of the payload are taken for the mask',
  },
  'longer lengths': {
    section: 'RFC 6455, 5.2',
    asked: 'a length is said in as few bytes as it needs',
    instead: 'lengths in more bytes are accepted',
  },
  'message within a message': {
    section: 'RFC 6455, 5.4',
    asked: 'a new message must not start before the fragments of the one before are complete',
    instead:
      'a binary frame, and a text frame behind a control frame, is taken for one more fragment, and the whole for a message of its kind',
  },
  'request line in pieces': {
    section: 'RFC 6455, 4.2.1',
    asked: 'it does not matter how TCP cuts a handshake',
    instead: '505 when a cut comes right behind `GET `, or between the path and the end of the first line',
  },
  'absolute targets': {
    section: 'RFC 6455, 4.2.1',
    asked: 'the target of a handshake may be an absolute URI',
    instead: '505',
  },
  'no answer': {
    section: 'RFC 6455, 4.2.1',
    asked: 'a handshake that is not valid HTTP is refused with an HTTP error',
    instead: 'a header that is not valid gets no answer; the connection ends after about 10 s',
  },
  'RSV1 on control frames': {
    section: 'RFC 7692, 6',
    asked: 'a control frame that has RSV1 breaks the protocol',
    instead: 'RSV1 is ignored there when compression was negotiated',
  },
  'RSV1 on continuations': {
    section: 'RFC 7692, 6.1',
    asked: 'a continuation that has RSV1 breaks the protocol',
    instead: 'where the first fragment has none, the message is taken for a compressed one',
  },
  'last blocks': {
    section: 'RFC 7692, 7.2.3.4',
    asked: 'compressed data may have a block that is marked as the last',
    instead: 'taken for broken data; no client is known that sends it',
  },
} as const satisfies Record<string, Deviation>;

export type DeviationName = keyof typeof DEVIATIONS;
