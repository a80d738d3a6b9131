import { describe, expect, it } from 'vitest';
import { atBothEnds } from '../harness/both-ends.ts';
import type { Connection } from '../harness/end.ts';

const LOST = { code: 1006, reason: '', wasClean: false };

atBothEnds(({ open, side, failures }) => {
  describe('terminate', () => {
    it('shows both sides a lost connection', async () => {
      const connection = await open();
      await connection.run(({ ws }) => ws.terminate());
      expect(await connection.peer.closed).toEqual({ code: 1006, reason: '' });
      expect(await connection.seen()).toEqual({ closed: LOST });
    });

    it('lets the close frame go out, and no more be waited for, when it is called after close', async () => {
      const connection = await open();
      await connection.run(({ ws }) => {
        ws.close(4000, 'first');
        ws.terminate();
      });
      expect(await connection.peer.closed).toEqual({ code: 4000, reason: 'first' });
      // A server has closed with that already; a client has had no answer yet.
      const closed = side === 'server' ? { code: 4000, reason: 'first', wasClean: true } : LOST;
      expect(await connection.seen()).toEqual({ closed });
    });
  });

  describe('a peer that is gone without a close frame', () => {
    it.each<[string, (connection: Connection) => void]>([
      ['ends its half of the connection', ({ wire }) => wire.end()],
      ['resets the connection', ({ wire }) => wire.resetAndDestroy()],
    ])('is shown to onClose as lost when it %s', async (_, leave) => {
      const connection = await open();
      leave(connection);
      expect(await connection.seen()).toMatchObject({ closed: { code: 1006, wasClean: false } });
    });
  });

  describe('isClosed', () => {
    it.each(['close', 'terminate'] as const)('turns true within the call to %s', async (member) => {
      const connection = await open();
      const seen = await connection.run(({ ws }, member) => {
        const before = ws.isClosed;
        ws[member]();
        return [before, ws.isClosed];
      }, member);
      expect(seen).toEqual([false, true]);
    });

    it('is true when the peer has closed', async () => {
      const connection = await open();
      connection.peer.socket.close(1000);
      await connection.seen();
      expect(await connection.run(({ ws }) => ws.isClosed)).toBe(true);
    });
  });

  describe('onClose', () => {
    it('resolves once, with the same event for all who asked, when asked before, during and after the close', async () => {
      const connection = await open();
      const events = connection.run(async ({ ws }) => {
        const before = ws.onClose;
        ws.close(4000, 'bye');
        const same = before === ws.onClose;
        return [same, await before, await ws.onClose];
      });
      const event = { code: 4000, reason: 'bye', wasClean: true };
      expect(await events).toEqual([true, event, event]);
      expect(await connection.run(({ ws }) => ws.onClose)).toEqual(event);
      expect(await connection.seen()).toEqual({ closed: event });
      expect(await connection.unseen()).toEqual([]);
    });

    it('resolves also when nobody asked before the connection was gone', async () => {
      const connection = await open({ isBare: true });
      connection.peer.socket.close(4000, 'long ago');
      await connection.peer.closed;
      expect(await connection.run(({ ws }) => ws.onClose)).toEqual({
        code: 4000,
        reason: 'long ago',
        wasClean: true,
      });
    });

    it('runs no callback inside the call to close', async () => {
      const connection = await open();
      const order = await connection.run(async ({ ws }) => {
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
      const connection = await open();
      const seen = await connection.run(async ({ ws }) => {
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

  it.each<[string, boolean, (connection: Connection) => Promise<unknown>]>([
    ['it was closed', true, (connection) => connection.run(({ ws }) => ws.close())],
    ['it was terminated', false, (connection) => connection.run(({ ws }) => ws.terminate())],
    ['the peer closed', true, async ({ peer }) => peer.socket.close(1000)],
    ['the peer left', false, async ({ peer }) => peer.socket.terminate()],
  ])('every member is safe to use when %s', async (_, isClean, end) => {
    const connection = await open();
    await end(connection);
    await connection.seen();
    const seen = await connection.run(async ({ ws }) => {
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
        ws.send(5 as never),
        ws.ping(),
        ws.ping('x'),
      ];
      const { isClosed, bufferedAmount, droppedMessages, protocol, id, data } = ws;
      return {
        sent,
        isClosed,
        bufferedAmount,
        droppedMessages,
        protocol,
        idIsKept: id === ws.id,
        data,
        wasClean,
      };
    });
    expect(seen).toEqual({
      sent: Array(6).fill('closed'),
      isClosed: true,
      bufferedAmount: 0,
      droppedMessages: 0,
      protocol: '',
      idIsKept: true,
      data: { mine: true },
      wasClean: isClean,
    });
  });

  it('still throws a RangeError for arguments that are never allowed when it is closed', async () => {
    const connection = await open();
    await connection.run(({ ws }) => ws.close());
    await connection.seen();
    await expect(connection.run(({ ws }) => ws.close(1005))).rejects.toThrow('RangeError');
    await expect(connection.run(({ ws }) => ws.ping('x'.repeat(126)))).rejects.toThrow('RangeError');
  });

  it('counts no failed callback when connections end in all these ways', async () => {
    expect(await failures()).toBe(0);
  });
});
