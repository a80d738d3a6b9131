/** RFC 6455 section 9.1 and RFC 7692 section 7.1: extensions that a client offers, and which of them are taken. */
import { type HeaderChanges, handshake } from '../../harness/raw-client.ts';
import type { Case } from '../case.ts';
import { ACCEPTED } from './handshake.ts';

const AGREED = 'permessage-deflate; client_no_context_takeover; server_no_context_takeover';
const TAKEN = ACCEPTED.toSpliced(-1, 0, `sec-websocket-extensions: ${AGREED}`);

type Offer = string | string[];

const VALID: [name: string, offer: Offer][] = [
  ['it has no parameters', 'permessage-deflate'],
  ['the client may be told its window', 'permessage-deflate; client_max_window_bits'],
  ['the client gives the smallest window', 'permessage-deflate; client_max_window_bits=8'],
  ['the client gives the largest window', 'permessage-deflate; client_max_window_bits=15'],
  ['the window of the client is quoted', 'permessage-deflate; client_max_window_bits="10"'],
  ['the client keeps no context', 'permessage-deflate; client_no_context_takeover'],
  ['the server is to keep no context', 'permessage-deflate; server_no_context_takeover'],
  ['neither keeps a context', 'permessage-deflate; server_no_context_takeover; client_no_context_takeover'],
  ['there are no blanks', 'permessage-deflate;client_no_context_takeover;client_max_window_bits=9'],
  ['there are many blanks', ' permessage-deflate ;\t client_max_window_bits = 9 '],
  ['the list has empty elements', ', permessage-deflate, ,'],
  ['another extension is offered before it', 'x-unknown; level=3, permessage-deflate'],
  ['another extension is offered behind it', 'permessage-deflate, x-unknown; level="3"'],
  ['another extension comes in a line before it', ['x-unknown', 'permessage-deflate']],
  ['the second choice has no parameters', 'permessage-deflate; client_max_window_bits, permessage-deflate'],
  ['the first choice asks for what is not known', 'permessage-deflate; unknown, permessage-deflate'],
  ['the first choice is not valid', 'permessage-deflate; server_max_window_bits=99, permessage-deflate'],
  ['the first choice cannot be met', 'permessage-deflate; server_max_window_bits=10, permessage-deflate'],
];

/** Section 7.1: such an offer must be declined. The platform's window cannot be made smaller. */
const DECLINED: [name: string, offer: Offer][] = [
  ['the window of the server is to be small', 'permessage-deflate; server_max_window_bits=10'],
  ['the window of the server is to be the smallest', 'permessage-deflate; server_max_window_bits=8'],
  ['the window of the server is quoted', 'permessage-deflate; server_max_window_bits="10"'],
  ['the window of the server has no value', 'permessage-deflate; server_max_window_bits'],
  ['the window of the server is too small', 'permessage-deflate; server_max_window_bits=7'],
  ['the window of the server is too large', 'permessage-deflate; server_max_window_bits=16'],
  ['the window of the client is too small', 'permessage-deflate; client_max_window_bits=7'],
  ['the window of the client is too large', 'permessage-deflate; client_max_window_bits=16'],
  ['the window of the client has a zero before it', 'permessage-deflate; client_max_window_bits=010'],
  ['the window of the client is not a number', 'permessage-deflate; client_max_window_bits=x'],
  ['a parameter is not known', 'permessage-deflate; unknown'],
  ['a parameter with a value is not known', 'permessage-deflate; unknown=1'],
  ['a parameter is in upper case', 'permessage-deflate; CLIENT_NO_CONTEXT_TAKEOVER=1'],
  ['a parameter comes twice', 'permessage-deflate; client_no_context_takeover; client_no_context_takeover'],
  ['a window comes twice', 'permessage-deflate; client_max_window_bits=9; client_max_window_bits=9'],
  ['the context of the client has a value', 'permessage-deflate; client_no_context_takeover=1'],
  ['the context of the server has a value', 'permessage-deflate; server_no_context_takeover=true'],
  ['its name has more behind it', 'permessage-deflate-x'],
  ['its name has more before it', 'x-permessage-deflate'],
  ['its name is a parameter of another', 'x-unknown; permessage-deflate'],
  ['its name is a value of another', 'x-unknown; a="permessage-deflate"'],
  ['a draft of it is offered', 'x-webkit-deflate-frame'],
  ['another extension for it is offered', 'permessage-bzip2'],
];

/** Section 9.1: the handshake fails. */
const MALFORMED: [name: string, offer: Offer][] = [
  ['a parameter is missing behind a semicolon', 'permessage-deflate;'],
  ['a parameter has no name', 'permessage-deflate; =1'],
  ['a value is missing', 'permessage-deflate; client_max_window_bits='],
  ['the extension has no name', '; client_no_context_takeover'],
  ['two names have no comma between them', 'permessage-deflate client_no_context_takeover'],
  ['a name is not a token', 'permessage@deflate'],
  ['a quotation is not closed', 'x-unknown; a="b'],
  ['a quoted value is not a token', 'x-unknown; a="b c"'],
  ['a quoted value is empty', 'x-unknown; a=""'],
  ['the second of two lines is malformed', ['permessage-deflate', 'a b']],
];

const offered = (offer: Offer): HeaderChanges => ({ 'Sec-WebSocket-Extensions': offer });
const cases =
  (section: string, asked: readonly string[]) =>
  ([name, offer]: [string, Offer]): Case => {
    const send = [Buffer.from(handshake('/echo', offered(offer)), 'latin1')];
    return { section, name: `permessage-deflate is offered and ${name}`, send, asked };
  };

export const OFFERS: readonly Case[] = [
  ...VALID.map(cases('7.1', TAKEN)),
  ...DECLINED.map(cases('7.1', ACCEPTED)),
  ...MALFORMED.map(cases('RFC 6455, 9.1', ['400'])),
];

/** The same with compression off, where no offer is taken. */
export const OFFERS_IN_VAIN: readonly Case[] = OFFERS.map((one) =>
  one.asked === TAKEN ? { ...one, asked: ACCEPTED } : one,
);
