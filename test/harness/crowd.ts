/** Many clients at once. */
import { Client } from './client.ts';

export function openAtOnce(url: string, count: number): Promise<Client[]> {
  return Promise.all(Array.from({ length: count }, () => Client.open(url)));
}

export async function openInTurn(url: string, count: number): Promise<Client[]> {
  const clients: Client[] = [];
  for (let i = 0; i < count; i++) clients.push(await Client.open(url));
  return clients;
}

/** Starts a message on its way round and sends it again each time it comes back, until the connection closes. */
export function echoEndlessly(client: Client, text: string): void {
  client.socket.on('message', () => client.socket.send(text, () => {}));
  client.socket.send(text);
}

/** How many of the clients saw which close code, once all are closed. */
export async function closeCodes(clients: readonly Client[]): Promise<Record<number, number>> {
  const codes: Record<number, number> = {};
  for (const { code } of await Promise.all(clients.map((client) => client.closed))) {
    codes[code] = (codes[code] ?? 0) + 1;
  }
  return codes;
}
