// The demo page is served as it is: copy it beside the compiled code, and make the command executable.
import { chmodSync, cpSync } from 'node:fs';

cpSync('src/demo/page', 'dist/demo/page', { recursive: true });
chmodSync('dist/server.js', 0o755);
