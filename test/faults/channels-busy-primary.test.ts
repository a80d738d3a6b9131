import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ControlledLoops, take } from '../harness/channel-server.ts';
import { Program } from '../harness/program.ts';
import { temporaryFile } from '../harness/temporary-file.ts';

const LOOPS = 3;
const LOG_BYTES = 256 * 1024;

test('publishes, delivers, subscribes, counts, looks back and resumes when the primary is busy', async () => {
  const program = new Program('../channels-busy-primary.js', String(LOOPS), String(LOG_BYTES));
  const port = await program.message();
  const loops = await new ControlledLoops((path) => `ws://127.0.0.1:${port}${path}`).connect(LOOPS);
  const clients = await Promise.all([0, 1, 2].map((loop) => loops.join('a', loop)));
  const leaving = await loops.join('leaving', 2);
  const idle = `${temporaryFile('busy', '')}.over`;
  const busy = program.message();
  program.tell(idle);
  expect(await busy).toBe('busy');

  await loops.runOnAll(({ member }) => member('a').subscribe('channel'));
  await loops.run(2, ({ member }) => member('leaving').subscribe('channel'));
  expect(await loops.subscriberCounts('channel')).toEqual(Array(LOOPS).fill(LOOPS + 1));
  leaving.socket.close();
  await leaving.closed;
  // Many times what the log holds goes through it, from every loop.
  const each = 500;
  const ofLoops = loops.runOnAll(async ({ loop }, each) => {
    for (let i = 0; i < each; i++) {
      while (!loop.publish('channel', `${loop.id} ${i} `.padEnd(1000, '.')).ok)
        await new Promise((resolve) => setImmediate(resolve));
      if (i % 5 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }, each);
  const received = await Promise.all(clients.map((client) => take(client, LOOPS * each)));
  await ofLoops;
  for (const messages of received) expect(messages).toEqual(received[0]);
  expect(await loops.subscriberCounts('channel')).toEqual(Array(LOOPS).fill(LOOPS));

  const result = await loops.run(1, ({ loop, member }) => {
    const { epoch, sequence } = loop.history('channel', { limit: 0 });
    return member('a').subscribe('channel', { after: { epoch, sequence: sequence - 2 } });
  });
  expect(result).toMatchObject({ ok: true, missed: 2, complete: true });
  expect(await take(clients[1] ?? leaving, 2)).toEqual(received[0]?.slice(-2));

  const isIdle = program.message();
  writeFileSync(idle, '');
  expect(await isIdle).toBe('idle');
  program.tell('close');
  expect(await program.exit).toEqual({ code: 0, signal: null });
  expect(program.output).toBe('');
});
