/** Whose pages may open a WebSocket here: the defence of a browser's user against pages of others (RFC 6455 section 10.2). */
import type { Config } from '../config.ts';
import { ANY_ORIGIN, normalOrigin } from '../origin.ts';
import type { RequestHead } from './request-head.ts';

type OriginConfig = Pick<Config, 'origins' | 'tlsCert' | 'trustProxy'>;

export class OriginRule {
  readonly #isOpen: boolean;
  /** Null: the same origin. */
  readonly #allowed: ReadonlySet<string> | null;
  /** Schemes that pages of the same origin may have. With a proxy, which may end TLS, either. */
  readonly #schemes: readonly string[];
  /** What was asked last, and the answer: most clients come from one page. */
  #last = { origin: '', host: '', isAllowed: false };

  constructor({ origins, tlsCert, trustProxy }: OriginConfig) {
    this.#isOpen = origins === ANY_ORIGIN;
    this.#allowed = origins === '' ? null : new Set(origins.split(','));
    this.#schemes = tlsCert !== null && trustProxy === 0 ? ['https'] : ['https', 'http'];
  }

  /** A request without an Origin header comes from no page: it is allowed. */
  allows(head: RequestHead): boolean {
    if (this.#isOpen || head.count('origin') === 0) return true;
    // Two Origin headers are joined with a comma, which is in no origin.
    const origin = head.header('origin');
    const host = head.header('host');
    if (origin !== this.#last.origin || host !== this.#last.host)
      this.#last = { origin, host, isAllowed: this.#isAllowed(origin, host) };
    return this.#last.isAllowed;
  }

  #isAllowed(text: string, host: string): boolean {
    const origin = normalOrigin(text);
    if (origin === null) return false;
    if (this.#allowed !== null) return this.#allowed.has(origin);
    return this.#schemes.some((scheme) => normalOrigin(`${scheme}://${host}`) === origin);
  }
}
