/** A folder of somebody who uses this package: their files, and what they have installed. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

export class UserProject {
  readonly folder = mkdtempSync(join(tmpdir(), 'polyloop-user-'));

  constructor() {
    mkdirSync(join(this.folder, 'node_modules'));
    this.write('package.json', '{ "type": "module" }');
  }

  /** Path of a file of this project. */
  path(name: string): string {
    return join(this.folder, name);
  }

  /** Writes a file and returns its path. */
  write(name: string, text: string): string {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), text);
    return this.path(name);
  }

  /** Installs a package: a link to the one that this repository uses, or to `folder`. */
  link(name: string, folder = join(REPOSITORY, 'node_modules', name)): void {
    const path = join(this.folder, 'node_modules', name);
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(folder, path, 'junction');
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
