import { expect, test } from 'vitest';
import { openOnEachLoop, openOnLoop } from '../harness/greeting.ts';
import { type LogLine, ServerProcess } from '../harness/server-process.ts';

/** A loop that fails again soon is started later each time; many loops keep the test short. */
const LOOPS = 16;
const WITNESS = 0;
const IN_A_ROW = 30;
/** An odd number of kinds on an odd number of loops: each loop meets different ones. */
const FAULTS: [string, number][] = [
  ['throw in a timer', 1011],
  ['leave a rejected promise', 1011],
  ['exit', 1012],
];
const TIMEOUT_MS = 180_000;

test(
  'keeps the process and the connections of other loops when loops fail many times in a row',
  async () => {
    const server = await ServerProcess.start(
      '--workers',
      String(LOOPS),
      '--max-restarts',
      '1000',
      '--app',
      'test/fixtures/faulty.js',
    );
    const url = server.url('/');
    const clients = await openOnEachLoop(url, LOOPS);
    const others = LOOPS - 1;
    for (let i = 0; i < IN_A_ROW; i++) {
      const loop = 1 + (i % others);
      const times = 1 + Math.floor(i / others);
      const [fault, code] = FAULTS[(i + times) % FAULTS.length] ?? ['exit', 1012];
      const victim = clients.get(loop)?.client;
      victim?.send(fault);
      expect((await victim?.closed)?.code, fault).toBe(code);

      const isReplaced = (line: LogLine): boolean => line.msg === 'loop replaced' && line.loop === loop;
      await server.line(
        'loop replaced',
        (line) => isReplaced(line) && server.lines.filter(isReplaced).length >= times,
      );
      const successor = await openOnLoop(url, loop);
      expect(successor.greeting).toEqual({ loop, generation: times + 1 });
      clients.set(loop, successor);

      const witness = clients.get(WITNESS)?.client;
      witness?.send(`after fault ${i}`);
      expect(await witness?.next()).toBe(`after fault ${i}`);
    }
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect(server.stderr).toBe('');
  },
  TIMEOUT_MS,
);
