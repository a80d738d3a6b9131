/** The table of metrics: what each is called, what it means, and where in the status of the server it is read. */

import type { LoopStatus, ServerStatus } from '../primary/admin/status.ts';
import type { TimeSummary } from '../primary/offload-stats.ts';
import type { BackplaneStatus } from '../primary/open-bridge.ts';
import { RESTART_CAUSES, SERVER_STATES } from '../server-state.ts';
import type { DurationSnapshot } from '../shared/duration.ts';
import type { CounterName } from '../shared/layout.ts';

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
  /** `_bucket`, `_sum`, `_count` of a histogram or a summary. */
  readonly suffix?: string;
}

export interface Metric {
  /** By Prometheus' conventions: base units, `_total` behind a counter. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  readonly help: string;
  /** Names of its labels, without `le` and `quantile`. */
  readonly labels: readonly string[];
  /** Nothing of what the server does not have. */
  read(status: ServerStatus): readonly Sample[];
}

const MS_PER_SECOND = 1000;

// ── kinds of metrics ──

const loopLabel = ({ id }: LoopStatus): string => String(id);

/** One number of the server. */
function single(
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  value: (status: ServerStatus) => number,
): Metric {
  return { type, name, help, labels: [], read: (status) => [{ labels: {}, value: value(status) }] };
}

/** One number of the backplane. */
function ofBackplane(
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  value: (backplane: BackplaneStatus) => number,
): Metric {
  return {
    type,
    name,
    help,
    labels: [],
    read: ({ backplane }) => (backplane === null ? [] : [{ labels: {}, value: value(backplane) }]),
  };
}

/** One number of each loop. */
function perLoop(
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  value: (loop: LoopStatus) => number,
): Metric {
  return {
    type,
    name,
    help,
    labels: ['loop'],
    read: ({ loops }) => loops.map((loop) => ({ labels: { loop: loopLabel(loop) }, value: value(loop) })),
  };
}

/** A loop's counter as it is. */
const counted = (name: string, counter: CounterName, help: string): Metric =>
  perLoop('counter', name, help, ({ counters }) => counters[counter]);

/** Counters of each loop that are one thing for several reasons. */
function byReason(
  name: string,
  help: string,
  reasons: Readonly<Record<string, (counters: LoopStatus['counters']) => number>>,
): Metric {
  return {
    type: 'counter',
    name,
    help,
    labels: ['loop', 'reason'],
    read: ({ loops }) =>
      loops.flatMap((loop) =>
        Object.entries(reasons).map(([reason, count]) => ({
          labels: { loop: loopLabel(loop), reason },
          value: count(loop.counters),
        })),
      ),
  };
}

function histogram(name: string, help: string, duration: (loop: LoopStatus) => DurationSnapshot): Metric {
  return {
    type: 'histogram',
    name,
    help,
    labels: ['loop'],
    read: ({ loops }) => loops.flatMap((loop) => histogramSamples({ loop: loopLabel(loop) }, duration(loop))),
  };
}

function histogramSamples(labels: Labels, { boundsMs, counts, sumMs }: DurationSnapshot): Sample[] {
  const samples: Sample[] = [];
  let count = 0;
  for (const [bucket, inBucket] of counts.entries()) {
    count += inBucket;
    const bound = boundsMs[bucket];
    const le = bound === undefined ? '+Inf' : String(bound / MS_PER_SECOND);
    samples.push({ labels: { ...labels, le }, value: count, suffix: '_bucket' });
  }
  samples.push({ labels, value: sumMs / MS_PER_SECOND, suffix: '_sum' });
  samples.push({ labels, value: count, suffix: '_count' });
  return samples;
}

function summary(name: string, help: string, times: (status: ServerStatus) => TimeSummary): Metric {
  return {
    type: 'summary',
    name,
    help,
    labels: [],
    read(status) {
      const { count, mean, p50, p99 } = times(status);
      return [
        { labels: { quantile: '0.5' }, value: p50 / MS_PER_SECOND },
        { labels: { quantile: '0.99' }, value: p99 / MS_PER_SECOND },
        { labels: {}, value: (mean * count) / MS_PER_SECOND, suffix: '_sum' },
        { labels: {}, value: count, suffix: '_count' },
      ];
    },
  };
}

/** What the primary does itself counts as its own. */
function withPrimary(metric: Metric, ofPrimary: (status: ServerStatus) => number): Metric {
  return {
    ...metric,
    read: (status) => [...metric.read(status), { labels: { loop: 'primary' }, value: ofPrimary(status) }],
  };
}

// ── the table ──

