/** The systemd unit of docs/deploy.md. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { configOf } from '../../src/config.ts';
import { codeBlocks } from '../harness/code-block.ts';
import { findProgram, replaceOnce } from '../harness/reverse-proxy.ts';
import { temporaryFile } from '../harness/temporary-file.ts';

const [unit = '', ...others] = codeBlocks(new URL('../../docs/deploy.md', import.meta.url), 'ini');
const analyze = findProgram('systemd-analyze');
if (analyze === undefined) console.log('skipped: there is no systemd-analyze here');

it.runIf(analyze)('has nothing that systemd does not know', () => {
  const server = fileURLToPath(new URL('../../dist/server.js', import.meta.url));
  let text = replaceOnce(unit, '/usr/bin/node', process.execPath);
  text = replaceOnce(text, '/opt/polyloop/dist/server.js', server);
  const path = temporaryFile('polyloop.service', text);
  const { status, stderr } = spawnSync(analyze ?? '', ['verify', '--man=no', path], { encoding: 'utf8' });
  // It also speaks of other units of the machine.
  expect(stderr.split('\n').filter((line) => line.includes('polyloop'))).toEqual([]);
  expect(status).toBe(0);
});

it('gives a stop more time than the drain timeout', () => {
  expect(others).toEqual([]);
  const [, seconds] = /^TimeoutStopSec=(\d+)$/m.exec(unit) ?? [];
  expect(Number(seconds) * 1000).toBeGreaterThan(configOf({}).drainTimeoutMs);
});
