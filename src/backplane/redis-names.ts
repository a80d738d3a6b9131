/** What stands where in Redis. All names begin with the nodes' common prefix. */

export class RedisNames {
  /** The pub/sub channel where nodes say that they are there. */
  readonly everyone: string;
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
    this.everyone = `${prefix}:nodes`;
  }

  /** The pub/sub channel of a channel. In braces, so that a cluster keeps its keys together. */
  subject(channel: string): string {
    return `${this.#prefix}:{${encodeURIComponent(channel)}}`;
  }

  /** Its stream and its head, see redis-scripts.ts. */
  keys(channel: string): readonly [string, string] {
    const subject = this.subject(channel);
    return [`${subject}:s`, `${subject}:h`];
  }
}

/** What digits say; undefined when it is not an integer that numbers are exact to. */
export function integer(digits: Buffer): number | undefined {
  const text = digits.toString('latin1');
  const value = Number(text);
  return /^\d{1,16}$/.test(text) && Number.isSafeInteger(value) ? value : undefined;
}
