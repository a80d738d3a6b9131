import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FixtureServer } from '../harness/fixture-server.ts';
import { handshake, RawClient } from '../harness/raw-client.ts';

let server: FixtureServer;

beforeAll(async () => {
  server = await FixtureServer.start('routes-app.js');
});
afterAll(() => server.close());

/** Which route a path leads to, or the status that refuses it. A raw client, so that the path goes out as it is. */
async function routeOf(path: string): Promise<unknown> {
  const raw = await RawClient.connect(server.port);
  raw.write(handshake(path));
  const { status } = await raw.answer();
  const found = status === 101 ? JSON.parse((await raw.frame()).payload.toString()) : status;
  raw.leave();
  return found;
}

describe('a path leads to', () => {
  it.each([
    ['/', '/', {}],
    ['/lobby', '/lobby', {}],
    ['/?a=1', '/', {}],
    ['/lobby?room=x/y', '/lobby', {}],
    ['/trailing/', '/trailing/', {}],
  ])('the literal route when it is equal to it: %s', async (path, route, params) => {
    expect(await routeOf(path)).toEqual({ route, params });
  });

  it.each([
    ['/rooms/kitchen', '/rooms/:room', { room: 'kitchen' }],
    ['/rooms/kitchen/ann', '/rooms/:room/:user', { room: 'kitchen', user: 'ann' }],
    ['/x/deep/y', '/:top/deep/:bottom', { top: 'x', bottom: 'y' }],
    ['/rooms/lobbyist', '/rooms/:room', { room: 'lobbyist' }],
    ['/rooms/__proto__', '/rooms/:room', { room: '__proto__' }],
  ])('a route with parameters when each has a segment: %s', async (path, route, params) => {
    expect(await routeOf(path)).toEqual({ route, params });
  });

  it.each([
    ['/rooms/lobby', '/rooms/lobby', {}],
    ['/files/readme', '/files/readme', {}],
    ['/files/notes/raw', '/files/:name/raw', { name: 'notes' }],
    ['/files/notes', '/files/*', { '*': 'notes' }],
  ])('the more exact route when several fit: %s', async (path, route, params) => {
    expect(await routeOf(path)).toEqual({ route, params });
  });

  it.each([
    ['/rooms/lobby/ann', '/rooms/:room/:user', { room: 'lobby', user: 'ann' }],
    ['/files/readme/raw', '/files/:name/raw', { name: 'readme' }],
    ['/files/readme/html', '/files/*', { '*': 'readme/html' }],
    ['/lobby/deep/end', '/:top/deep/:bottom', { top: 'lobby', bottom: 'end' }],
  ])('another route when the more exact one turns out not to fit: %s', async (path, route, params) => {
    expect(await routeOf(path)).toEqual({ route, params });
  });

  it.each([
    ['/files/', { '*': '' }],
    ['/files/a', { '*': 'a' }],
    ['/files/a/b/c', { '*': 'a/b/c' }],
    ['/files//a//', { '*': '/a//' }],
    ['/files/../secret', { '*': '../secret' }],
  ])('the rest route when anything follows: %s', async (path, params) => {
    expect(await routeOf(path)).toEqual({ route: '/files/*', params });
  });
});

describe('parameters', () => {
  it.each([
    ['/rooms/a%20b', { room: 'a b' }],
    ['/rooms/a+b', { room: 'a+b' }],
    ['/rooms/a%2Fb', { room: 'a/b' }],
    ['/rooms/%F0%9F%91%8B', { room: '👋' }],
    ['/rooms/%2525', { room: '%25' }],
    ['/rooms/%00', { room: '\0' }],
    ['/rooms/constructor', { room: 'constructor' }],
  ])('are percent-decoded once: %s', async (path, params) => {
    expect(await routeOf(path)).toEqual({ route: '/rooms/:room', params });
  });

  it('are percent-decoded, slashes and all, when they are the rest', async () => {
    expect(await routeOf('/files/a%20b/%C3%A9%2Fd')).toEqual({
      route: '/files/*',
      params: { '*': 'a b/é/d' },
    });
  });
});

it.each([
  ['a segment is missing', '/rooms'],
  ['a parameter would be empty', '/rooms/'],
  ['a parameter in the middle would be empty', '/rooms//ann'],
  ['a segment is too many', '/lobby/x'],
  ['a slash is too many', '/lobby/'],
  ['a slash is missing', '/trailing'],
  ['the case differs', '/case'],
  ['a slash is doubled at the start', '//lobby'],
  ['the rest route has nothing, not even its slash', '/files'],
  ['a literal is written percent-encoded', '/%6Cobby'],
])('answers 404 when %s', async (_, path) => {
  expect(await routeOf(path)).toBe(404);
});

it('matches a literal as it is sent when that is percent-encoded', async () => {
  expect(await routeOf('/with%20space')).toEqual({ route: '/with%20space', params: {} });
});
