/** What the server says at its start about the limit of open files, which bounds its connections. */
import { expect, it } from 'vitest';
import { type LogLine, ServerProcess } from '../harness/server-process.ts';

const MAX_FILES = 400;

async function linesAtStart(maxConnections: number): Promise<LogLine[]> {
  const args = ['--port', '0', '--workers', '1', '--max-connections', String(maxConnections)];
  const server = new ServerProcess(args, {}, MAX_FILES);
  // The warning follows it in the same turn, so it is there when the server has stopped.
  await server.line('limits');
  await server.stop();
  return server.lines.filter((line) => line.msg === 'too few open files');
}

it.runIf(process.platform === 'linux')(
  'warns once, with the limit that is needed, when there are fewer open files than connections',
  async () => {
    const [line, ...others] = await linesAtStart(1000);
    expect(line).toMatchObject({ level: 40, openFiles: MAX_FILES, maxConnections: 1000 });
    expect(line?.needed).toBeGreaterThan(1000);
    expect(line?.hint).toContain(String(line?.needed));
    expect(others).toEqual([]);
  },
);

it.runIf(process.platform === 'linux')(
  'warns when the files are enough for the connections but not for the server itself',
  async () => {
    expect(await linesAtStart(MAX_FILES)).toHaveLength(1);
  },
);

it.each([0, 200])('says nothing when %i connections are allowed', async (maxConnections) => {
  expect(await linesAtStart(maxConnections)).toEqual([]);
});
