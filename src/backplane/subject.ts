/**
 * Channel names as subjects of NATS, and back. A subject is made of tokens without spaces, dots and wildcards; a channel's name may be any
 * text. So it becomes base64url of its UTF-8, in one token behind the prefix. Different names never share a subject.
 */
import { MAX_NAME_BYTES } from '../shared/encoded-name.ts';

const TOKEN = /^[\w-]+$/;

export const subjectOf = (prefix: string, channel: string): string =>
  `${prefix}.${Buffer.from(channel).toString('base64url')}`;

/** Undefined when no channel has that subject. */
export function channelOf(prefix: string, subject: string): string | undefined {
  const token = subject.slice(prefix.length + 1);
  if (!subject.startsWith(`${prefix}.`) || !TOKEN.test(token)) return undefined;
  const bytes = Buffer.from(token, 'base64url');
  const channel = bytes.toString();
  return bytes.length <= MAX_NAME_BYTES && subjectOf(prefix, channel) === subject ? channel : undefined;
}
