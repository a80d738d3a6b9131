/** The trace that a request belongs to, as W3C Trace Context has it (https://www.w3.org/TR/trace-context/#traceparent-header). */

const TRACEPARENT = /^(?!ff)([\da-f]{2})-(?!0{32})([\da-f]{32})-(?!0{16})[\da-f]{16}-[\da-f]{2}(-.*)?$/;
const FIRST_VERSION = '00';

/** The header if it is valid, else null. */
export function validTraceparent(header: string): string | null {
  if (header === '') return null;
  const [, version, , more] = TRACEPARENT.exec(header) ?? [];
  // Later versions may say more than the first.
  return version === undefined || (version === FIRST_VERSION && more !== undefined) ? null : header;
}

/** Fields of a log line, named as OpenTelemetry names them. */
export function traceFields(traceparent: string | null): { trace_id?: string } {
  const [, traceId] = traceparent?.split('-') ?? [];
  return traceId === undefined ? {} : { trace_id: traceId };
}
