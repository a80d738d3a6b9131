/** Loops and servers that end while offload workers have tasks of theirs. */
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Offloading } from '../harness/offloading.ts';
import { ServerProcess } from '../harness/server-process.ts';
import { until } from '../harness/until.ts';

const APP = fileURLToPath(new URL('../fixtures/offload-app.js', import.meta.url));
const DRAIN_MS = 1000;
let server: Offloading;

const generation = (): number | undefined => server.fixture.generations[0];

/** One that never ends is running, and one waits. */
async function occupy(): Promise<void> {
  await server.get('/start?task=endless');
  await server.get('/start?task=thread');
  await until(() => server.now.running === 1 && server.now.queued === 1);
}

describe('tasks of a loop', () => {
  beforeEach(async () => {
    server = await Offloading.start({ drainTimeoutMs: DRAIN_MS });
  });

  afterEach(() => server.close());

  it('are aborted when the loop dies, and its successor has the offload worker', async () => {
    await occupy();
    await server.get('/exit');
    await until(() => server.now.aborted === 2);
    await until(async () => generation() === 2 && (await server.fixture.http('/ports')).ok);
    expect(await server.run('add', { a: 1, b: 1 })).toEqual({ result: 2 });
    // The result may be here before the primary has counted it.
    await until(() => server.now.completed === 1);
    expect(server.now).toMatchObject({ aborted: 2, queued: 0, running: 0 });
  });

  it('are aborted when the loop has been reloaded', async () => {
    await occupy();
    await server.fixture.server.reload();
    expect(generation()).toBe(2);
    expect(server.now).toMatchObject({ aborted: 2, queued: 0, running: 0 });
    expect(await server.run('add', { a: 1, b: 1 })).toEqual({ result: 2 });
  });

  it('run on threads with the code of their loop when the loop has been reloaded', async () => {
    const before = await server.run('thread');
    expect(await server.run('thread')).toEqual(before);
    await server.fixture.server.reload();
    const after = await server.run('thread');
    expect(after).not.toEqual(before);
    expect(await server.run('thread')).toEqual(after);
  });
});

describe('a server', () => {
  it('closes when tasks run that never end', async () => {
    server = await Offloading.start({ offloadWorkers: 2 });
    for (const task of ['endless', 'endless', 'endless']) await server.get(`/start?task=${task}`);
    await until(() => server.now.running === 2);
    await server.close();
    expect(server.now).toMatchObject({ aborted: 3, queued: 0, running: 0 });
    // What runs a thread keeps a handle in the process.
    expect(process.getActiveResourcesInfo()).not.toContain('MessagePort');
  });

  it('leaves nothing of the pool when it could not start', async () => {
    await expect(Offloading.start({ host: '192.0.2.1' })).rejects.toThrow('192.0.2.1');
    expect(process.getActiveResourcesInfo()).not.toContain('MessagePort');
  });
});

describe('a process', () => {
  const start = (): Promise<ServerProcess> =>
    ServerProcess.start('--app', APP, '--workers', '1', '--offload-workers', '1', '--drain-timeout', '1');
  const occupied = async (): Promise<ServerProcess> => {
    const process = await start();
    for (const task of ['endless', 'thread'])
      await fetch(process.url(`/start?task=${task}`).replace('ws:', 'http:'));
    return process;
  };

  it('ends with 0 on SIGTERM when tasks run that never end', async () => {
    const process = await occupied();
    expect(await process.stop()).toEqual({ code: 0, signal: null });
    expect(process.stderr).toBe('');
  });

  it('ends with 130 on a second SIGTERM when tasks run that never end', async () => {
    const process = await occupied();
    // A connection that does not end keeps the first one waiting.
    const held = fetch(process.url('/seen/nothing').replace('ws:', 'http:')).catch(() => {});
    process.kill('SIGTERM');
    await process.line('draining');
    process.kill('SIGTERM');
    expect(await process.exit).toEqual({ code: 130, signal: null });
    await held;
  });
});
