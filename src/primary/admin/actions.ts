/** What an operator can have done: reload, shed, publish. Bodies are JSON objects; so are answers. */
import type { IncomingMessage } from 'node:http';
import type { PublishResult } from '../../shared/publisher.ts';
import type { MessageData, SendOptions } from '../../websocket.ts';

const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** Whom it is done to. */
export interface ActionTarget {
  reload(): Promise<void>;
  shed(fraction: number): Promise<number>;
  publish(channel: string, data: MessageData, options?: SendOptions): PublishResult;
}

export interface ActionResult {
  readonly status: number;
  readonly body: unknown;
}

const done = (body: unknown): ActionResult => ({ status: 200, body });
const wrong = (error: string, status = 400): ActionResult => ({ status, body: { error } });

type Action = (req: IncomingMessage, target: ActionTarget) => Promise<ActionResult>;

const ACTIONS: ReadonlyMap<string, Action> = new Map<string, Action>([
  ['/api/reload', (_, target) => reload(target)],
  ['/api/shed', (req, target) => withBody(req, (body) => shed(body, target))],
  ['/api/publish', (req, target) => withBody(req, (body) => publish(body, target))],
]);

export const isAction = (path: string): boolean => ACTIONS.has(path);

/** Does what the path names. What the request says wrongly becomes an answer, not an exception. */
export async function act(path: string, req: IncomingMessage, target: ActionTarget): Promise<ActionResult> {
  return (await ACTIONS.get(path)?.(req, target)) ?? wrong('there is nothing here', 404);
}

async function reload(target: ActionTarget): Promise<ActionResult> {
  try {
    await target.reload();
    return done({ ok: true });
  } catch (error) {
    return wrong((error as Error).message, 500);
  }
}

async function shed({ fraction }: Fields, target: ActionTarget): Promise<ActionResult> {
  if (typeof fraction !== 'number' || !(fraction >= 0 && fraction <= 1))
    return wrong('fraction: give a number from 0 to 1');
  return done({ ok: true, closed: await target.shed(fraction) });
}

function publish({ channel, data, base64, compress }: Fields, target: ActionTarget): ActionResult {
  if (typeof channel !== 'string') return wrong('channel: give a string');
  if (compress !== undefined && typeof compress !== 'boolean') return wrong('compress: give true or false');
  const options = compress === undefined ? {} : { compress };
  let result: PublishResult;
  if (typeof data === 'string' && base64 === undefined) result = target.publish(channel, data, options);
  else if (typeof base64 === 'string' && data === undefined) {
    const bytes = Buffer.from(base64, 'base64');
    // Node skips what does not belong there.
    if (bytes.toString('base64') !== base64) return wrong('base64: give bytes in base64, with padding');
    result = target.publish(channel, bytes, options);
  } else return wrong('give data, a string, or base64, bytes as a string, and not both');
  if (result.ok) return done(result);
  return { status: result.reason === 'log-full' ? 503 : 422, body: { ...result, error: result.reason } };
}

type Fields = Readonly<Record<string, unknown>>;

async function withBody(
  req: IncomingMessage,
  run: (fields: Fields) => ActionResult | Promise<ActionResult>,
): Promise<ActionResult> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // The answer goes out on the same connection, also when not all was read.
  for await (const chunk of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) {
      // The client reads the answer when it has sent everything.
      req.resume();
      return wrong(`the body has more than ${MAX_BODY_BYTES} bytes`, 413);
    }
    chunks.push(chunk);
  }
  let body: unknown;
  try {
    body = JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    return wrong('the body is not valid JSON');
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return wrong('the body is not a JSON object');
  return await run(body as Fields);
}
