/** Subscribers that do not read while others publish. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChannelServer } from '../harness/channel-server.ts';
import type { Client } from '../harness/client.ts';
import { until } from '../harness/until.ts';

const MAX_BACKPRESSURE = 256 * 1024;
const MESSAGE_BYTES = 1000;
/** Several times what a client that does not read may have waiting, kernel buffers included. */
const MESSAGES = 16_000;
const IN_PACE = 100;

const numberOf = (message: string | Buffer): number => Number.parseInt(String(message), 10);

function start(slowConsumer: 'drop' | 'close'): Promise<ChannelServer> {
  return ChannelServer.start({ workers: 2, maxBackpressure: MAX_BACKPRESSURE, slowConsumer });
}

/** Publishes numbered messages from the other loop, as fast as the log takes them. */
const publish = (server: ChannelServer, from: number, to: number): Promise<void> =>
  server.run(
    1,
    async ({ loop }, from, to, bytes) => {
      for (let number = from; number <= to; number++) {
        const text = `${number} `.padEnd(bytes, '.');
        while (!loop.publish('flood', text).ok) await new Promise((resolve) => setImmediate(resolve));
      }
    },
    from,
    to,
    MESSAGE_BYTES,
  );

async function readUntil(client: Client, last: number): Promise<number[]> {
  const numbers: number[] = [];
  while (numbers.at(-1) !== last) numbers.push(numberOf(await client.next()));
  return numbers;
}

/** No more at a time than a healthy client may have waiting, however busy the machine is; it gets every message. */
async function publishInPace(server: ChannelServer, healthy: Client): Promise<void> {
  for (let from = 1; from < MESSAGES; from += IN_PACE) {
    const last = from + IN_PACE - 1;
    await publish(server, from, last);
    expect(await readUntil(healthy, last)).toEqual(Array.from({ length: IN_PACE }, (_, i) => from + i));
  }
}

describe('with the policy drop', () => {
  let server: ChannelServer;
  beforeAll(async () => {
    server = await start('drop');
  });
  afterAll(() => server.close());

  it('bounds what waits, skips messages and counts every one of them, and tells by onDrain, when a client does not read', async () => {
    const [slow, healthy] = [await server.join('slow'), await server.join('healthy')];
    await server.run(0, ({ member, notes }) => {
      const ws = member('slow');
      ws.subscribe('flood');
      member('healthy').subscribe('flood');
      const watch = setInterval(() => notes.push(ws.bufferedAmount));
      void ws.onClose.then(() => clearInterval(watch));
      ws.onDrain(() => {
        ws.send(`drained ${ws.droppedMessages}`);
      });
    });
    slow.socket.pause();
    await publishInPace(server, healthy);

    const before = await server.run(0, ({ member }) => member('slow').droppedMessages);
    expect(before).toBe(0);
    slow.socket.resume();
    const received: string[] = [];
    for (;;) {
      const text = String(await slow.next());
      if (text.startsWith('drained')) {
        expect(Number(text.split(' ')[1])).toBe(MESSAGES - received.length);
        break;
      }
      received.push(text);
    }
    expect(received.map(numberOf)).toEqual(Array.from({ length: received.length }, (_, i) => i + 1));
    expect(received.length).toBeLessThan(MESSAGES);
    await publish(server, MESSAGES + 1, MESSAGES + 10);
    expect(await readUntil(slow, MESSAGES + 10)).toEqual(
      Array.from({ length: 10 }, (_, i) => MESSAGES + 1 + i),
    );

    const most = await server.run(0, ({ notes }) => Math.max(...(notes as number[])));
    expect(most).toBeGreaterThan(MAX_BACKPRESSURE / 4);
    expect(most).toBeLessThanOrEqual(MAX_BACKPRESSURE);
    const dropped = () => server.server.loops()[0]?.counters.messagesDropped;
    await until(() => dropped() === MESSAGES - received.length);
    slow.socket.terminate();
    healthy.socket.terminate();
  });

  it('sends pings and the close frame when a client has more waiting than messages may take', async () => {
    const slow = await server.join('slow');
    await server.run(0, ({ member }) => member('slow').subscribe('flood'));
    slow.socket.pause();
    const pings: string[] = [];
    slow.socket.on('ping', (payload) => pings.push(String(payload)));
    await publish(server, 1, MESSAGES);
    const outcomes = await server.run(
      0,
      ({ member }, bytes) => {
        const ws = member('slow');
        const outcomes: string[] = [];
        while (outcomes.at(-1) !== 'dropped') outcomes.push(ws.send(new Uint8Array(bytes)));
        outcomes.push(ws.ping('still there?'), ws.send('x'));
        ws.close(4000, 'enough');
        return outcomes.slice(-3);
      },
      MESSAGE_BYTES,
    );
    expect(outcomes).toEqual(['dropped', 'buffered', 'dropped']);
    slow.socket.resume();
    expect(await slow.closed).toEqual({ code: 4000, reason: 'enough' });
    expect(pings).toEqual(['still there?']);
  });

  it('goes on with what is published then when a client subscribes to another channel while it is slow', async () => {
    const slow = await server.join('slow');
    await server.run(0, ({ member }) => member('slow').subscribe('flood'));
    slow.socket.pause();
    await publish(server, 1, MESSAGES);
    const counts = await server.run(0, ({ loop, member }) => {
      const result = member('slow').subscribe('other');
      return [result.ok, member('slow').channels, loop.subscriberCount('flood')];
    });
    expect(counts).toEqual([true, ['flood', 'other'], 1]);
    await server.run(1, ({ loop }) => loop.publish('other', 'news'));
    slow.socket.resume();
    for (;;) if (String(await slow.next()) === 'news') break;
    slow.socket.terminate();
    await slow.closed;
    await until(async () => (await server.subscriberCounts('flood')).every((count) => count === 0));
  });
});

describe('with the policy close', () => {
  let server: ChannelServer;
  beforeAll(async () => {
    server = await start('close');
  });
  afterAll(() => server.close());

  it('closes with 1013, after a prefix of the messages, a client that is too slow, and nobody else', async () => {
    const [slow, healthy] = [await server.join('slow'), await server.join('healthy')];
    await server.run(0, ({ member }) => {
      member('slow').subscribe('flood');
      member('healthy').subscribe('flood');
    });
    slow.socket.pause();
    await publishInPace(server, healthy);
    slow.socket.resume();
    expect(await slow.closed).toEqual({ code: 1013, reason: 'too slow' });
    const numbers = slow.unread.map(numberOf);
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, i) => i + 1));
    await until(() => server.server.loops()[0]?.counters.slowConsumersClosed === 1);
  });
});
