/** `/chat/:room` over two nodes, where Redis numbers the messages. */
import { expect, onTestFinished, test } from 'vitest';
import { Member } from '../harness/member.ts';
import { NO_REDIS, RedisServer } from '../harness/redis-server.ts';
import { ServerProcess } from '../harness/server-process.ts';

if (NO_REDIS !== undefined) console.log(`skipped: ${NO_REDIS}`);

test.skipIf(NO_REDIS)('tells the first member of a node where the room stands', async () => {
  const redis = await RedisServer.start();
  onTestFinished(() => redis.end());
  const nodes = await Promise.all(
    ['a', 'b'].map((id) => ServerProcess.start('--backplane', redis.url, '--node-id', id, '--workers', '1')),
  );
  onTestFinished(async () => void (await Promise.all(nodes.map((node) => node.stop()))));
  const [one, other] = nodes.map((node) => node.url('/chat/room'));
  const author = await Member.join(one ?? '', 'author');
  author.say('hello');
  expect((await author.messages(1)).map(({ text }) => text)).toEqual(['hello']);
  const { welcome } = await Member.join(other ?? '', 'reader');
  expect(welcome).toMatchObject({ epoch: expect.stringMatching(/./), sequence: 1 });
});
