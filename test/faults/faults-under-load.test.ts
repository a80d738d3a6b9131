/** Each fault that an app can have, with many clients on every loop and messages published all the time. */
import type { LoopSnapshot } from 'polyloop';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Client } from '../harness/client.ts';
import { refusal } from '../harness/client.ts';
import { openOnLoop } from '../harness/greeting.ts';
import { Listener } from '../harness/listener.ts';
import { ServerProcess } from '../harness/server-process.ts';
import { until } from '../harness/until.ts';

const IS_LONG = process.env.POLYLOOP_STRESS === '1';
const CLIENTS = IS_LONG ? 1000 : 100;
const BLOCK_MS = IS_LONG ? 5000 : 2000;
const LOOPS = 4;
/** Publishes, and is never at fault. */
const PUBLISHER = 0;
const PUBLISH_MS = 25;
const AT_ONCE = 100;
/** Only for the long run: what a busy machine takes says nothing. */
const MOST_MS = 2000;
const TIMEOUT_MS = 60_000;

interface Figures {
  readonly published: number;
  readonly refused: number;
  readonly subscribers: number;
  readonly loops: readonly LoopSnapshot[];
}

let server: ServerProcess;
let control: Client;
let crowd: Listener[];
/** Loops that this file has made fail. */
let provoked = 0;

beforeAll(async () => {
  const app = ['--app', 'test/fixtures/faults-app.js', '--max-heap', '64MiB'];
  server = await ServerProcess.start('--workers', String(LOOPS), ...app);
  ({ client: control } = await openOnLoop(server.url('/control'), PUBLISHER));
  await order(`publish: ${PUBLISH_MS}`);
  crowd = [];
  while (crowd.length < CLIENTS) {
    for (let i = 0; i < AT_ONCE; i++) crowd.push(new Listener(server.url('')));
    await allServed();
  }
}, TIMEOUT_MS);

afterAll(() => server.stop());

/** Whatever the fault was, nobody has missed a message while connected. */
afterEach(() => {
  expect(server.stderr).toBe('');
  expect(crowd.flatMap(({ wrong }) => wrong)).toEqual([]);
});

async function order(text: string): Promise<Figures> {
  control.send(text);
  return JSON.parse(String(await control.next())) as Figures;
}

/** Everyone has got a message that was published after now. */
async function allServed(): Promise<void> {
  const { published } = await order('figures');
  await until(() => crowd.every(({ isServed, last }) => isServed && last > published));
}

/** The loops' counts are the clients', and no loop was replaced but those that failed. */
async function expectRightCounts(): Promise<void> {
  await until(async () => {
    const { subscribers, loops } = await order('figures');
    const connections = loops.reduce((sum, loop) => sum + loop.connections, 0);
    return subscribers === crowd.length && connections === crowd.length + 1;
  });
  const { loops } = await order('figures');
  for (const { id, connections } of loops) {
    const own = crowd.filter(({ greeting }) => greeting?.loop === id).length;
    expect(connections, `loop ${id}`).toBe(id === PUBLISHER ? own + 1 : own);
  }
  expect(loops.reduce((sum, { generation }) => sum + generation - 1, 0)).toBe(provoked);
}

const on = (loop: number): Listener[] => crowd.filter(({ greeting }) => greeting?.loop === loop);

/** `touched` are those that the fault may delay. */
function report(fault: string, touched = crowd.filter(({ losses }) => losses.length > 0)): void {
  const losses = crowd.flatMap(({ losses }) => losses);
  const slowestMs = Math.max(
    0,
    ...losses.map(({ servedAfterMs = Number.POSITIVE_INFINITY }) => servedAfterMs),
  );
  const refusals = crowd.reduce((sum, { refusals }) => sum + refusals, 0);
  const others = crowd.filter((client) => !touched.includes(client));
  const silenceMs = Math.max(...others.map((client) => client.silenceMs));
  console.log(
    `${fault}: ${losses.length} of ${crowd.length} closed, all served again after ${slowestMs.toFixed()} ms,`,
    `${refusals} attempts refused; longest silence of the others ${silenceMs.toFixed()} ms`,
  );
  if (IS_LONG) expect(slowestMs).toBeLessThan(MOST_MS);
}

