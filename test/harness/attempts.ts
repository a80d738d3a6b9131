/** Handshakes that may be refused. */
import { type HttpAnswer, handshake, RawClient } from './raw-client.ts';

export interface Attempt {
  readonly client: RawClient;
  readonly answer: HttpAnswer;
}

/** So many handshakes at the same time, with their answers. */
export async function attemptAtOnce(port: number, path: string, count: number): Promise<Attempt[]> {
  const clients = await Promise.all(Array.from({ length: count }, () => RawClient.connect(port)));
  for (const client of clients) client.write(handshake(path));
  return Promise.all(clients.map(async (client) => ({ client, answer: await client.answer() })));
}

export async function attempt(port: number, path: string): Promise<Attempt> {
  const client = await RawClient.connect(port);
  client.write(handshake(path));
  return { client, answer: await client.answer() };
}

/** How many were answered with which status. */
export function statuses(attempts: readonly Attempt[]): Record<number, number> {
  const found: Record<number, number> = {};
  for (const { answer } of attempts) found[answer.status] = (found[answer.status] ?? 0) + 1;
  return found;
}

export const accepted = (attempts: readonly Attempt[]): RawClient[] =>
  attempts.filter(({ answer }) => answer.status === 101).map(({ client }) => client);

export function leaveAll(clients: readonly RawClient[]): void {
  for (const client of clients) client.leave();
}
