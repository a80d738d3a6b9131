import { afterAll, beforeAll, expect, test } from 'vitest';
import { Client } from '../harness/client.ts';
import { startExample } from '../harness/example.ts';
import type { ServerProcess } from '../harness/server-process.ts';

const LOOPS = 3;

interface Greeting {
  readonly epoch: string;
  readonly sequence: number;
  readonly complete: boolean;
  readonly recent: readonly { loop: number; text: string }[];
  readonly here: number;
}

let server: ServerProcess;

beforeAll(async () => {
  server = await startExample('examples/chat-room/app.js', LOOPS);
});

afterAll(async () => {
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

async function join(room: string, query = ''): Promise<{ client: Client; greeting: Greeting }> {
  const client = await Client.open(server.url(`/rooms/${room}${query}`));
  return { client, greeting: JSON.parse(String(await client.next())) as Greeting };
}

async function hear(client: Client, count: number): Promise<{ loop: number; text: string }[]> {
  const messages: { loop: number; text: string }[] = [];
  while (messages.length < count) messages.push(JSON.parse(String(await client.next())));
  return messages;
}

const texts = (messages: readonly { text: string }[]): string[] => messages.map(({ text }) => text);
const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => String(from + i));

test('gives all members on all loops the same messages in the same order', async () => {
  const members = [];
  for (let i = 0; i < 2 * LOOPS; i++) members.push((await join('order')).client);
  for (const text of numbers(1, 20)) for (const member of members) member.send(text);
  const heard = await Promise.all(members.map((member) => hear(member, 20 * members.length)));
  for (const messages of heard) expect(messages).toEqual(heard[0]);
  expect(new Set(heard[0]?.map(({ loop }) => loop)).size).toBeGreaterThan(1);
});

test('gives a newcomer the last messages, and then those that come', async () => {
  const { client: author } = await join('recent');
  for (const text of numbers(1, 30)) author.send(text);
  await hear(author, 30);
  const { client, greeting } = await join('recent');
  expect(greeting).toMatchObject({ sequence: 30, complete: true, here: 2 });
  expect(texts(greeting.recent)).toEqual(numbers(11, 30));
  author.send('31');
  expect(texts(await hear(client, 1))).toEqual(['31']);
});

test('gives a member what it missed, and nothing twice, when it comes back', async () => {
  const { client: author } = await join('back');
  const { client: first, greeting } = await join('back');
  for (const text of numbers(1, 3)) author.send(text);
  await hear(first, 3);
  first.socket.terminate();
  for (const text of numbers(4, 50)) author.send(text);
  await hear(author, 50);

  const query = `?epoch=${greeting.epoch}&sequence=${greeting.sequence + 3}`;
  const { client: second, greeting: welcome } = await join('back', query);
  expect(welcome).toMatchObject({ epoch: greeting.epoch, sequence: 3, complete: true, recent: [] });
  author.send('51');
  expect(texts(await hear(second, 48))).toEqual(numbers(4, 51));
});

test('says that messages are missing when a position is not known', async () => {
  const { client: author } = await join('unknown');
  author.send('still held');
  await hear(author, 1);
  const { client, greeting } = await join('unknown', '?epoch=another&sequence=7');
  expect(greeting).toMatchObject({ sequence: 0, complete: false });
  expect(texts(await hear(client, 1))).toEqual(['still held']);
});

test('closes the connection with the reason when a text or the name of a room is too long', async () => {
  const { client } = await join('limits');
  client.send('x'.repeat(501));
  expect(await client.closed).toEqual({ code: 1008, reason: 'at most 500 characters' });
  const named = await Client.open(server.url(`/rooms/${'x'.repeat(251)}`));
  expect(await named.closed).toEqual({ code: 1008, reason: 'invalid-channel' });
});
