// Builds into a folder of its own and puts that in the place of dist when it is whole: who runs what is there never finds half of it.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const out = mkdtempSync('.build-');
const run = (...args) => execFileSync(process.execPath, args, { stdio: 'inherit' });
try {
  run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', out);
  run('scripts/copy-assets.js', out);
  const old = `${out}-old`;
  try {
    renameSync('dist', old);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  // mkdtemp keeps others out.
  chmodSync(out, 0o755);
  renameSync(out, 'dist');
  rmSync(old, { recursive: true, force: true });
} catch (error) {
  rmSync(out, { recursive: true, force: true });
  // The compiler has said what is wrong.
  if (error.status === undefined) throw error;
  process.exitCode = 1;
}
