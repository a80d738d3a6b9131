/** The package as `npm publish` would send it, from what is built. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { REPOSITORY } from './user-project.ts';

export interface PackedPackage {
  readonly tarball: string;
  /** Bytes of the tarball. */
  readonly size: number;
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}

/** Packs it into `folder`. */
export async function pack(folder: string): Promise<PackedPackage> {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const { stdout } = await promisify(execFile)('npm', args, { cwd: REPOSITORY });
  const [packed] = JSON.parse(stdout) as (Omit<PackedPackage, 'tarball'> & { filename: string })[];
  if (packed === undefined) throw new Error(`npm pack packed nothing: ${stdout}`);
  return { ...packed, tarball: join(folder, packed.filename) };
}
