/** Plain HTTP by autocannon: every answer must have the status and the body that are expected. */
import autocannon from 'autocannon';
import type { Figures } from '../result.ts';
import { fail, type Load, warmUpMs } from './load.ts';
import { Measurement } from './measurement.ts';

export interface HttpLoad extends Load {
  readonly kind: 'http';
  readonly path: string;
  readonly connections: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
  readonly body: string;
}

export async function http(load: HttpLoad): Promise<Figures> {
  const shoot = (seconds: number): Promise<autocannon.Result> =>
    autocannon({
      url: `http://127.0.0.1:${load.port}${load.path}`,
      connections: load.connections,
      duration: seconds,
      headers: { ...load.headers },
      expectBody: load.body,
    });
  await shoot(warmUpMs(load) / 1000);
  const measurement = new Measurement(load.pids);
  const result = await shoot(load.seconds);
  const { p50, p99, p99_9, max } = result.latency;
  const figures = measurement.end(result.requests.total, { p50, p99, p999: p99_9, max });
  if (result.errors > 0) fail(`${result.errors} requests failed`);
  if (result.mismatches > 0) fail(`${result.mismatches} answers had another body`);
  const right = result.statusCodeStats?.[`${load.status}`]?.count ?? 0;
  const answers = result['1xx'] + result['2xx'] + result['3xx'] + result['4xx'] + result['5xx'];
  if (right !== answers || answers === 0) fail(`${answers - right} of ${answers} answers had another status`);
  return figures;
}
