/**
 * Echoes at a steady pace, and beside them CPU-heavy tasks, one after the other from a connection for each loop: on the loops, or
 * offloaded. What counts is how long the echoes take.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { quantile } from '../record.ts';
import type { Figures } from '../result.ts';
import { Client } from './client.ts';
import { dialect } from './dialect.ts';
import { type EchoLoad, echo } from './echo.ts';
import { clientFrame, FrameReader, TEXT } from './frames.ts';
import { fail, type Load } from './load.ts';

export interface OffloadLoad extends Load {
  readonly kind: 'offload';
  readonly loops: number;
  readonly connections: number;
  readonly perSecond: number;
  /** Left out: no tasks. */
  readonly where?: 'loop' | 'offload';
}

const ECHO_BYTES = 20;
const LAG_PAUSE_MS = 50;
const TASK = clientFrame(TEXT, Buffer.from('task'));

export async function offload(load: OffloadLoad): Promise<Figures> {
  let isOver = false;
  let tasks = 0;

  async function work(where: string): Promise<void> {
    const client = await Client.open(load.port, `/work/${where}`, dialect('plain', true));
    const reader = new FrameReader((_, payload) => {
      if (payload.toString() !== 'task') fail(`a task was answered with ${payload}`);
      tasks++;
      if (!isOver) client.write(TASK);
    });
    client.onData = (chunk) => reader.push(chunk);
    client.write(TASK);
  }

  /** How late the loops' turns are, asked again and again. */
  async function watchLag(): Promise<number[]> {
    const lags: number[] = [];
    while (!isOver) {
      const answer = await fetch(`http://127.0.0.1:${load.port}/lag`);
      lags.push(...((await answer.json()) as number[]));
      await delay(LAG_PAUSE_MS);
    }
    return lags;
  }

  if (load.where !== undefined) for (let i = 0; i < load.loops; i++) await work(load.where);
  const watch = watchLag();
  const { where: _, loops: __, ...rest } = load;
  const echoes: EchoLoad = {
    ...rest,
    kind: 'echo',
    path: '/text',
    bytes: ECHO_BYTES,
    inFlight: 100,
    isText: true,
  };
  const startMs = performance.now();
  const figures = await echo(echoes);
  const tasksPerSecond = (tasks * 1000) / (performance.now() - startMs);
  isOver = true;
  const lags = await watch;
  return {
    ...figures,
    more: { tasksPerSecond, lagP99Ms: quantile(lags, 0.99), lagMaxMs: Math.max(...lags) },
  };
}
