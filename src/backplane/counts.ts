/**
 * How many subscribers a node has, as bytes: for some of its channels one behind the other
 * ```
 * ├ u8 bytes of the name ├ name in UTF-8 ├ u32 subscribers, big-endian ┤
 * ```
 */
import { MAX_NAME_BYTES } from '../shared/encoded-name.ts';

const COUNT_BYTES = 4;
const MAX_COUNT = 2 ** 32 - 1;

export function packCounts(counts: ReadonlyMap<string, number>): Buffer {
  const parts: Buffer[] = [];
  for (const [channel, count] of counts) {
    const name = Buffer.from(channel);
    const part = Buffer.allocUnsafe(1 + name.length + COUNT_BYTES);
    part[0] = name.length;
    part.set(name, 1);
    part.writeUInt32BE(Math.min(count, MAX_COUNT), 1 + name.length);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Undefined when that is not what `packCounts` makes. */
export function openCounts(data: Uint8Array): Map<string, number> | undefined {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const counts = new Map<string, number>();
  for (let at = 0; at < bytes.length; ) {
    const nameEnd = at + 1 + (bytes[at] as number);
    const end = nameEnd + COUNT_BYTES;
    if (end > bytes.length || nameEnd - at - 1 > MAX_NAME_BYTES || nameEnd === at + 1) return undefined;
    counts.set(bytes.toString('utf8', at + 1, nameEnd), bytes.readUInt32BE(nameEnd));
    at = end;
  }
  return counts;
}
