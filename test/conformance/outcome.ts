/** Frames of the server in words, the same for what comes and for what is expected. */
import { createHash } from 'node:crypto';
import { type Frame, Opcode } from '../harness/frames.ts';
import type { HttpAnswer } from '../harness/raw-client.ts';

const NAMES = new Map<number, string>(Object.entries(Opcode).map(([name, opcode]) => [opcode, name]));
/** Longer payloads are told by their length and hash. */
const LONG_BYTES = 200;

function inWords(payload: Uint8Array, isText: boolean): string {
  if (payload.length > LONG_BYTES) {
    const hash = createHash('sha256').update(payload).digest('hex').slice(0, 16);
    return `of ${payload.length} bytes ${hash}`;
  }
  const bytes = Buffer.from(payload);
  return isText ? JSON.stringify(bytes.toString()) : bytes.toString('hex');
}

export const text = (payload: string | Uint8Array): string => `text ${inWords(Buffer.from(payload), true)}`;
export const binary = (payload: Uint8Array): string => `binary ${inWords(payload, false)}`.trimEnd();
export const pong = (payload: string | Uint8Array): string => `pong ${inWords(Buffer.from(payload), true)}`;

/** A close frame's code and reason, or '' when it has none. */
export function closeWords(payload: Buffer): string {
  if (payload.length < 2) return payload.toString('hex');
  const reason = payload.length > 2 ? ` ${inWords(payload.subarray(2), true)}` : '';
  return `${payload.readUInt16BE(0)}${reason}`;
}

export function frameInWords({ opcode, isFinal, reserved, payload }: Frame): string {
  const words =
    opcode === Opcode.close
      ? `close ${closeWords(payload)}`.trimEnd()
      : opcode === Opcode.binary
        ? binary(payload)
        : `${NAMES.get(opcode) ?? `opcode ${opcode}`} ${inWords(payload, true)}`;
  return `${isFinal ? '' : 'unfinished '}${reserved === 0 ? '' : `reserved ${reserved} `}${words}`;
}

const HANDSHAKE_HEADERS = [
  'upgrade',
  'connection',
  'sec-websocket-accept',
  'sec-websocket-protocol',
  'sec-websocket-extensions',
  'sec-websocket-version',
];

/** The status, then those headers that belong to a handshake. */
export function answerInWords({ status, headers }: HttpAnswer): string[] {
  // A refusal may end the connection, and says so in this header.
  const found = HANDSHAKE_HEADERS.filter(
    (name) => headers.has(name) && (status === 101 || name !== 'connection'),
  );
  return [`${status}`, ...found.map((name) => `${name}: ${headers.get(name)}`)];
}
