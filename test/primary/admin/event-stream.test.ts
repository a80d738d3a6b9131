/** The status every second, by server-sent events. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type Administration, administration } from '../../harness/administered.ts';
import { RawClient } from '../../harness/raw-client.ts';
import { sampleStatus } from '../../harness/sample-status.ts';

const LISTENERS = 100;
const MIB = 1024 * 1024;
/** More than a listener may stay behind. */
const SECONDS = 30;
const REQUEST = 'GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n';

let of: Administration;
/** How often the status was read. */
let reads: number;
beforeEach(async () => {
  of = await administration();
  reads = 0;
  of.fake.status = () => sampleStatus({ uptimeMs: ++reads });
});
afterEach(() => of.server.close());

async function take(count: number): Promise<number[]> {
  const uptimes: number[] = [];
  for await (const { uptimeMs } of of.admin.events()) if (uptimes.push(uptimeMs) === count) break;
  return uptimes;
}

it('sends the status at once and then each second, for proxies to pass on at once', async () => {
  const startMs = performance.now();
  expect(await take(3)).toEqual([1, 2, 3]);
  // Two pauses of a second; a timer is never early by more than its resolution.
  expect(performance.now() - startMs).toBeGreaterThan(1900);
  const { headers } = await of.admin.open('/api/events');
  expect(headers).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
});

it('answers HEAD with the headers, and ends', async () => {
  const answer = await of.admin.ask('/api/events', { method: 'HEAD' });
  expect(answer).toMatchObject({
    status: 200,
    body: '',
    headers: { 'content-type': 'text/event-stream; charset=utf-8' },
  });
});

it('reads the status once each second, however many listen, and not at all when nobody does', async () => {
  const listeners = await Promise.all(Array.from({ length: LISTENERS }, () => take(2)));
  expect(new Set(listeners.map(([, second]) => second)).size).toBe(1);
  expect(reads).toBe(LISTENERS + 1);
  // The listeners have left: had the timer gone on, the first event of the next one would be a later one.
  const [first, second] = await take(2);
  expect([first, second]).toEqual([LISTENERS + 2, LISTENERS + 3]);
});

it('ends the stream of every listener when closed', async () => {
  const seen: number[] = [];
  for await (const { uptimeMs } of of.admin.events()) {
    seen.push(uptimeMs);
    if (seen.length === 2) of.server.close();
  }
  expect(seen).toEqual([1, 2]);
  await expect(of.admin.ask('/healthz')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

it('goes on when the status cannot be read for a second', async () => {
  const { status } = of.fake;
  const seen: number[] = [];
  for await (const { uptimeMs } of of.admin.events()) {
    if (seen.push(uptimeMs) === 2) break;
    of.fake.status = () => {
      of.fake.status = status;
      throw new Error('not now');
    };
  }
  expect(seen).toEqual([1, 2]);
});

it('keeps one status for a listener that does not read, then drops it, and no other', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  try {
    // As large as no status is, so that the sockets' own buffers are soon full.
    const text = 'x'.repeat(MIB);
    of.fake.status = () => sampleStatus({ detail: text });
    const idle = await RawClient.connect(of.port);
    idle.socket.pause();
    idle.write(REQUEST);
    const reader = of.admin.events();
    await reader.next();
    for (let second = 0; second < SECONDS; second++) {
      vi.advanceTimersByTime(1000);
      expect((await reader.next()).value?.detail?.length).toBe(text.length);
    }
    let bytes = 0;
    idle.socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    // The end of the connection is seen behind what had been sent before.
    idle.socket.resume();
    await idle.ended;
    expect(bytes).toBeLessThan((SECONDS / 2) * text.length);
    await reader.return(undefined);
  } finally {
    vi.useRealTimers();
  }
});
