/** What the kernel says about another process; Linux only. */
import { readdirSync, readFileSync } from 'node:fs';

const KIB = 1024;

/** Resident memory in bytes. */
export function residentBytesOf(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) * KIB;
}

/** Open files, sockets included. */
export const openFilesOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

/** For what tests print. */
export const mebibytes = (bytes: number): string => `${(bytes / KIB / KIB).toFixed(1)} MiB`;
