/** `/chat/:room` as its clients see it, on several loops. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { MAX_NAME, MAX_ROOM, MAX_TEXT } from '../../src/demo/chat-frames.ts';
import { Client, refusal } from '../harness/client.ts';
import { Member } from '../harness/member.ts';
import { ServerProcess } from '../harness/server-process.ts';

const LOOPS = 4;
/** What a newcomer is given at most. */
const RECENT = 50;
const EMOJI = '👩';

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => String(from + i));

let server: ServerProcess;
const others: ServerProcess[] = [];
let rooms = 0;
/** The URL of a room that nobody has been in. */
const newRoom = (): string => server.url(`/chat/room-${++rooms}`);

beforeAll(async () => {
  server = await ServerProcess.start('--workers', String(LOOPS));
});

afterEach(async () => {
  for (const other of others.splice(0)) expect((await other.stop()).code).toBe(0);
});

afterAll(async () => {
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  const warnings = server.lines.filter(({ level }) => Number(level) >= 40);
  expect(warnings.filter(({ msg }) => msg !== 'no WebSocket is served at this path')).toEqual([]);
});

/** One more server, for one test. */
async function serve(...args: string[]): Promise<ServerProcess> {
  const other = await ServerProcess.start(...args);
  others.push(other);
  return other;
}

describe('messages', () => {
  test('are the same in the same order for every member when members of all loops speak at once', async () => {
    const EACH = 100;
    const members = await Member.joinOnEachLoop(newRoom(), LOOPS);
    for (const text of numbers(1, EACH)) for (const member of members) member.say(text);
    const heard = await Promise.all(members.map((member) => member.messages(LOOPS * EACH)));

    for (const messages of heard) expect(messages).toEqual(heard[0]);
    for (const { welcome } of members) {
      const own = heard[0]?.filter(({ author }) => author === welcome.id) ?? [];
      expect(own.map(({ text }) => text)).toEqual(numbers(1, EACH));
      expect(new Set(own.map(({ loop }) => loop))).toEqual(new Set([welcome.loop]));
    }
  });

  test('carry the name of their author, and its loop, to members of other loops', async () => {
    const room = newRoom();
    const [reader] = await Member.joinOnEachLoop(room, LOOPS);
    const author = await Member.join(room, 'Ada Lovelace 👩‍💻');
    author.say('hello');
    const message = await reader?.next('message');
    const { id, loop } = author.welcome;
    expect(message).toMatchObject({ author: id, name: 'Ada Lovelace 👩‍💻', loop, text: 'hello' });
    expect(Math.abs(Date.now() - Number(message?.atMs))).toBeLessThan(60_000);
  });

  test('stay in their room', async () => {
    const [here, there] = [await Member.join(newRoom(), 'a'), await Member.join(newRoom(), 'b')];
    here.say('here');
    there.say('there');
    expect(await here.texts(1)).toEqual(['here']);
    expect(await there.texts(1)).toEqual(['there']);
  });

  test('come back to their author alone when they are echoes', async () => {
    const room = newRoom();
    const [author, other] = [await Member.join(room, 'a'), await Member.join(room, 'b')];
    author.client.send('{"type":"echo","text":"only me"}');
    expect(await author.next('echo')).toEqual({ type: 'echo', text: 'only me' });
    author.say('everyone');
    expect(await other.texts(1)).toEqual(['everyone']);
    expect(other.client.unread.filter((frame) => String(frame).includes('only me'))).toEqual([]);
  });
});

