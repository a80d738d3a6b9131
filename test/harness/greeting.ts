/** What `test/fixtures/which-loop.js` and `faulty.js` say first: who serves the connection. */
import { Client } from './client.ts';

export interface Greeting {
  readonly loop: number;
  readonly generation: number;
}

export interface Greeted {
  readonly client: Client;
  readonly greeting: Greeting;
}

export async function openGreeted(url: string): Promise<Greeted> {
  const client = await Client.open(url);
  return { client, greeting: JSON.parse(String(await client.next())) as Greeting };
}

/** One connection on each loop, by loop id; what lands on a loop that has one is closed again. */
export async function openOnEachLoop(url: string, loops: number): Promise<Map<number, Greeted>> {
  const found = new Map<number, Greeted>();
  while (found.size < loops) {
    const greeted = await openGreeted(url);
    if (found.has(greeted.greeting.loop)) greeted.client.socket.close();
    else found.set(greeted.greeting.loop, greeted);
  }
  return found;
}

/** A connection on the given loop. */
export async function openOnLoop(url: string, loop: number): Promise<Greeted> {
  for (;;) {
    const greeted = await openGreeted(url);
    if (greeted.greeting.loop === loop) return greeted;
    greeted.client.socket.close();
  }
}
