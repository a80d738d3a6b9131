import type { PathParams, UpgradeRequest } from '../app.ts';
import { offeredProtocols } from './handshake.ts';
import type { RequestHead } from './request-head.ts';
import { validTraceparent } from './traceparent.ts';
import type { OpenSpan } from './tracing.ts';

/** The copy of a handshake that `shouldUpgrade` and `onUpgrade` get. Costly parts are made when first asked for. */
export class HandshakeRequest implements UpgradeRequest {
  readonly params: PathParams<string>;
  readonly remoteAddress: string;
  readonly #head: RequestHead;
  readonly #span: OpenSpan | null;
  #query: URLSearchParams | undefined;

  constructor(
    head: RequestHead,
    params: Readonly<Record<string, string>>,
    remoteAddress: string,
    span: OpenSpan | null,
  ) {
    this.#head = head;
    this.params = params;
    this.remoteAddress = remoteAddress;
    this.#span = span;
  }

  get method(): string {
    return this.#head.method;
  }

  get url(): string {
    return this.#head.url;
  }

  get path(): string {
    return this.#head.path;
  }

  get headers(): Headers {
    return this.#head.headers;
  }

  get query(): URLSearchParams {
    this.#query ??= new URLSearchParams(this.#head.queryText);
    return this.#query;
  }

  get traceparent(): string | null {
    return this.#span?.traceparent ?? validTraceparent(this.#head.header('traceparent'));
  }

  get protocols(): readonly string[] {
    return offeredProtocols(this.#head) ?? [];
  }
}
