/** How many cores this process may use: those of the machine, less what its affinity and its cgroup take away. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { posix } from 'node:path';

const CGROUPS = 'sys/fs/cgroup';

/**
 * At least 1, at most `atMost`, which knows of the affinity. A CPU limit of a container (`cpu.max` of cgroup v2,
 * `cpu.cfs_quota_us` of v1) counts rounded up: 1.5 cores are 2. The limits of all groups above hold, too.
 * Node's own count knows of such limits from Node 22 on, and rounds down. `root` is where the file system begins.
 */
export function availableCores(root = '/', atMost: number = availableParallelism()): number {
  const limits = groupsOf(root).map(({ directory, isV2 }) =>
    isV2 ? coresV2(directory) : coresV1(directory),
  );
  return Math.max(1, Math.min(atMost, ...limits.map(Math.ceil)));
}

interface Group {
  readonly directory: string;
  readonly isV2: boolean;
}

/** The process's own group for CPU time, and all above it, as far as this mount shows them. */
function groupsOf(root: string): Group[] {
  const groups: Group[] = [];
  for (const line of read(posix.join(root, 'proc/self/cgroup')).split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    const isV2 = controllers === '';
    if (!isV2 && !controllers.split(',').includes('cpu')) continue;
    const mount = posix.join(root, CGROUPS, controllers);
    // A path that leads out of the namespace ("/../x") ends at its root.
    for (let above = posix.normalize(path); ; above = posix.dirname(above)) {
      groups.push({ directory: posix.join(mount, above), isV2 });
      if (above === '/') break;
    }
  }
  return groups;
}

/** "150000 100000": microseconds in each period; "max 100000" is no limit. */
function coresV2(directory: string): number {
  const [quota = '', period = ''] = read(posix.join(directory, 'cpu.max')).trim().split(' ');
  return ratio(quota, period);
}

/** A quota of -1 is no limit. */
function coresV1(directory: string): number {
  const number = (file: string): string => read(posix.join(directory, file)).trim();
  return ratio(number('cpu.cfs_quota_us'), number('cpu.cfs_period_us'));
}

function ratio(quota: string, period: string): number {
  const cores = Number.parseInt(quota, 10) / Number.parseInt(period, 10);
  return cores > 0 ? cores : Number.POSITIVE_INFINITY;
}

/** Empty when there is no such file, as on other systems. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
