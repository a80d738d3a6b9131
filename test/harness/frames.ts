/** WebSocket frames as bytes, right and wrong, for tests that speak on a raw socket (RFC 6455 section 5.2). */
import { randomBytes } from 'node:crypto';

export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

const FIN = 0x80;
const MASKED = 0x80;
const MASK_BYTES = 4;

/** Payload length as it stands in the second byte of a frame when two or eight bytes of length follow. */
const LENGTH_16 = 126;
const LENGTH_64 = 127;

export interface Frame {
  readonly opcode: number;
  readonly isFinal: boolean;
  /** The three reserved bits as a number, 4 is RSV1. */
  readonly reserved: number;
  readonly payload: Buffer;
}

export interface FrameShape {
  /** Default: true. */
  readonly isFinal?: boolean;
  /** The three reserved bits as a number, 4 is RSV1. Default: 0. */
  readonly reserved?: number;
  /** A client must mask. Default: true. */
  readonly isMasked?: boolean;
  /** Default: random. */
  readonly mask?: Uint8Array;
  /** Bytes that follow the second byte to say the length: 0, 2 or 8. Default: the fewest. */
  readonly lengthBytes?: 0 | 2 | 8;
}

export function frame(opcode: number, payload: string | Uint8Array = '', shape: FrameShape = {}): Buffer {
  const { isFinal = true, reserved = 0, isMasked = true, mask = randomBytes(MASK_BYTES) } = shape;
  const bytes = Buffer.from(payload);
  const { lengthBytes = fewestLengthBytes(bytes.length) } = shape;
  const first = (isFinal ? FIN : 0) | (reserved << 4) | opcode;
  const length = { 0: bytes.length, 2: LENGTH_16, 8: LENGTH_64 }[lengthBytes];
  const head = Buffer.from([first, (isMasked ? MASKED : 0) | length]);
  const parts: Uint8Array[] = [head, extendedLength(bytes.length, lengthBytes)];
  if (isMasked) {
    parts.push(mask);
    for (const [index, byte] of bytes.entries()) bytes[index] = byte ^ (mask[index % MASK_BYTES] ?? 0);
  }
  return Buffer.concat([...parts, bytes]);
}

/** A close frame's payload: the code in two bytes, then the reason. */
export function closePayload(code: number, reason: string | Uint8Array = ''): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return Buffer.concat([head, Buffer.from(reason)]);
}

/** Where the first unmasked frame in `bytes` ends, or null when there is not a whole one yet. */
export function readFrame(bytes: Buffer): { frame: Frame; end: number } | null {
  if (bytes.length < 2) return null;
  const [first = 0, second = 0] = bytes;
  if (second & MASKED) throw new Error('a server must not mask its frames');
  const start = 2 + (second === LENGTH_16 ? 2 : second === LENGTH_64 ? 8 : 0);
  if (bytes.length < start) return null;
  const length =
    second === LENGTH_16
      ? bytes.readUInt16BE(2)
      : second === LENGTH_64
        ? Number(bytes.readBigUInt64BE(2))
        : second;
  const end = start + length;
  if (bytes.length < end) return null;
  const payload = Buffer.from(bytes.subarray(start, end));
  return {
    frame: { opcode: first & 0x0f, isFinal: (first & FIN) !== 0, reserved: (first >> 4) & 7, payload },
    end,
  };
}

const fewestLengthBytes = (length: number): 0 | 2 | 8 => (length < LENGTH_16 ? 0 : length < 0x1_0000 ? 2 : 8);

function extendedLength(length: number, size: 0 | 2 | 8): Buffer {
  const bytes = Buffer.alloc(size);
  if (size === 2) bytes.writeUInt16BE(length);
  if (size === 8) bytes.writeBigUInt64BE(BigInt(length));
  return bytes;
}
