/** RFC 7692: messages compressed as a client of permessage-deflate does it. */
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { type Frame, type FrameShape, frame } from '../harness/frames.ts';

/** RSV1, in the numbers of `FrameShape.reserved`. */
export const RSV1 = 4;
/** What section 7.2.1 takes from the end of a message, and 7.2.2 puts back. */
export const TAIL = Buffer.of(0, 0, 0xff, 0xff);

const FLUSHED = { finishFlush: constants.Z_SYNC_FLUSH };

/** `before` is what was sent in the same context. */
export function deflated(message: string | Uint8Array, before = ''): Buffer {
  const dictionary = before === '' ? {} : { dictionary: Buffer.from(before) };
  const bytes = deflateRawSync(Buffer.from(message), { ...FLUSHED, ...dictionary });
  return bytes.subarray(0, -TAIL.length);
}

/** A message in one compressed frame. */
export const compressedFrame = (
  opcode: number,
  message: string | Uint8Array,
  shape: FrameShape = {},
): Buffer => frame(opcode, deflated(message), { reserved: RSV1, ...shape });

/** The frame as if it had not been compressed. */
export function inflated(compressed: Frame): Frame {
  if (compressed.reserved !== RSV1) return compressed;
  const payload = inflateRawSync(Buffer.concat([compressed.payload, TAIL]), FLUSHED);
  return { ...compressed, reserved: 0, payload };
}
