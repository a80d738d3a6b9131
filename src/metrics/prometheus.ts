/** The metrics as Prometheus scrapes them. */
import { collectDefaultMetrics, type Metric as PromMetric, Registry } from 'prom-client';
import type { ServerStatus } from '../primary/admin/status.ts';
import { METRICS, type Metric } from './metrics.ts';

/** What prom-client knows of the process, and of the primary's thread: one for all servers in it. */
let processMetrics: Registry | undefined;

/** Sums of others, which are called like counters and are none. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

function collectProcessMetrics(): Registry {
  const register = new Registry();
  collectDefaultMetrics({ register });
  for (const name of MISNAMED) register.removeSingleMetric(name);
  return register;
}

/** Of what the server does not have there is only a head. */
const hasSamples = (text: string): boolean => !text.slice(text.lastIndexOf('\n') + 1).startsWith('#');

export class PrometheusText {
  readonly #registry = new Registry();
  readonly #read: () => ServerStatus;
  /** Read once for each scrape, so that its samples are of one moment. */
  #status: ServerStatus | undefined;

  constructor(read: () => ServerStatus) {
    this.#read = read;
    processMetrics ??= collectProcessMetrics();
    for (const metric of METRICS) this.#registry.registerMetric(this.#collected(metric));
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async scrape(): Promise<string> {
    this.#status = this.#read();
    const own = await Promise.all(METRICS.map(({ name }) => this.#registry.getSingleMetricAsString(name)));
    const texts = [...own.filter(hasSamples), (await processMetrics?.metrics()) ?? ''];
    // What prom-client measures between two scrapes is not a number when they are too close, and it does not spell that as Prometheus does.
    return texts.join('\n\n').replaceAll(/ Nan$/gm, ' NaN');
  }

  /** The totals are kept by the loops. prom-client's own metrics want to count themselves, so this is one that only tells. */
  #collected({ name, help, type, read }: Metric): PromMetric {
    const get = () => {
      const status = this.#status ?? this.#read();
      const values = read(status).map(({ labels, value, suffix = '' }) => {
        return { labels, value, metricName: name + suffix };
      });
      return Promise.resolve({ name, help, type, values, aggregator: 'sum' });
    };
    return { name, get } as unknown as PromMetric;
  }
}
