/**
 * Requests that are the last of their connection, because of the PROXY protocol. uWebSockets.js takes its header in front of every
 * request, so a client of a proxy that passes bytes on could send one of its own before a second request, and have any address.
 *
 * The answer ends the connection. And it is given in a later turn: uWebSockets.js serves what follows in the same segment right after
 * an answer that is given at once, but drops the connection when a request follows one that is not answered yet.
 */
import type { HttpResponse } from '../uws.ts';

const LAST = new WeakSet<HttpResponse>();

/** To be called before anything is answered. */
export function makeLast(res: HttpResponse): void {
  LAST.add(res);
  const { end, endWithoutBody } = res;
  res.end = (body) => end.call(res, body ?? '', true);
  res.endWithoutBody = (length = 0) => endWithoutBody.call(res, length, true);
}

/** The request is the last of its connection: its answer belongs in a later turn. */
export const isLast = (res: HttpResponse): boolean => LAST.has(res);

/** Runs what answers the request: at once, or for the last request of a connection in a later turn, unless the client has left. */
export function answerInTurn(res: HttpResponse, write: () => void): void {
  if (!isLast(res)) {
    write();
    return;
  }
  let hasLeft = false;
  res.onAborted(() => {
    hasLeft = true;
  });
  setImmediate(() => {
    if (!hasLeft) write();
  });
}