describe('a newcomer', () => {
  test('is given what was said before, oldest first, on any loop', async () => {
    const room = newRoom();
    const author = await Member.join(room, 'author');
    for (const text of numbers(1, 10)) author.say(text);
    await author.texts(10);
    for (const newcomer of await Member.joinOnEachLoop(room, LOOPS)) {
      expect(newcomer.welcome).toMatchObject({ missed: 10, sequence: 10, complete: true });
      expect(await newcomer.texts(10)).toEqual(numbers(1, 10));
    }
  });

  test('is given the newest when more was said before than it is given', async () => {
    const room = newRoom();
    const author = await Member.join(room, 'author');
    for (const text of numbers(1, RECENT + 10)) author.say(text);
    await author.texts(RECENT + 10);
    const newcomer = await Member.join(room, 'newcomer');
    expect(newcomer.welcome).toMatchObject({ missed: RECENT, sequence: RECENT + 10, complete: true });
    expect(await newcomer.texts(RECENT)).toEqual(numbers(11, RECENT + 10));
  });

  test('is given every message once when it joins while members of all loops speak', async () => {
    const EACH = 200;
    const room = newRoom();
    const authors = await Member.joinOnEachLoop(room, LOOPS);
    const all = LOOPS * EACH;
    const heard = Promise.all(authors.map((author) => author.messages(all)));
    const newcomers: Promise<Member>[] = [];
    for (const text of numbers(1, EACH)) {
      for (const author of authors) author.say(text);
      if (Number(text) % 20 === 0) {
        newcomers.push(Member.join(room, 'newcomer'));
        await newcomers.at(-1);
      }
    }
    const [order = []] = await heard;
    for (const newcomer of await Promise.all(newcomers)) {
      const { sequence, missed } = newcomer.welcome;
      const first = sequence - missed;
      expect(await newcomer.messages(all - first)).toEqual(order.slice(first));
      expect(newcomer.client.unread.filter((frame) => String(frame).includes('"message"'))).toEqual([]);
    }
  });
});

describe('a member that comes back', () => {
  test('is given what it missed and nothing twice when it says where it was', async () => {
    const room = newRoom();
    const author = await Member.join(room, 'author');
    const first = await Member.join(room, 'reader');
    for (const text of numbers(1, 5)) author.say(text);
    expect(await first.texts(5)).toEqual(numbers(1, 5));
    await first.leave();
    for (const text of numbers(6, 100)) author.say(text);
    await author.texts(100);

    const { epoch, sequence } = first.welcome;
    const second = await Member.join(room, 'reader', { epoch, sequence: sequence + 5 });
    expect(second.welcome).toMatchObject({ epoch, missed: 95, sequence: 100, complete: true });
    author.say('101');
    expect(await second.texts(96)).toEqual(numbers(6, 101));
  });

  test.each([
    ['is of another life of the server', { epoch: 'another', sequence: 3 }],
    ['has not been reached yet', { sequence: 1000 }],
    ['is no number', { sequence: Number.NaN }],
    ['is negative', { sequence: -1 }],
  ])('is told that messages may be missing when the position %s', async (_, position) => {
    const room = newRoom();
    const author = await Member.join(room, 'author');
    author.say('still held');
    await author.texts(1);
    const { epoch } = author.welcome;
    const reader = await Member.join(room, 'reader', { epoch, ...position });
    expect(reader.welcome).toMatchObject({ complete: false, missed: 1 });
    expect(await reader.texts(1)).toEqual(['still held']);
  });

  test('is told that messages are missing when the log no longer holds them', async () => {
    const small = await serve('--workers', '2', '--log-bytes', '64KiB');
    const author = await Member.join(small.url('/chat/a'), 'author');
    const { epoch, sequence } = author.welcome;
    const texts = numbers(1, 300).map((text) => text.padStart(MAX_TEXT, '-'));
    for (const text of texts) {
      author.say(text);
      await author.texts(1);
    }
    const reader = await Member.join(small.url('/chat/a'), 'reader', { epoch, sequence });
    expect(reader.welcome).toMatchObject({ complete: false, sequence: 300 });
    expect(reader.welcome.missed).toBeGreaterThan(0);
    expect(await reader.texts(reader.welcome.missed)).toEqual(texts.slice(-reader.welcome.missed));
  });
});

