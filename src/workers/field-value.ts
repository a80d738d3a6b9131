/**
 * Header values are bytes, and in `Headers` one character stands for each (Fetch standard). uWebSockets.js decodes and
 * encodes them as UTF-8 instead; here the one becomes the other.
 */
import type { RecognizedString } from '../uws.ts';

/** A token (RFC 9110 section 5.6.2): a field name, a subprotocol. */
export const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

const ASCII = /^[\0-\x7f]*$/;

/** A value that uWebSockets.js read from the wire, for `Headers`. */
export const fromWire = (value: string): string =>
  ASCII.test(value) ? value : Buffer.from(value).toString('latin1');

/** A value out of `Headers`, for uWebSockets.js to write. */
export const toWire = (value: string): RecognizedString =>
  ASCII.test(value) ? value : Buffer.from(value, 'latin1');
