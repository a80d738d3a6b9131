import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connect, Server, UpgradeRejectedError, type WebSocket } from 'polyloop';

let server: Server;

before(async () => {
  const app = new URL('../src/app.js', import.meta.url);
  server = await Server.start({
    app,
    workers: 2,
    host: '127.0.0.1',
    port: 0,
    adminPort: 0,
    logLevel: 'warn',
  });
});

after(() => server.close());

const url = (path: string): string => `ws://127.0.0.1:${server.port}${path}`;

const nextText = (ws: WebSocket): Promise<string> =>
  new Promise((resolve) => ws.onText((_, text) => resolve(text)));

test('brings a message to everyone in the room', async () => {
  const ada = await connect(url('/chat/a?name=ada'));
  assert.equal(await nextText(ada), 'you are visitor 1');
  // Placement goes for the emptiest loop: this one is on the other.
  const bob = await connect(url('/chat/a?name=bob'));
  assert.equal(await nextText(bob), 'you are visitor 2');

  const heard = Promise.all([nextText(ada), nextText(bob)]);
  ada.send('hello');
  assert.deepEqual(await heard, ['ada: hello', 'ada: hello']);

  ada.close();
  bob.close();
  await Promise.all([ada.onClose, bob.onClose]);
});

test('refuses who has no name', async () => {
  await assert.rejects(connect(url('/chat/a')), UpgradeRejectedError);
});
