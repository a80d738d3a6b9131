import type { HttpRequest } from '../uws.ts';
import { fromWire, TOKEN } from './field-value.ts';

/** What `Headers` refuses in a value. */
const NOT_IN_VALUE = /[\0\r\n]/;

/**
 * A copy of what uWebSockets.js shows of a request only until the handler returns: method, target and headers.
 * Header names are lower case; the order and repetitions are those of the client.
 */
export class RequestHead {
  /** As sent: HTTP methods are case-sensitive. */
  readonly method: string;
  /** Path without the query, as sent. */
  readonly path: string;
  /** What follows the `?`, or ''. */
  readonly queryText: string;
  /** name, value, name, value … */
  readonly #fields: string[] = [];
  #headers: Headers | undefined;

  constructor(req: HttpRequest) {
    this.method = req.getCaseSensitiveMethod();
    this.path = req.getUrl();
    this.queryText = req.getQuery() ?? '';
    req.forEach((name, value) => {
      this.#fields.push(name, value);
    });
  }

  get url(): string {
    return this.queryText === '' ? this.path : `${this.path}?${this.queryText}`;
  }

  /** All values of a header joined with a comma, or ''. */
  header(name: string): string {
    let joined = '';
    let found = false;
    for (let i = 0; i < this.#fields.length; i += 2) {
      if (this.#fields[i] !== name) continue;
      joined = found ? `${joined}, ${this.#fields[i + 1]}` : (this.#fields[i + 1] ?? '');
      found = true;
    }
    return joined;
  }

  /** How often a header occurs. */
  count(name: string): number {
    let count = 0;
    for (let i = 0; i < this.#fields.length; i += 2) if (this.#fields[i] === name) count++;
    return count;
  }

  /** Standard `Headers`, made when first asked for. A field that is not valid HTTP is left out. */
  get headers(): Headers {
    if (this.#headers) return this.#headers;
    const headers = new Headers();
    for (let i = 0; i < this.#fields.length; i += 2) {
      const name = this.#fields[i] ?? '';
      const value = fromWire(this.#fields[i + 1] ?? '');
      if (TOKEN.test(name) && !NOT_IN_VALUE.test(value)) headers.append(name, value);
    }
    this.#headers = headers;
    return headers;
  }
}
