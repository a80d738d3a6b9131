/** Clients of test/fixtures/early-app.js, whose app waits before it asks for messages. */
import { Client } from './client.ts';
import type { FixtureServer } from './fixture-server.ts';

/** Opens a connection whose app is now waiting for `release`. */
export async function openWaiting(server: FixtureServer, route: string, name: string): Promise<Client> {
  const client = await Client.open(server.url(`/${route}/${name}`));
  const first = await server.seen(name);
  if (first !== 'waiting') throw new Error(`the app did not wait: ${JSON.stringify(first)}`);
  return client;
}

/** Lets the app go on. */
export async function release(server: FixtureServer, name: string): Promise<void> {
  await server.http(`/release/${name}`, { method: 'POST' });
}
