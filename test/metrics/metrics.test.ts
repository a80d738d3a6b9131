/** The table of metrics, and what is made of it for Prometheus: its format, its conventions, its documentation. */
import { spawnSync } from 'node:child_process';
import parsePrometheusTextFormat from 'parse-prometheus-text-format';
import type { ServerStatus } from 'polyloop';
import { describe, expect, it } from 'vitest';
import { METRICS } from '../../src/metrics/metrics.ts';
import { PrometheusText } from '../../src/metrics/prometheus.ts';
import { COUNTERS } from '../../src/shared/layout.ts';
import { type Family, growing, readExposition, total } from '../harness/exposition.ts';
import { codeSpans, markdownTable } from '../harness/markdown-table.ts';
import { SAMPLE_BACKPLANE, sampleStatus } from '../harness/sample-status.ts';

const DOCUMENT = new URL('../../docs/metrics.md', import.meta.url);
/** Of Prometheus: https://prometheus.io/docs/practices/naming/#base-units, and what counts things. */
const UNITS = /_(seconds|bytes|ratio|info|total)$/;
const ABBREVIATIONS = /(^|_)(ms|msec|sec|secs|us|usec|kb|kib|mb|mib|percent|pct|num|cnt|count)(_|$)/;
const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
if (!hasPromtool) console.log('no promtool here: its check of the metrics is left out');

/** Every number another one, so that none can stand for another. */
function numbered(): ServerStatus {
  let next = 1000;
  const status = sampleStatus();
  const loops = status.loops.map((loop) => {
    const counters = Object.fromEntries(COUNTERS.map((name) => [name, next++])) as typeof loop.counters;
    const durations = structuredClone(loop.durations);
    for (const { counts } of Object.values(durations)) (counts as number[]).fill(2);
    return { ...loop, counters, durations };
  });
  const times = { count: 4, mean: 250, p50: 100, p99: 900, max: 1000 };
  const offload = { ...status.offload, waitMs: times, runMs: times };
  const publishes = { accepted: next++, refused: next++ };
  return { ...status, loops, offload, publishes, backplane: SAMPLE_BACKPLANE };
}

const scrape = (status: ServerStatus): Promise<string> => new PrometheusText(() => status).scrape();
const families = async (status = numbered()): Promise<Family[]> => readExposition(await scrape(status));
/** Without what prom-client tells of the process. */
const own = async (): Promise<Family[]> =>
  (await families()).filter(({ name }) => name.startsWith('polyloop_'));

