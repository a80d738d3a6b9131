/**
 * OpenTelemetry spans, when the app module has registered an SDK on its loop. The package brings the API alone, which does nothing
 * by itself; without an SDK nothing of it is called.
 */
import {
  type Attributes,
  type Context,
  context,
  ProxyTracerProvider,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { plainError } from '../plain-error.ts';
import { version } from '../version.ts';
import type { RequestHead } from './request-head.ts';

const SERVER_ERROR = 500;
const SAMPLED = 1;

/** A span that runs until it is ended; ending it again changes nothing. */
export class OpenSpan {
  readonly #span: Span;
  readonly #context: Context;

  constructor(span: Span, parent: Context) {
    this.#span = span;
    this.#context = trace.setSpan(parent, span);
  }

  /** What comes after belongs to this span, see `traceparent.ts`. */
  get traceparent(): string {
    const { traceId, spanId, traceFlags } = this.#span.spanContext();
    return `00-${traceId}-${spanId}-${traceFlags & SAMPLED ? '01' : '00'}`;
  }

  /** Calls with this span as the active one, so that spans that are started meanwhile are its children. */
  run<T>(call: () => T): T {
    return context.with(this.#context, call);
  }

  /** With what was answered. */
  answered(status: number): void {
    this.#span.setAttribute('http.response.status_code', status);
    if (status >= SERVER_ERROR) this.#span.setStatus({ code: SpanStatusCode.ERROR });
    this.#span.end();
  }

  failed(error: unknown): void {
    const plain = plainError(error);
    this.#span.recordException(plain);
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message: plain.message });
    this.#span.end();
  }

  /** The client has left meanwhile. */
  aborted(): void {
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message: 'the client has left' });
    this.#span.end();
  }

  done(): void {
    this.#span.end();
  }
}

export class Tracing {
  readonly #tracer: Tracer;

  /** Null when there is no SDK on this thread. */
  static find(): Tracing | null {
    const provider = trace.getTracerProvider();
    const none = new ProxyTracerProvider().getDelegate();
    const isThere = !(provider instanceof ProxyTracerProvider) || provider.getDelegate() !== none;
    return isThere ? new Tracing(trace.getTracer('polyloop', version())) : null;
  }

  private constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  /** The handling of a handshake, within the trace that the client names. */
  upgrade(head: RequestHead, route: string, clientAddress: string): OpenSpan {
    const parent = propagation.extract(ROOT_CONTEXT, head, {
      get: (carrier, name) => carrier.header(name) || undefined,
      keys: (carrier) => [...carrier.headers.keys()],
    });
    const attributes = {
      'http.request.method': head.method,
      'http.route': route,
      'url.path': head.path,
      'client.address': clientAddress,
      'network.protocol.name': 'websocket',
    };
    return this.#open(`${head.method} ${route}`, SpanKind.SERVER, attributes, parent);
  }

  /** A task, from its call to its result, within the span that is active. */
  async offload<T>(task: string, run: () => Promise<T>): Promise<T> {
    const parent = context.active();
    const span = this.#open(`offload ${task}`, SpanKind.INTERNAL, { 'polyloop.task': task }, parent);
    try {
      const result = await run();
      span.done();
      return result;
    } catch (error) {
      span.failed(error);
      throw error;
    }
  }

  #open(name: string, kind: SpanKind, attributes: Attributes, parent: Context): OpenSpan {
    return new OpenSpan(this.#tracer.startSpan(name, { kind, attributes }, parent), parent);
  }
}
