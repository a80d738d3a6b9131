import type { Exchange } from './fetch-request.ts';
import { toWire } from './field-value.ts';
import { statusLine, userHeaders } from './http-answer.ts';

/** Statuses whose answer has no body (RFC 9110 section 6.4.1). */
const NULL_BODY = new Set([204, 304]);

/** Sends a standard `Response`. Rejects when its body stream fails; the exchange is closed then. */
export async function sendResponse(exchange: Exchange, response: Response, method: string): Promise<void> {
  const { res } = exchange;
  const reader = response.body?.getReader();
  if (method === 'HEAD' || NULL_BODY.has(response.status) || reader === undefined) {
    await reader?.cancel();
    if (exchange.isOver) return;
    exchange.over();
    res.cork(() => {
      writeHead(exchange, response);
      if (method !== 'HEAD' && !NULL_BODY.has(response.status)) {
        res.end();
        return;
      }
      // The length that GET would have, where the handler says it. Not as an argument: given one, uWebSockets.js goes on
      // waiting for that many bytes.
      const length = response.headers.get('content-length');
      if (method === 'HEAD' && length !== null) res.writeHeader('content-length', length);
      res.endWithoutBody();
    });
    return;
  }
  exchange.onOver(() => {
    reader.cancel(exchange.signal.reason).catch(() => {});
  });
  try {
    await sendBody(exchange, response, reader);
  } catch (error) {
    // The status line may be out already: only closing the connection tells the client that the body is not complete.
    if (!exchange.isOver) {
      exchange.over();
      res.close();
    }
    throw error;
  }
}

async function sendBody(
  exchange: Exchange,
  response: Response,
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<void> {
  const { res } = exchange;
  const first = await reader.read();
  // Most bodies are one chunk; they get a Content-Length and one write.
  const second = first.done ? { now: first } : await readIfAtHand(reader);
  if (exchange.isOver) return;
  if (second.now?.done) {
    exchange.over();
    res.cork(() => {
      writeHead(exchange, response);
      res.end(first.value ?? '');
    });
    return;
  }
  const writeChunk = chunkWriter(exchange);
  res.cork(() => writeHead(exchange, response));
  await writeChunk(first.value ?? new Uint8Array());
  for (let next = second.now ?? (await second.later); next && !next.done; next = await reader.read()) {
    if (exchange.isOver) return;
    await writeChunk(next.value);
  }
  if (exchange.isOver) return;
  exchange.over();
  res.cork(() => res.end());
}

type Read = Awaited<ReturnType<ReadableStreamDefaultReader<Uint8Array>['read']>>;

/** The next chunk when it comes within this turn of the loop, or the promise of it. */
async function readIfAtHand(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<{ now?: Read; later?: Promise<Read> }> {
  const later = reader.read();
  let now: Read | undefined;
  later.then(
    (value) => {
      now = value;
    },
    // Whoever awaits `later` hears of it.
    () => {},
  );
  await new Promise(setImmediate);
  return now ? { now } : { later };
}

/** Writes chunks and, after each, waits until the socket takes more or the exchange is over. */
function chunkWriter(exchange: Exchange): (chunk: Uint8Array) => Promise<void> {
  const { res } = exchange;
  let onRoom: () => void = () => {};
  // Once for the whole answer: uWebSockets.js keeps the first handler it is given.
  res.onWritable(() => {
    onRoom();
    return true;
  });
  exchange.onOver(() => onRoom());
  return (chunk) => {
    // An empty chunk would end the answer.
    if (chunk.byteLength === 0) return Promise.resolve();
    let isKeepingUp = true;
    res.cork(() => {
      isKeepingUp = res.write(chunk);
    });
    if (isKeepingUp) return Promise.resolve();
    exchange.isSending = true;
    return new Promise((resolve) => {
      onRoom = () => {
        exchange.isSending = false;
        resolve();
      };
    });
  };
}

function writeHead({ res }: Exchange, response: Response): void {
  res.writeStatus(
    response.statusText === '' ? statusLine(response.status) : `${response.status} ${response.statusText}`,
  );
  for (const [name, value] of userHeaders(response.headers)) res.writeHeader(name, toWire(value));
}
