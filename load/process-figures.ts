/** What Linux tells of processes: CPU time and memory. */
import { readFileSync } from 'node:fs';

/** USER_HZ, the unit of CPU times in /proc; 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
/** User and system time in /proc/PID/stat, counted from the field after the command's name. */
const UTIME = 11;
const STIME = 12;
const KIB = 1024;

/** Throws when there is no such process any more. */
function readOf(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (cause) {
    throw new Error(`process ${pid} of the server has ended`, { cause });
  }
}

/** CPU time that the processes have used, all their threads, user and system. */
export function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((total, pid) => {
    const stat = readOf(pid, 'stat');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return total + (Number(fields[UTIME]) + Number(fields[STIME])) / TICKS_PER_SECOND;
  }, 0);
}

/** CPU time that all of the machine has used: what its first line in /proc/stat counts, but idle time. */
export function busySeconds(): number {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.split(/ +/).slice(1).map(Number);
  return (user + nice + system + irq + softirq) / TICKS_PER_SECOND;
}

/** A figure in bytes, as "VmRSS: 1234 kB" in the text of a file of /proc. */
function figure(text: string, name: string): number {
  const [, kib] = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text) ?? [];
  return Number(kib) * KIB;
}

const sum = (pids: readonly number[], name: string): number =>
  pids.reduce((total, pid) => total + figure(readOf(pid, 'status'), name), 0);

/** Resident memory of the processes. What they share counts for each. */
export const residentBytes = (pids: readonly number[]): number => sum(pids, 'VmRSS');

/** Resident memory of the processes that is no file's: heaps, stacks and buffers. */
export const anonymousBytes = (pids: readonly number[]): number => sum(pids, 'RssAnon');

/** What the kernel keeps in its own structures, for the whole machine: sockets and their buffers among them. */
export const kernelBytes = (): number => figure(readFileSync('/proc/meminfo', 'utf8'), 'Slab');
