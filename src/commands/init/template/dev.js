// Compiles on every change in src, and lets the loops load the new code. Old connections are closed with 1012.
import { spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { createRequire } from 'node:module';
import { Server } from 'polyloop';

const server = await Server.start({ app: new URL('./dist/src/app.js', import.meta.url), workers: 2 });

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
spawn(process.execPath, [tsc, '--watch', '--preserveWatchOutput'], { stdio: 'inherit' });

let reload;
watch(new URL('./dist/src/', import.meta.url), () => {
  // A change comes as several events. What does not load is told in the log lines, and the old code goes on.
  clearTimeout(reload);
  reload = setTimeout(() => server.reload().catch(() => {}), 200);
});
