/** An operator: talks to the admin server of a server. */
import { once } from 'node:events';
import { type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import type { ServerStatus } from 'polyloop';
import { type Family, readExposition } from './exposition.ts';

export interface AdminAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface AdminRequest {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Uint8Array;
}

export class Admin {
  readonly #port: number;
  readonly #host: string;

  constructor(port: number | null, host = '127.0.0.1') {
    if (port === null) throw new RangeError('there is no admin server');
    this.#port = port;
    this.#host = host;
  }

  /** The answer's head; the body is still to come. Each request has a connection of its own. */
  async open(
    path: string,
    { method = 'GET', headers = {}, body }: AdminRequest = {},
  ): Promise<IncomingMessage> {
    const sent = request({ host: this.#host, port: this.#port, path, method, headers, agent: false });
    sent.end(body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    // The server may have answered before it was sent everything.
    sent.on('error', () => {});
    return response;
  }

  async ask(path: string, how: AdminRequest = {}): Promise<AdminAnswer> {
    const response = await this.open(path, how);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const { statusCode: status = 0, headers } = response;
    return { status, headers, body: Buffer.concat(chunks).toString() };
  }

  async post(
    path: string,
    body: unknown,
    headers: OutgoingHttpHeaders = {},
  ): Promise<{ status: number; body: unknown }> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const answer = await this.ask(path, { method: 'POST', headers, body: text });
    return { status: answer.status, body: JSON.parse(answer.body) };
  }

  async status(): Promise<ServerStatus> {
    return JSON.parse((await this.ask('/api/loops')).body) as ServerStatus;
  }

  async metrics(): Promise<Family[]> {
    return readExposition((await this.ask('/metrics')).body);
  }

  /** The statuses that come by server-sent events, as they come. Ends when the server ends them. */
  async *events(): AsyncGenerator<ServerStatus> {
    let text = '';
    for await (const chunk of await this.open('/api/events')) {
      text += String(chunk);
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const [, data = ''] = /^event: status\ndata: (.+)$/.exec(text.slice(0, end)) ?? [];
        text = text.slice(end + 2);
        yield JSON.parse(data) as ServerStatus;
      }
    }
    if (text !== '') throw new SyntaxError(`the events end in the middle of one: ${text}`);
  }
}