export const METRICS: readonly Metric[] = [
  {
    type: 'gauge',
    name: 'polyloop_build_info',
    help: 'Always 1; what is running',
    labels: ['version', 'node'],
    read: ({ version, nodeVersion }) => [{ labels: { version, node: nodeVersion }, value: 1 }],
  },
  {
    type: 'gauge',
    name: 'polyloop_server_state',
    help: '1 for the state that the server is in',
    labels: ['state'],
    read: ({ state }) =>
      SERVER_STATES.map((one) => ({ labels: { state: one }, value: Number(one === state) })),
  },

  perLoop('gauge', 'polyloop_loop_up', '1 when the loop serves and turns', ({ state, isStale }) =>
    Number(state === 'ready' && !isStale),
  ),
  perLoop('gauge', 'polyloop_loop_generation', 'Threads that the loop has had', (loop) => loop.generation),
  perLoop(
    'gauge',
    'polyloop_loop_heartbeat_age_seconds',
    'Time since the loop last said that it turns',
    (loop) => loop.heartbeatAgeMs / MS_PER_SECOND,
  ),
  perLoop(
    'gauge',
    'polyloop_loop_utilization_ratio',
    'Share of time, 0 to 1, when the loop did not sleep',
    (loop) => loop.utilization,
  ),
  histogram(
    'polyloop_loop_lag_seconds',
    'How late the loop was for its heartbeats',
    (loop) => loop.durations.lag,
  ),
  perLoop('gauge', 'polyloop_heap_used_bytes', "The loop's JavaScript heap", (loop) => loop.heapUsedBytes),
  perLoop(
    'gauge',
    'polyloop_heap_limit_bytes',
    "Most that the loop's heap may have; it is replaced before",
    (loop) => loop.heapLimitBytes,
  ),
  {
    type: 'counter',
    name: 'polyloop_loop_restarts_total',
    help: 'Threads that another one has followed, by what ended them',
    labels: ['cause'],
    read: ({ restarts }) => RESTART_CAUSES.map((cause) => ({ labels: { cause }, value: restarts[cause] })),
  },

  perLoop('gauge', 'polyloop_connections', 'Open WebSocket connections', (loop) => loop.connections),
  perLoop('gauge', 'polyloop_sockets', 'Open TCP connections of any kind', (loop) => loop.sockets),
  counted('polyloop_connections_opened_total', 'connectionsOpened', 'Handshakes that became connections'),
  byReason('polyloop_connections_cut_total', 'Connections that the server ended', {
    idle: (counters) => counters.idleTimeouts,
    lifetime: (counters) => counters.lifetimesOver,
    messages_per_second: (counters) => counters.messagesOverRate,
    messages_per_second_per_ip: (counters) => counters.messagesOverIpRate,
    protocol: (counters) => counters.protocolErrors,
    too_slow: (counters) => counters.slowConsumersClosed,
  }),
  byReason('polyloop_upgrades_refused_total', 'Handshakes that came to nothing', {
    aborted: (counters) => counters.upgradesAborted,
    app: (counters) => counters.upgradesRefusedByApp,
    draining: (counters) => counters.upgradesDraining,
    error: (counters) => counters.upgradesFailed,
    handshake_timeout: (counters) => counters.upgradesTimedOut,
    invalid: (counters) => counters.upgradesInvalid,
    max_connections: (counters) => counters.upgradesOverTotal,
    max_connections_per_ip: (counters) => counters.upgradesOverIp,
    origin: (counters) => counters.originsRefused,
    uncounted: (counters) => counters.upgradesUncounted,
    unknown_path: (counters) => counters.upgradesUnknownPath,
    upgrades_per_second: (counters) => counters.upgradesOverRate,
  }),
  histogram(
    'polyloop_upgrade_duration_seconds',
    'From a request to its 101 answer',
    (loop) => loop.durations.upgrade,
  ),
  counted('polyloop_http_requests_total', 'httpRequests', 'Plain HTTP requests'),

  counted('polyloop_messages_received_total', 'messagesIn', 'Messages of clients'),
  counted('polyloop_received_bytes_total', 'bytesIn', 'Payloads of messages of clients'),
  counted('polyloop_messages_sent_total', 'messagesOut', 'Messages to clients, those of channels too'),
  counted('polyloop_sent_bytes_total', 'bytesOut', 'Payloads of messages to clients, those of channels too'),
  counted('polyloop_messages_unread_total', 'messagesUnread', 'Messages of clients that no callback took'),
  counted(
    'polyloop_messages_too_big_total',
    'oversizedMessages',
    'Messages over `maxPayload`; their connections count as cut for the protocol, too',
  ),
  counted('polyloop_messages_dropped_total', 'messagesDropped', 'Messages that slow clients missed'),
  perLoop(
    'gauge',
    'polyloop_buffered_bytes',
    'What waits to be sent to slow clients',
    (loop) => loop.bufferedBytes,
  ),
  perLoop(
    'gauge',
    'polyloop_backlogged_connections',
    'Connections for which something waits',
    (loop) => loop.backlogs,
  ),
  counted(
    'polyloop_handler_errors_total',
    'handlerErrors',
    'Callbacks and handlers of the app that threw or rejected',
  ),
  counted(
    'polyloop_limits_unchecked_total',
    'limitsUnchecked',
    'Checks of a rate for which there was no memory',
  ),

  withPrimary(
    counted('polyloop_publishes_total', 'published', 'Messages that were published'),
    ({ publishes }) => publishes.accepted,
  ),
  withPrimary(
    counted('polyloop_publishes_refused_total', 'publishesRefused', 'Publishes that were refused'),
    ({ publishes }) => publishes.refused,
  ),
  counted('polyloop_deliveries_total', 'deliveries', 'Published messages handed to connections'),
  counted('polyloop_subscriptions_refused_total', 'subscriptionsRefused', 'Subscriptions that were refused'),
  single('gauge', 'polyloop_channels', 'Channels that are known', ({ channels }) => channels.count),
  single('gauge', 'polyloop_channels_limit', 'Most channels at a time', ({ channels }) => channels.max),
  single('gauge', 'polyloop_log_bytes', 'Size of the log', ({ log }) => log.bytes),
  single(
    'counter',
    'polyloop_log_written_bytes_total',
    'Records ever written to the log, with their headers',
    ({ log }) => log.writtenBytes,
  ),
  perLoop(
    'gauge',
    'polyloop_log_unread_bytes',
    'What the loop has before it in the log; at `polyloop_log_bytes` publishes are refused',
    (loop) => loop.unreadBytes,
  ),
  counted('polyloop_wakeups_total', 'wakeUps', 'Times that the doorbell woke the loop'),

  ofBackplane('gauge', 'polyloop_backplane_up', '1 when the engine is there', ({ state }) =>
    Number(state === 'connected'),
  ),
  ofBackplane(
    'counter',
    'polyloop_backplane_messages_sent_total',
    'Messages that the engine was given',
    ({ sent }) => sent,
  ),
  ofBackplane(
    'counter',
    'polyloop_backplane_messages_received_total',
    'Messages that came from the engine',
    ({ received }) => received,
  ),
  ofBackplane(
    'counter',
    'polyloop_backplane_messages_dropped_total',
    'Messages of this node that were given up before the engine had them',
    ({ dropped }) => dropped,
  ),
  ofBackplane(
    'counter',
    'polyloop_backplane_messages_missed_total',
    'Messages of other nodes that did not come',
    ({ missed }) => missed,
  ),
  ofBackplane(
    'counter',
    'polyloop_backplane_messages_refused_total',
    'What came and was not from a node',
    ({ refused }) => refused,
  ),
  ofBackplane(
    'counter',
    'polyloop_backplane_reconnects_total',
    'Times that the engine was there again',
    ({ reconnects }) => reconnects,
  ),
  ofBackplane(
    'gauge',
    'polyloop_backplane_waiting_bytes',
    'Messages that wait for the engine',
    ({ waitingBytes }) => waitingBytes,
  ),

  single('gauge', 'polyloop_offload_workers_limit', 'Most offload workers', ({ offload }) => offload.workers),
  single('gauge', 'polyloop_offload_queued', 'Tasks that wait', ({ offload }) => offload.queued),
  single('gauge', 'polyloop_offload_running', 'Tasks that run', ({ offload }) => offload.running),
  {
    type: 'counter',
    name: 'polyloop_offload_tasks_total',
    help: 'Tasks that are over, by how they ended',
    labels: ['result'],
    read: ({ offload }) => [
      { labels: { result: 'aborted' }, value: offload.aborted },
      { labels: { result: 'completed' }, value: offload.completed },
      { labels: { result: 'failed' }, value: offload.failed },
      { labels: { result: 'refused' }, value: offload.refused },
      { labels: { result: 'timed_out' }, value: offload.timedOut },
    ],
  },
  summary(
    'polyloop_offload_wait_seconds',
    'From the call of a task to its start',
    ({ offload }) => offload.waitMs,
  ),
  summary(
    'polyloop_offload_run_seconds',
    'From the start of a task to its end',
    ({ offload }) => offload.runMs,
  ),
];