describe('the exposition', () => {
  it('has every metric of the table, in its order, with its type, help and labels', async () => {
    const found = (await own()).map(({ name, type, help, samples }) => {
      const labels = new Set(samples.flatMap((sample) => Object.keys(sample.labels)));
      return {
        name,
        type,
        help,
        labels: [...labels].filter((label) => label !== 'le' && label !== 'quantile').sort(),
      };
    });
    expect(found).toEqual(
      METRICS.map(({ name, type, help, labels }) => ({ name, type, help, labels: [...labels].sort() })),
    );
  });

  it('is read alike by an independent parser', async () => {
    const text = await scrape(numbered());
    const theirs = new Map(parsePrometheusTextFormat(text).map((family) => [family.name, family]));
    for (const { name, type, help, samples } of readExposition(text)) {
      if (samples.length === 0) continue;
      const family = theirs.get(name);
      expect(family).toMatchObject({ type: type.toUpperCase(), help });
      // It gives only one of several histograms with labels.
      if (type === 'histogram' || type === 'summary') continue;
      const values = (family?.metrics ?? []).map(({ value }) => value);
      expect(values.map(Number).sort(), name).toEqual(samples.map(({ value }) => value).sort());
    }
  });

  it.runIf(hasPromtool)('is accepted by promtool, without a remark', async () => {
    const { stdout, stderr, status } = spawnSync('promtool', ['check', 'metrics'], {
      input: await scrape(numbered()),
    });
    expect(`${stdout}${stderr}`).toBe('');
    expect(status).toBe(0);
  });

  it('spells what is not a number as Prometheus does', async () => {
    // Two scrapes at once leave prom-client nothing to measure between them.
    const metrics = new PrometheusText(numbered);
    const texts = await Promise.all([metrics.scrape(), metrics.scrape(), metrics.scrape()]);
    for (const text of texts) expect(() => readExposition(text)).not.toThrow();
  });

  it('has buckets that add up, the last one being all', async () => {
    const histograms = (await own()).filter(({ type }) => type === 'histogram');
    expect(histograms).toHaveLength(2);
    for (const { name, samples } of histograms) {
      for (const loop of ['0', '1']) {
        const buckets = samples.filter(
          (sample) => sample.name === `${name}_bucket` && sample.labels.loop === loop,
        );
        const bounds = buckets.map(({ labels: { le } }) =>
          le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le),
        );
        expect(bounds).toEqual(bounds.toSorted((a, b) => a - b));
        expect(bounds.at(-1)).toBe(Number.POSITIVE_INFINITY);
        expect(buckets.map(({ value }) => value)).toEqual(buckets.map((_, index) => 2 * (index + 1)));
        expect(total([{ name, help: '', type: 'histogram', samples }], `${name}_count`, { loop })).toBe(
          2 * buckets.length,
        );
      }
    }
  });

  it('tells times in seconds', async () => {
    const all = await own();
    expect(total(all, 'polyloop_offload_run_seconds', { quantile: '0.99' })).toBe(0.9);
    expect(total(all, 'polyloop_offload_run_seconds_sum')).toBe(1);
    expect(total(all, 'polyloop_offload_run_seconds_count')).toBe(4);
  });

  it('has the numbers of the backplane, and whether the engine is there', async () => {
    const told = async (status: ServerStatus): Promise<(readonly [string, number])[]> => {
      const all = (await families(status)).filter(({ name }) => name.startsWith('polyloop_backplane_'));
      return all.map(({ name }) => [name.replace('polyloop_backplane_', ''), total(all, name)]);
    };
    const counts = [
      ['messages_sent_total', 20],
      ['messages_received_total', 30],
      ['messages_dropped_total', 4],
      ['messages_missed_total', 5],
      ['messages_refused_total', 6],
      ['reconnects_total', 7],
      ['waiting_bytes', 2048],
    ];
    expect(await told(numbered())).toEqual([['up', 1], ...counts]);
    for (const state of ['degraded', 'down'] as const) {
      const backplane = { ...SAMPLE_BACKPLANE, state };
      expect(await told({ ...numbered(), backplane })).toEqual([['up', 0], ...counts]);
    }
  });

  it('says nothing of a backplane when there is none', async () => {
    const text = await scrape({ ...numbered(), backplane: null });
    expect(text).not.toContain('backplane');
    expect(text).toContain('polyloop_channels_limit');
    expect(() => readExposition(text)).not.toThrow();
  });

  it('has every counter of a loop, alone or as a reason, but for the sum of some of them', async () => {
    const status = numbered();
    const told = new Set([...growing(await families(status)).values()]);
    const [loop] = status.loops;
    const missing = COUNTERS.filter((name) => !told.has(loop?.counters[name] ?? Number.NaN));
    expect(missing).toEqual(['upgradesRejected']);
  });
});

describe.each(METRICS.map((metric) => [metric.name, metric] as const))(
  '%s',
  (name, { type, help, labels }) => {
    it('is named by the conventions', () => {
      expect(name).toMatch(/^polyloop_[a-z]+(_[a-z]+)*$/);
      expect(name).not.toMatch(ABBREVIATIONS);
      expect(name.endsWith('_total')).toBe(type === 'counter');
      if (type === 'histogram' || type === 'summary') expect(name).toMatch(/_seconds$/);
      if (/byte/i.test(help)) expect(name).toMatch(UNITS);
      for (const label of labels) expect(label).toMatch(/^[a-z]+$/);
    });

    it('is explained in one line without a full stop', () => {
      expect(help).toMatch(/^\S[^\n|]*[^.\s]$/);
    });
  },
);

it('is documented: docs/metrics.md has the table, in order and word for word', () => {
  const rows = markdownTable(DOCUMENT, 'The metrics').map(([name = '', type, labels = '', meaning]) => ({
    name: codeSpans(name)[0],
    type,
    labels: codeSpans(labels),
    help: meaning,
  }));
  expect(rows).toEqual(
    METRICS.map(({ name, type, labels, help }) => ({ name, type, labels: [...labels], help })),
  );
});