const CALLBACKS: [string, number, (victim: Listener) => void][] = [
  ['onUpgrade', 1011, () => {}],
  ['onText', 1011, ({ socket }) => socket.send('text')],
  ['onBinary', 1011, ({ socket }) => socket.send(Buffer.of(1))],
  ['onMessage', 1011, ({ socket }) => socket.send('text')],
  ['onPing', 1011, ({ socket }) => socket.ping()],
  ['onPong', 1011, ({ socket }) => socket.pong()],
  ['onDrain', 1011, ({ socket }) => socket.send('fill')],
  ['onClose', 1000, ({ socket }) => socket.close(1000)],
];

test.each(CALLBACKS)(
  'closes that connection only, and counts right, when %s throws',
  async (callback, code, trigger) => {
    for (const client of crowd) client.reset();
    const victim = new Listener(server.url(''), `/throws/${callback}`);
    crowd.push(victim);
    await until(() => victim.greeting !== undefined || victim.losses.length > 0);
    trigger(victim);
    await until(() => victim.losses.length > 0);
    await allServed();
    report(callback);
    expect(crowd.flatMap(({ losses }) => losses).map(({ code }) => code)).toEqual([code]);
    expect(victim.losses).toHaveLength(1);
    await expectRightCounts();
    crowd.pop();
    victim.leave();
    await expectRightCounts();
  },
);

test('refuses that attempt only when shouldUpgrade throws', async () => {
  for (const client of crowd) client.reset();
  expect((await refusal(server.url('/throws/shouldUpgrade'))).status).toBe(500);
  await allServed();
  expect(crowd.flatMap(({ losses }) => losses)).toEqual([]);
  await expectRightCounts();
});

const FAULTS: [string, number, number][] = [
  ['throw in a timer', 1, 1011],
  ['leave a rejected promise', 2, 1011],
  ['exit', 3, 1012],
  ['fill the heap', 1, 1012],
];

test.each(FAULTS)(
  'closes the connections of that loop only, serves them again soon, and keeps order and counts, when the app does this: %s',
  async (fault, loop, code) => {
    for (const client of crowd) client.reset();
    const victims = on(loop);
    expect(victims.length).toBeGreaterThan(1);
    const { generation } = victims[0]?.greeting ?? {};
    provoked++;
    victims[0]?.socket.send(fault);
    await until(() => victims.every(({ losses }) => losses.length > 0));
    await until(() => crowd.every(({ isServed }) => isServed));
    report(fault);
    await allServed();
    for (const victim of crowd) {
      const expected = victims.includes(victim) ? [{ loop, generation, code }] : [];
      expect(victim.losses.map(({ loop, generation, code }) => ({ loop, generation, code }))).toEqual(
        expected,
      );
    }
    await server.line('loop replaced', (line) => line.loop === loop);
    await until(async () => {
      const { loops } = await order('figures');
      return loops.every(
        ({ id, generation: now, state }) => state === 'ready' && (id !== loop || now !== generation),
      );
    });
    await expectRightCounts();
  },
  TIMEOUT_MS,
);

test(
  'closes nobody, keeps others supplied, and delivers everything afterwards when a loop is blocked for seconds',
  async () => {
    for (const client of crowd) client.reset();
    const loop = crowd[0]?.greeting?.loop === 2 ? 3 : 2;
    const blocked = on(loop);
    blocked[0]?.socket.send(`block: ${BLOCK_MS}`);
    await until(() => blocked.every(({ silenceMs }) => silenceMs > BLOCK_MS * 0.8));
    await allServed();
    report('block', blocked);
    expect(crowd.flatMap(({ losses }) => losses)).toEqual([]);
    for (const client of crowd)
      if (!blocked.includes(client)) expect(client.silenceMs).toBeLessThan(BLOCK_MS / 2);
    await expectRightCounts();
  },
  TIMEOUT_MS,
);

test('stops in order, after everyone has got everything, when onShutdown throws', async () => {
  for (const client of crowd) client.reset();
  const { published, refused } = await order('stop');
  expect(refused).toBe(0);
  await until(() => crowd.every(({ last }) => last >= published));
  expect(new Set(crowd.map(({ last }) => last))).toEqual(new Set([published]));
  for (const client of crowd) client.stay();
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  await until(() => crowd.every(({ losses }) => losses.length > 0));
  expect(new Set(crowd.flatMap(({ losses }) => losses).map(({ code }) => code))).toEqual(new Set([1001]));
  expect(server.lines.filter(({ msg }) => msg === 'onShutdown failed').length).toBeGreaterThanOrEqual(LOOPS);
  expect(server.torn).toEqual([]);
});
