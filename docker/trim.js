/**
 * Takes out of what goes into the image what the server never reads there: binaries of uWebSockets.js for other systems and
 * other Nodes (130 of 140 MB), source maps, type declarations and readme files. Licences stay.
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const BINARIES = 'node_modules/uWebSockets.js/dist/bin';
const binary = `uws_${process.platform}_${process.arch}_${process.versions.modules}.node`;
const NEVER_READ = /\.(map|d\.[cm]?ts|md|markdown)$/i;

const binaries = readdirSync(BINARIES);
if (!binaries.includes(binary)) throw new Error(`uWebSockets.js has no ${binary}`);
for (const other of binaries) if (other !== binary) rmSync(join(BINARIES, other));

for (const folder of ['dist', 'node_modules']) {
  for (const file of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const isLicence = /licen[cs]e|notice/i.test(file.name);
    if (file.isFile() && NEVER_READ.test(file.name) && !isLicence) rmSync(join(file.parentPath, file.name));
  }
}