describe('the list of members', () => {
  test('has the members of all loops when they have joined', async () => {
    const room = newRoom();
    const first = await Member.join(room, 'first');
    const rest = await Member.joinOnEachLoop(room, LOOPS);
    const names = (loop: number): string[] =>
      loop === first.welcome.loop ? ['first', 'somebody'] : ['somebody'];
    const expected = rest.map((_, loop) => ({ loop, count: names(loop).length, names: names(loop) }));
    for (const member of [first, ...rest]) {
      await member.sees((loops) => JSON.stringify(loops) === JSON.stringify(expected));
    }
  });

  test('comes at once when a member joins', async () => {
    const room = newRoom();
    const [first] = await Member.joinOnEachLoop(room, LOOPS);
    const newcomer = await Member.join(room, 'newcomer');
    const { loops } = await newcomer.next('members');
    expect(loops.map(({ loop }) => loop)).toEqual(numbers(0, LOOPS - 1).map(Number));
    await first?.sees((all) => all.some(({ names }) => names.includes('newcomer')));
  });

  test('loses a member when its connection ends, with or without a goodbye', async () => {
    const room = newRoom();
    const [reader, polite, lost] = await Member.joinOnEachLoop(room, LOOPS);
    await reader?.sees((loops) => loops.length === LOOPS);
    await polite?.leave();
    lost?.client.socket.terminate();
    await reader?.sees((loops) => loops.map(({ loop }) => loop).join() === '0,3');
  });

  test('has the first names and the count when many are in the room', async () => {
    const room = newRoom();
    const members = await Promise.all(numbers(1, 200).map((name) => Member.join(room, name)));
    await members[0]?.sees((loops) => {
      const total = loops.reduce((sum, { count }) => sum + count, 0);
      const areCut = loops.every(({ names, count }) => names.length === Math.min(count, 20));
      return total === 200 && areCut;
    });
    await Promise.all(members.map((member) => member.leave()));
  });
});

describe('a loop that ends without a goodbye', () => {
  test('takes its members out of the list, and no message out of the room', async () => {
    const faulty = await serve('--workers', '2', '--app', 'test/fixtures/faulty-chat.js');
    const room = faulty.url('/chat/a');
    const members = await Member.joinOnEachLoop(room, 2);
    for (const member of members) await member.sees((loops) => loops.length === 2);
    for (const member of members) member.say(`last words of ${member.welcome.loop}`);
    for (const member of members) await member.texts(2);

    new Client(faulty.url('/end'));
    const [{ code }, lost] = await Promise.race(
      members.map(async (each) => [await each.client.closed, each] as const),
    );
    expect(code).toBe(1012);
    const reader = members.find((member) => member !== lost);
    await reader?.sees((loops) => loops.map(({ loop }) => loop).join() === String(reader.welcome.loop));

    await faulty.line('loop replaced');
    const { epoch } = lost.welcome;
    const returned = await Member.join(room, 'lost', { epoch, sequence: 0 });
    expect(returned.welcome).toMatchObject({ missed: 2, complete: true });
    expect(await returned.texts(2)).toContain(`last words of ${lost.welcome.loop}`);
  });
});

