import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Writes a file with this name and text in a new directory of its own; returns its path. */
export function temporaryFile(name: string, text: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'polyloop-test-')), name);
  writeFileSync(path, text);
  return path;
}
