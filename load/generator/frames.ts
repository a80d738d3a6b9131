/** WebSocket frames (RFC 6455 section 5.2) of whole messages. */
import { randomBytes } from 'node:crypto';

export const TEXT = 0x81;
export const BINARY = 0x82;
export const CLOSE = 0x88;
const MASKED = 0x80;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

function header(opcode: number, bytes: number, mask: number): Buffer {
  if (bytes < LENGTH_16) return Buffer.from([opcode, mask | bytes]);
  if (bytes < 65536) return Buffer.from([opcode, mask | LENGTH_16, bytes >> 8, bytes & 255]);
  const long = Buffer.alloc(10);
  long.writeUInt8(opcode, 0);
  long.writeUInt8(mask | LENGTH_64, 1);
  long.writeBigUInt64BE(BigInt(bytes), 2);
  return long;
}

export function clientFrame(opcode: number, payload: Buffer): Buffer {
  const key = randomBytes(4);
  const masked = Buffer.from(payload.map((byte, index) => byte ^ (key[index & 3] ?? 0)));
  return Buffer.concat([header(opcode, payload.length, MASKED), key, masked]);
}

export const serverFrame = (opcode: number, payload: Buffer): Buffer =>
  Buffer.concat([header(opcode, payload.length, 0), payload]);

/** Cuts what a server sends into frames, however it arrives; for messages of different lengths, and not for hot paths. */
export class FrameReader {
  readonly #onFrame: (opcode: number, payload: Buffer) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(onFrame: (opcode: number, payload: Buffer) => void) {
    this.#onFrame = onFrame;
  }

  push(read: Buffer): void {
    let rest = this.#rest.length === 0 ? read : Buffer.concat([this.#rest, read]);
    for (;;) {
      const short = rest[1] ?? 0;
      const headerBytes = short < LENGTH_16 ? 2 : short === LENGTH_16 ? 4 : 10;
      if (rest.length < headerBytes) break;
      const bytes =
        short < LENGTH_16
          ? short
          : short === LENGTH_16
            ? rest.readUInt16BE(2)
            : Number(rest.readBigUInt64BE(2));
      if (rest.length < headerBytes + bytes) break;
      this.#onFrame(rest[0] ?? 0, rest.subarray(headerBytes, headerBytes + bytes));
      rest = rest.subarray(headerBytes + bytes);
    }
    this.#rest = Buffer.from(rest);
  }
}
