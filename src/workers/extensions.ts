/** Sec-WebSocket-Extensions in a handshake: RFC 6455 section 9.1, and RFC 7692 section 7.1 for the one extension there is. */
import { TOKEN } from './field-value.ts';

const COMPRESSION = 'permessage-deflate';
/** RFC 7692 section 7.1.2: the bits of a window as a client may give them; it may also only say that it can be told. */
const WINDOW_BITS = /^(?:[89]|1[0-5])?$/;
/**
 * What an offer may ask for, each once, and the values it may give; '' is none. `server_max_window_bits` is not here: the window
 * that uWebSockets.js compresses with cannot be made smaller, so an offer that asks for it must be declined.
 */
const PARAMETERS: ReadonlyMap<string, RegExp> = new Map([
  ['client_max_window_bits', WINDOW_BITS],
  ['client_no_context_takeover', /^$/],
  ['server_no_context_takeover', /^$/],
]);

interface Offer {
  readonly name: string;
  /** Name and value; '' when there is no value. */
  readonly parameters: readonly (readonly [string, string])[];
}

/**
 * The extension to agree on, as uWebSockets.js is to be told: `permessage-deflate` when some offer of it can be met, else ''.
 * Null when the header is malformed.
 */
export function selectExtension(header: string): string | null {
  // Clients of one kind all say the same, so the answer is mostly known.
  if (header !== lastHeader) {
    lastSelection = select(header);
    lastHeader = header;
  }
  return lastSelection;
}

let lastHeader = '';
let lastSelection: string | null = '';

function select(header: string): string | null {
  const offers = header
    .split(',')
    .filter((item) => item.trim() !== '')
    .map(parseOffer);
  if (offers.includes(null)) return null;
  return offers.some((offer) => offer !== null && canBeMet(offer)) ? COMPRESSION : '';
}

function canBeMet({ name, parameters }: Offer): boolean {
  const names = new Set(parameters.map(([parameter]) => parameter));
  return (
    name === COMPRESSION &&
    names.size === parameters.length &&
    parameters.every(([parameter, value]) => PARAMETERS.get(parameter)?.test(value) === true)
  );
}

/** A quoted value is a token as well (section 9.1), so no comma or semicolon is ever part of one. */
function parseOffer(text: string): Offer | null {
  const [name = '', ...rest] = text.split(';').map((part) => part.trim());
  const parameters = rest.map(parseParameter);
  if (!TOKEN.test(name) || parameters.includes(null)) return null;
  return { name, parameters: parameters.filter((parameter) => parameter !== null) };
}

function parseParameter(text: string): readonly [string, string] | null {
  const equals = text.indexOf('=');
  if (equals === -1) return TOKEN.test(text) ? [text, ''] : null;
  const name = text.slice(0, equals).trimEnd();
  const value = text
    .slice(equals + 1)
    .trimStart()
    .replace(/^"(.*)"$/, '$1');
  return TOKEN.test(name) && TOKEN.test(value) ? [name, value] : null;
}
