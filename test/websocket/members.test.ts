import { describe, expect, it } from 'vitest';
import { atBothEnds } from '../harness/both-ends.ts';

atBothEnds(({ open }) => {
  describe('id', () => {
    it('is a word for logs that stays the same and that no other connection has', async () => {
      const ids = await Promise.all(
        [await open(), await open()].map(async (connection) => {
          const [id = '', again] = await connection.run(({ ws }) => [ws.id, ws.id]);
          expect(again).toBe(id);
          expect(id).toMatch(/^[\w-]{12}$/);
          return id;
        }),
      );
      expect(new Set(ids).size).toBe(2);
    });
  });

  describe('data', () => {
    it('is undefined until it is set, and then what was set', async () => {
      const connection = await open();
      const kept = await connection.run(({ ws }) => {
        const before = ws.data;
        ws.data = { mine: 1 };
        return before === undefined;
      });
      expect(kept).toBe(true);
      expect(await connection.run(({ ws }) => ws.data)).toEqual({ mine: 1 });
    });
  });

  describe('protocol', () => {
    it('is the subprotocol that was selected', async () => {
      const connection = await open({ protocols: ['chat.v2', 'chat.v1'] });
      expect(await connection.run(({ ws }) => ws.protocol)).toBe('chat.v2');
      await connection.run(({ ws }) => ws.close());
      await connection.seen();
      expect(await connection.run(({ ws }) => ws.protocol)).toBe('chat.v2');
    });

    it('is empty when none was', async () => {
      const connection = await open();
      expect(await connection.run(({ ws }) => ws.protocol)).toBe('');
    });
  });

  it('starts open, with nothing waiting and nothing dropped', async () => {
    const connection = await open();
    const seen = await connection.run(({ ws }) => [ws.isClosed, ws.bufferedAmount, ws.droppedMessages]);
    expect(seen).toEqual([false, 0, 0]);
  });
});
