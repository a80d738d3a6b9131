import { afterAll, beforeAll, expect, test } from 'vitest';
import { startExample } from '../harness/example.ts';
import type { ServerProcess } from '../harness/server-process.ts';

const EXAMPLE = 'examples/leaderboard/app.js';
const LOOPS = 3;

interface Entry {
  readonly name: string;
  readonly points: number;
  readonly games: number;
}

let server: ServerProcess;
let small: ServerProcess | undefined;

beforeAll(async () => {
  server = await startExample(EXAMPLE, LOOPS);
});

afterAll(async () => {
  await small?.stop();
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

const scores = (query: Record<string, string>, method = 'POST', of = server): Promise<Response> =>
  fetch(`http://127.0.0.1:${of.port}/scores?${new URLSearchParams(query)}`, { method });

const score = (name: string, points: number): Promise<Response> => scores({ name, points: String(points) });

async function top(query: Record<string, string> = {}): Promise<Entry[]> {
  return (await (await scores(query, 'GET')).json()) as Entry[];
}

test('loses no point when players score on all loops at once', async () => {
  const GAMES = 150;
  const answers = await Promise.all(
    Array.from({ length: GAMES }, async (_, i) => {
      const answer = await score(i % 2 ? 'ada' : 'grace', 2);
      return (await answer.json()) as Entry & { loop: number };
    }),
  );
  expect(new Set(answers.map(({ loop }) => loop)).size).toBeGreaterThan(1);
  expect(await top()).toEqual([
    { name: 'ada', points: GAMES, games: GAMES / 2 },
    { name: 'grace', points: GAMES, games: GAMES / 2 },
  ]);
});

test('gives the best first, and only as many as are asked for', async () => {
  await score('third 🥉', 1);
  await score('first', 1000);
  await score('ada', 1);
  const best = [
    { name: 'first', points: 1000, games: 1 },
    { name: 'ada', points: 151, games: 76 },
  ];
  expect(await top({ top: '2' })).toEqual(best);
  expect((await top()).map(({ name }) => name)).toEqual(['first', 'ada', 'grace', 'third 🥉']);
});

test.each([
  ['there is no name', { points: '1' }],
  ['the name is too long', { name: 'x'.repeat(31), points: '1' }],
  ['there are no points', { name: 'ada' }],
  ['points are not whole', { name: 'ada', points: '1.5' }],
  ['points are too many', { name: 'ada', points: '1001' }],
  ['points are negative', { name: 'ada', points: '-1' }],
])('refuses a score when %s', async (_, query) => {
  const before = await top();
  expect((await scores(query)).status).toBe(400);
  expect(await top()).toEqual(before);
});

test('refuses new players, and goes on with the others, when the memory is full', async () => {
  const full = await startExample(EXAMPLE, 2, { POLYLOOP_STATE_BYTES: '64KiB' });
  small = full;
  const add = (player: number): Promise<Response> =>
    scores({ name: `player ${player}`, points: '1' }, 'POST', full);
  let players = 0;
  while ((await add(players)).ok) players++;
  expect(players).toBeGreaterThan(100);
  expect((await add(players)).status).toBe(507);
  expect(await (await add(0)).json()).toMatchObject({ points: 2 });
});
