/** The CPU limits of cgroups, over trees of files as the kernel lays them out. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { availableCores } from '../src/available-cores.ts';

const CORES = 16;

/** Writes the files under a directory of their own and counts the cores that are left of 16. */
function coresOf(files: Record<string, string>): number {
  const root = mkdtempSync(join(tmpdir(), 'polyloop-cgroup-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return availableCores(root, CORES);
}

/** The group of a container that sees itself as the root. */
const container = (max: string): Record<string, string> => ({
  'proc/self/cgroup': '0::/\n',
  'sys/fs/cgroup/cpu.max': `${max}\n`,
});

const V1 = '12:memory:/docker/a\n4:cpu,cpuacct:/docker/a\n3:cpuset:/docker/a\n0::/system.slice\n';
const v1 = (directory: string, quota: string): Record<string, string> => ({
  'proc/self/cgroup': V1,
  [`sys/fs/cgroup/cpu,cpuacct/${directory}cpu.cfs_quota_us`]: `${quota}\n`,
  [`sys/fs/cgroup/cpu,cpuacct/${directory}cpu.cfs_period_us`]: '100000\n',
});

it.each([
  ['400000 100000', 4],
  ['150000 100000', 2],
  ['10000 100000', 1],
  ['75000 50000', 2],
  ['6400000 100000', CORES],
  ['max 100000', CORES],
  ['', CORES],
  ['1 0', CORES],
])('are those of the limit, rounded up, when cpu.max is "%s"', (max, cores) => {
  expect(coresOf(container(max))).toBe(cores);
});

it('are those of the narrowest group when several are limited', () => {
  const limits = (slice: string, unit: string): number =>
    coresOf({
      'proc/self/cgroup': '0::/system.slice/polyloop.service\n',
      'sys/fs/cgroup/system.slice/cpu.max': `${slice}\n`,
      'sys/fs/cgroup/system.slice/polyloop.service/cpu.max': `${unit}\n`,
    });
  expect(limits('300000 100000', '500000 100000')).toBe(3);
  expect(limits('500000 100000', '300000 100000')).toBe(3);
  expect(limits('max 100000', 'max 100000')).toBe(CORES);
});

it('are those of the limit when the cgroup is of version 1', () => {
  expect(coresOf(v1('docker/a/', '250000'))).toBe(3);
  expect(coresOf(v1('docker/a/', '-1'))).toBe(CORES);
});

it('are those of the limit when a container sees its group of version 1 as the root, under a path of the host', () => {
  expect(coresOf(v1('', '250000'))).toBe(3);
});

it('are those of the root when the group lies outside of the namespace', () => {
  expect(coresOf({ ...container('200000 100000'), 'proc/self/cgroup': '0::/../../other\n' })).toBe(2);
});

it('are those of the machine when there are no cgroups', () => {
  expect(coresOf({})).toBe(CORES);
  expect(coresOf({ 'proc/self/cgroup': 'nonsense\n3:cpuset:/a\n' })).toBe(CORES);
});

it('are no more than Node counts when nothing else is said', () => {
  expect(availableCores()).toBeGreaterThanOrEqual(1);
  expect(availableCores()).toBeLessThanOrEqual(availableParallelism());
});