describe('limits', () => {
  test.each([
    ['of ASCII', 'x'.repeat(MAX_TEXT)],
    ['of characters with two units each', EMOJI.repeat(MAX_TEXT)],
    ['with white space around it', `  ${'x'.repeat(MAX_TEXT - 4)}\n\t`],
    ['with markup and control characters', '<b>&amp;\u0000\u202e"\\</b>'],
  ])('let a text through as it is: %s', async (_, text) => {
    const member = await Member.join(newRoom(), 'a');
    member.say(text);
    expect(await member.texts(1)).toEqual([text]);
  });

  test.each([
    ['is as long as can be', 'x'.repeat(MAX_ROOM)],
    ['is long in bytes', EMOJI.repeat(MAX_ROOM)],
    ['has what must be escaped in a URL', '?a=b&c#d/e%20 \u0000"<>'],
  ])('let a room be: its name %s', async (_, room) => {
    const url = server.url(`/chat/${encodeURIComponent(room)}`);
    const [one, two] = [await Member.join(url, 'one'), await Member.join(url, 'two')];
    expect(one.welcome.room).toBe(room);
    one.say('hello');
    expect(await two.texts(1)).toEqual(['hello']);
  });

  test('tell rooms apart when only the ends of their long names differ', async () => {
    const url = (end: string): string =>
      server.url(`/chat/${encodeURIComponent(EMOJI.repeat(MAX_ROOM - 1) + end)}`);
    const [one, two] = [await Member.join(url('1'), 'a'), await Member.join(url('2'), 'a')];
    one.say('to one');
    two.say('to two');
    expect(await one.texts(1)).toEqual(['to one']);
    expect(await two.texts(1)).toEqual(['to two']);
  });

  test('take a room for the same when its name is composed of other characters', async () => {
    const one = await Member.join(server.url(`/chat/${encodeURIComponent('cafe\u0301')}`), 'one');
    const two = await Member.join(server.url(`/chat/${encodeURIComponent('caf\u00e9')}`), 'two');
    one.say('hello');
    expect(await two.texts(1)).toEqual(['hello']);
  });

  test.each([
    ['the name of the room is too long', `/chat/${'x'.repeat(MAX_ROOM + 1)}`, 400, /room has 1 to 100/],
    ['the name is too long', `/chat/a?name=${'x'.repeat(MAX_NAME + 1)}`, 400, /name has 1 to 30/],
    ['the name is blank', '/chat/a?name=%20%20', 400, /name has 1 to 30/],
    ['the room has no name', '/chat/', 404, /./],
    ['the room is not percent-encoded', '/chat/%ff', 404, /./],
    ['the path goes on', '/chat/a/b', 404, /./],
  ])('refuse the handshake when %s', async (_, path, status, body) => {
    const refused = await refusal(server.url(path));
    expect(refused.status).toBe(status);
    expect(refused.body).toMatch(body);
  });

  test('let a name through when it is as long as can be', async () => {
    const member = await Member.join(newRoom(), EMOJI.repeat(MAX_NAME));
    expect(member.welcome.name).toBe(EMOJI.repeat(MAX_NAME));
  });

  test('give a name to a client that gives none', async () => {
    const url = newRoom();
    const client = await Client.open(url);
    expect(JSON.parse(String(await client.next()))).toMatchObject({ type: 'welcome', name: 'Guest' });
  });

  test('close a connection with the reason when there is no room for one more room', async () => {
    const small = await serve('--workers', '1', '--max-channels', '1');
    await Member.join(small.url('/chat/first'), 'a');
    const second = await Member.join(small.url('/chat/second'), 'b');
    expect(second.welcome).toEqual({ type: 'error', reason: 'too-many-channels' });
    expect(await second.client.closed).toEqual({ code: 1013, reason: 'too-many-channels' });
  });
});

describe('bad input', () => {
  test.each([
    ['not JSON', 'hello', /not JSON/],
    ['no JSON at its end', '{"type":"message","text":"a"', /not JSON/],
    ['nothing', '', /not JSON/],
    ['null', 'null', /type must be/],
    ['a number', '1', /type must be/],
    ['a list', '[{"type":"message","text":"a"}]', /type must be/],
    ['of no type', '{"text":"a"}', /type must be/],
    ['of a type that only the server says', '{"type":"welcome","text":"a"}', /type must be/],
    ['of a type that objects have', '{"type":"__proto__","text":"a"}', /type must be/],
    ['without text', '{"type":"message"}', /text must be/],
    ['with a number for a text', '{"type":"message","text":1}', /text must be/],
    ['with an object for a text', '{"type":"message","text":{"length":1}}', /text must be/],
    ['with an empty text', '{"type":"message","text":""}', /text must be/],
    ['with a blank text', '{"type":"message","text":" \\n\\u3000"}', /text must be/],
    ['too long', JSON.stringify({ type: 'message', text: 'x'.repeat(MAX_TEXT + 1) }), /1 to 500/],
    ['too long in emoji', JSON.stringify({ type: 'message', text: EMOJI.repeat(MAX_TEXT + 1) }), /1 to 500/],
    ['nested deeply', '['.repeat(50_000), /not JSON/],
    ['binary', Buffer.from('{"type":"message","text":"a"}'), /frames are text/],
  ])('is answered by one error and harms nobody when it is %s', async (_, data, reason) => {
    const room = newRoom();
    const [member, other] = [await Member.join(room, 'a'), await Member.join(room, 'b')];
    member.client.send(data);
    expect((await member.next('error')).reason).toMatch(reason);
    member.say('still here');
    for (const each of [member, other]) expect(await each.texts(1)).toEqual(['still here']);
    expect(member.client.unread.filter((frame) => String(frame).includes('"error"'))).toEqual([]);
  });
});
