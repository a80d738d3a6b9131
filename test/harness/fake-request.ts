/** A request as uWebSockets.js shows it: header names in lower case, in the client's order, valid only during the call. */
import type { HttpRequest } from '../../src/uws.ts';

export interface FakeRequest {
  readonly method?: string;
  readonly path?: string;
  readonly query?: string;
  readonly headers?: readonly (readonly [string, string])[];
}

/** `end` is the moment from which uWebSockets.js throws on every access. */
export function fakeRequest(content: FakeRequest): { request: HttpRequest; end: () => void } {
  const { method = 'GET', path = '/', query = '', headers = [] } = content;
  let isOver = false;
  const duringCall = <T>(value: T): T => {
    if (isOver) throw new Error('the request was used after its handler had returned');
    return value;
  };
  const request: Partial<HttpRequest> = {
    getMethod: () => duringCall(method.toLowerCase()),
    getCaseSensitiveMethod: () => duringCall(method),
    getUrl: () => duringCall(path),
    getQuery: () => duringCall(query),
    forEach: (callback) => {
      for (const [name, value] of duringCall(headers)) callback(name, value);
    },
  };
  return {
    request: request as HttpRequest,
    end: () => {
      isOver = true;
    },
  };
}
