/** What the admin HTTP of a running server says of it, once or every second. */
import { setTimeout as delay } from 'node:timers/promises';
import { shownValue } from '../../config.ts';
import { ConfigError } from '../../errors.ts';
import type { ServerStatus } from '../../primary/admin/status.ts';
import { plainText } from '../figures.ts';

/** How long the server may be silent; it has something to say every second. */
const SILENCE_MS = 5000;
const RETRY_MS = 1000;
/** Of what the server says when it refuses. */
const MAX_REASON_CHARS = 200;
/** Longest event that is read; one of 256 loops has some 500,000. */
const MAX_EVENT_CHARS = 16 * 1024 * 1024;

/** A new status, or why there is none. */
export type Update =
  | { readonly status: ServerStatus; readonly lost?: undefined }
  | { readonly lost: string; readonly status?: undefined };

/** Takes `host:port` too. Throws `ConfigError`. */
export function adminUrl(text: string): URL {
  const full = text.includes('://') ? text : `http://${text}`;
  if (URL.canParse(full)) {
    const url = new URL(full);
    if (url.protocol === 'http:' || url.protocol === 'https:') return url;
  }
  throw new ConfigError(`top: ${shownValue(text)} is not accepted; give a URL as http://127.0.0.1:9464`);
}

/** The status of this moment. */
export async function fetchStatus(url: URL): Promise<ServerStatus> {
  const response = await ask(url, '/api/loops', AbortSignal.timeout(SILENCE_MS));
  return readStatus(await response.text());
}

/** A status every second, until the signal. Asks again when the server goes away, and says that it did. */
export async function* followStatus(url: URL, signal: AbortSignal): AsyncGenerator<Update> {
  while (!signal.aborted) {
    try {
      for await (const data of eventsOf(url, signal)) yield { status: readStatus(data) };
      yield { lost: whatFailed(url, new Error('it ended the stream')) };
    } catch (error) {
      if (signal.aborted) return;
      yield { lost: whatFailed(url, error) };
    }
    await delay(RETRY_MS, undefined, { signal }).catch(() => {});
  }
}

/** One line on why the server could not be asked. */
export function whatFailed(url: URL, error: unknown): string {
  const { name, message, cause } = error as Error & { cause?: Error & { code?: string } };
  const why = name === 'TimeoutError' ? 'no answer' : cause?.message || cause?.code || message;
  return plainText(`${url.origin}: ${why}`);
}

async function ask(url: URL, path: string, signal: AbortSignal): Promise<Response> {
  const response = await fetch(new URL(path, url), { signal, redirect: 'error' });
  if (response.ok) return response;
  throw new Error(`it answered ${response.status}: ${(await response.text()).slice(0, MAX_REASON_CHARS)}`);
}

/** The data of each server-sent event. Throws when the server is silent for too long. */
async function* eventsOf(url: URL, signal: AbortSignal): AsyncGenerator<string> {
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(new DOMException('', 'TimeoutError')), SILENCE_MS);
  try {
    const response = await ask(url, '/api/events', AbortSignal.any([signal, silence.signal]));
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of response.body ?? []) {
      timer.refresh();
      text += decoder.decode(chunk, { stream: true });
      const events = text.split(/\r?\n\r?\n/);
      text = events.pop() ?? '';
      if (text.length > MAX_EVENT_CHARS) throw new Error('it sends an event without end');
      for (const event of events) {
        const data = event.match(/^data:.*$/gm)?.map((line) => line.slice('data:'.length));
        if (data) yield data.join('\n');
      }
    }
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

/** Texts in it are safe to show: whoever sends them must not command the terminal. */
function readStatus(json: string): ServerStatus {
  let status: ServerStatus | null = null;
  try {
    status = JSON.parse(json, (_, value: unknown) => (typeof value === 'string' ? plainText(value) : value));
  } catch {
    // Told below.
  }
  const isStatus =
    Array.isArray(status?.loops) && Array.isArray(status.events) && typeof status.uptimeMs === 'number';
  if (!isStatus) throw new Error('it does not answer as a polyloop admin server');
  return status as ServerStatus;
}
