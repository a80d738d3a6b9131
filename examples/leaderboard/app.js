/**
 * A leaderboard that all loops share.
 *
 * Run: node dist/server.js --app examples/leaderboard/app.js
 * Try: curl -X POST 'http://localhost:3000/scores?name=ada&points=5'; curl http://localhost:3000/scores
 *
 * Structure: `board` is one map for all loops, with an entry for each player. `update` reads, adds and writes as one step: when
 * players score on many loops at once, no point is lost. What it returns for a new player is the first value. `entries` gives
 * all in no particular order, so `top` sorts them. The map is as large as `--state-bytes` allows, and says when it is full.
 */
import { defineApp, SharedMemoryFullError } from 'polyloop';

const MAX_NAME = 30;
const MAX_POINTS = 1000;
const DEFAULT_TOP = 10;

export default defineApp((loop) => {
  const board = loop.shared.map('leaderboard');

  /** Adds points and gives the player's new entry. */
  function score(name, points) {
    return board.update(name, (entry = { points: 0, games: 0 }) => {
      return { points: entry.points + points, games: entry.games + 1 };
    });
  }

  /** The best players; with equal points, those who played less, then by name. */
  function top(count) {
    return [...board.entries()]
      .map(([name, entry]) => ({ name, ...entry }))
      .sort((a, b) => b.points - a.points || a.games - b.games || a.name.localeCompare(b.name))
      .slice(0, count);
  }

  loop.fetch(({ method, url }) => {
    const { pathname, searchParams } = new URL(url);
    if (pathname !== '/scores') return new Response('not found', { status: 404 });
    if (method === 'GET') return Response.json(top(Number(searchParams.get('top') ?? DEFAULT_TOP)));
    if (method !== 'POST') return new Response('', { status: 405, headers: { allow: 'GET, POST' } });

    const name = searchParams.get('name') ?? '';
    const points = Number(searchParams.get('points'));
    const arePoints = Number.isInteger(points) && points >= 1 && points <= MAX_POINTS;
    if (name === '' || name.length > MAX_NAME || !arePoints) {
      return new Response('wrong name or points', { status: 400 });
    }
    try {
      return Response.json({ name, ...score(name, points), loop: loop.id });
    } catch (error) {
      if (error instanceof SharedMemoryFullError) return new Response('the board is full', { status: 507 });
      throw error;
    }
  });
});
