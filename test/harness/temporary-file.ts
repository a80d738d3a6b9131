import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Writes a file with this name and text in a new directory of its own, until the test is over; returns its path. */
export function temporaryFile(name: string, text: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'polyloop-test-')), name);
  writeFileSync(path, text);
  onTestFinished(() => rmSync(dirname(path), { recursive: true }));
  return path;
}
