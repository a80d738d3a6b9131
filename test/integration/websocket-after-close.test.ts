import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client } from '../harness/client.ts';
import { FixtureServer } from '../harness/fixture-server.ts';
import { RawClient } from '../harness/raw-client.ts';
import { until } from '../harness/until.ts';

const LOST = { code: 1006, reason: '', wasClean: false };

let server: FixtureServer;

beforeAll(async () => {
  server = await FixtureServer.start('remote-app.js');
});
afterAll(() => server.close());

describe('terminate', () => {
  it('shows both sides a lost connection', async () => {
    const client = await Client.open(server.url('/remote/terminate'));
    await server.run('terminate', (ws) => ws.terminate());
    expect(await client.closed).toEqual({ code: 1006, reason: '' });
    expect(await server.seen('terminate')).toEqual({ closed: LOST });
  });

  it('changes nothing when the connection is closed already', async () => {
    const client = await Client.open(server.url('/remote/close-terminate'));
    await server.run('close-terminate', (ws) => {
      ws.close(4000, 'first');
      ws.terminate();
      ws.close(4001, 'second');
    });
    expect(await client.closed).toEqual({ code: 4000, reason: 'first' });
    expect(await server.seen('close-terminate')).toEqual({
      closed: { code: 4000, reason: 'first', wasClean: true },
    });
  });
});

describe('a client that is gone without a close frame', () => {
  it('is shown to onClose as lost when it ends its half of the connection', async () => {
    const raw = await RawClient.open(server.port, '/remote/fin');
    raw.socket.end();
    expect(await server.seen('fin')).toMatchObject({ closed: { code: 1006, wasClean: false } });
    await raw.ended;
  });

  it('is shown to onClose as lost when it resets the connection', async () => {
    const raw = await RawClient.open(server.port, '/remote/reset');
    raw.leave();
    expect(await server.seen('reset')).toMatchObject({ closed: { code: 1006, wasClean: false } });
  });
});

describe('isClosed', () => {
  it.each(['close', 'terminate'] as const)(
    'turns true within the call when the server calls %s',
    async (member) => {
      const name = `is-closed-${member}`;
      await Client.open(server.url(`/remote/${name}`));
      const seen = await server.run(
        name,
        (ws, member) => {
          const before = ws.isClosed;
          ws[member]();
          return [before, ws.isClosed];
        },
        member,
      );
      expect(seen).toEqual([false, true]);
    },
  );

  it('is true when the client has closed', async () => {
    const client = await Client.open(server.url('/remote/is-closed-client'));
    client.socket.close(1000);
    await server.seen('is-closed-client');
    expect(await server.run('is-closed-client', (ws) => ws.isClosed)).toBe(true);
  });
});

describe('onClose', () => {
  it('resolves once, with the same event for all who asked, when asked before, during and after the close', async () => {
    const client = await Client.open(server.url('/remote/asked'));
    const events = server.run('asked', async (ws) => {
      const before = ws.onClose;
      ws.close(4000, 'bye');
      const same = before === ws.onClose;
      return [same, await before, await ws.onClose];
    });
    const event = { code: 4000, reason: 'bye', wasClean: true };
    expect(await events).toEqual([true, event, event]);
    expect(await server.run('asked', (ws) => ws.onClose)).toEqual(event);
    expect(await server.seen('asked')).toEqual({ closed: event });
    await client.closed;
  });

  it('runs no callback inside the call to close', async () => {
    await Client.open(server.url('/remote/not-inside'));
    const order = await server.run('not-inside', async (ws) => {
      const order: string[] = [];
      const closed = ws.onClose.then(() => void order.push('callback'));
      ws.close();
      order.push('close returned');
      await closed;
      return order;
    });
    expect(order).toEqual(['close returned', 'callback']);
  });

  it('works with await, finally, catch and Promise.race as any promise does', async () => {
    await Client.open(server.url('/remote/promise'));
    const seen = await server.run('promise', async (ws) => {
      ws.close(4002);
      const calls: string[] = [];
      await ws.onClose.finally(() => calls.push('finally'));
      await ws.onClose.catch(() => calls.push('catch'));
      const { code } = await Promise.race([ws.onClose, new Promise<never>(() => {})]);
      return [...calls, ws.onClose instanceof Promise, code];
    });
    expect(seen).toEqual(['finally', true, 4002]);
  });
});

it.each([
  ['the server closed', 'closed', (client: Client) => client.closed],
  ['the client left', 'left', async (client: Client) => client.socket.terminate()],
])('every member is safe to call when %s', async (_, name, end) => {
  const client = await Client.open(server.url(`/remote/gone-${name}`));
  if (name === 'closed') await server.run('gone-closed', (ws) => ws.close());
  await end(client);
  await server.seen(`gone-${name}`);
  const seen = await server.run(`gone-${name}`, async (ws) => {
    ws.close();
    ws.close(1001, 'again');
    ws.terminate();
    ws.onText(() => {});
    ws.onBinary(() => {});
    ws.onMessage(() => {});
    ws.onPing(() => {});
    ws.onPong(() => {});
    ws.onDrain(() => {});
    ws.data = { mine: true };
    const { wasClean } = await ws.onClose;
    const sent = [
      ws.send('text'),
      ws.send(new Uint8Array(3)),
      ws.send('x', { binary: true }),
      ws.ping(),
      ws.ping('x'),
    ];
    const { isClosed, bufferedAmount, protocol, remoteAddress, loopId, id, data } = ws;
    return {
      sent,
      isClosed,
      bufferedAmount,
      protocol,
      remoteAddress,
      loopId,
      idIsKept: id === ws.id,
      data,
      wasClean,
    };
  });
  expect(seen).toEqual({
    sent: ['closed', 'closed', 'closed', 'closed', 'closed'],
    isClosed: true,
    bufferedAmount: 0,
    protocol: '',
    remoteAddress: '127.0.0.1',
    loopId: 0,
    idIsKept: true,
    data: { mine: true },
    wasClean: name === 'closed',
  });
  await until(() => server.connections === 0);
});

it('counts no handler error and replaces no loop when connections end in all these ways', async () => {
  expect(await server.total('handlerErrors')).toBe(0);
  expect(server.generations).toEqual([1]);
});
