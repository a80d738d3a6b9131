// Pages are served, and templates written, as they are: copy them beside the compiled code, and make the command executable.
import { chmodSync, copyFileSync, cpSync } from 'node:fs';

const [out = 'dist'] = process.argv.slice(2);

for (const folder of ['demo/page', 'primary/admin/page', 'commands/init/template'])
  cpSync(`src/${folder}`, `${out}/${folder}`, { recursive: true });

// What the live page plots with, by name in its folder.
const UPLOT = {
  'dist/uPlot.esm.js': 'uPlot.esm.js',
  'dist/uPlot.min.css': 'uPlot.min.css',
  LICENSE: 'uPlot.LICENSE.txt',
};
for (const [file, name] of Object.entries(UPLOT))
  copyFileSync(`node_modules/uplot/${file}`, `${out}/primary/admin/page/${name}`);

chmodSync(`${out}/server.js`, 0o755);
