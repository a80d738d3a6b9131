/** Bytes that are almost what a client would send: handshakes and frames with some of their bytes changed. */
import { closePayload, frame, Opcode } from './frames.ts';
import type { Random } from './random.ts';
import { handshake } from './raw-client.ts';

const MOST_RANDOM_BYTES = 300;
const MOST_CHANGES = 4;
/** One of so many frames is sent as it is made. */
const UNCHANGED = 2;
/** Bytes that mean something at one place or another. */
const TELLING = [0, 0x0a, 0x0d, 0x20, 0x3a, 0x7e, 0x7f, 0x80, 0x81, 0x88, 0xc1, 0xfe, 0xff];

export const randomBytesOf = (random: Random, length = random(MOST_RANDOM_BYTES)): Buffer =>
  Buffer.from(Array.from({ length }, () => random(256)));

/** Changes, removes, adds or repeats some of the bytes. */
export function mutated(original: Uint8Array, random: Random): Buffer {
  let bytes = Buffer.from(original);
  for (let changes = 1 + random(MOST_CHANGES); changes > 0; changes--) {
    const at = random(bytes.length + 1);
    const [before, behind] = [bytes.subarray(0, at), bytes.subarray(at)];
    const kind = random(6);
    if (kind === 0 && at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
    else if (kind === 1 && at < bytes.length) bytes[at] = TELLING[random(TELLING.length)] ?? 0;
    else if (kind === 2) bytes = Buffer.concat([before, behind.subarray(1 + random(4))]);
    else if (kind === 3) bytes = Buffer.concat([before, randomBytesOf(random, random(8)), behind]);
    else if (kind === 4) bytes = Buffer.concat([before, before.subarray(-1 - random(20)), behind]);
    else bytes = Buffer.from(before);
  }
  return bytes;
}

export function mutatedHandshake(path: string, random: Random): Buffer {
  const request = handshake(path, {
    Origin: 'http://localhost',
    Cookie: 'name=value',
    'Sec-WebSocket-Protocol': 'chat.v1, chat.v2',
    'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits',
  });
  return mutated(Buffer.from(request, 'latin1'), random);
}

/** A frame of any kind, right or wrong, compressed data included; it may have been changed. */
export function anyFrame(random: Random, longest: number): Buffer {
  const opcodes = Object.values(Opcode);
  const opcode = random(20) === 0 ? random(16) : (opcodes[random(opcodes.length)] ?? 0);
  // A close frame would end most connections before anything happens.
  if (opcode === Opcode.close && random(4) > 0) return anyFrame(random, longest);
  const bytes = frame(opcode, payloadOf(opcode, random, longest), {
    isFinal: random(3) > 0,
    reserved: random(4) === 0 ? random(8) : 0,
    isMasked: random(30) > 0,
    ...(random(10) === 0 ? { lengthBytes: 8 as const } : {}),
  });
  return random(UNCHANGED) === 0 ? mutated(bytes, random) : bytes;
}

function payloadOf(opcode: number, random: Random, longest: number): Uint8Array {
  if (opcode === Opcode.close) return closePayload(random(6000), randomBytesOf(random, random(130)));
  const isControl = opcode > 7;
  const length = isControl ? random(128) : random(10) === 0 ? random(longest + 10) : random(40);
  return random(3) === 0 ? randomBytesOf(random, length) : Buffer.alloc(length, 'text ä 👋');
}
