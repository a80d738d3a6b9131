/** The API reference, which `npm run docs:api` writes. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { REPOSITORY } from '../harness/user-project.ts';

const TIMEOUT_MS = 180_000;

it(
  'has a comment for everything that is exported, and every link leads somewhere',
  async () => {
    const typedoc = join(REPOSITORY, 'node_modules/typedoc/bin/typedoc');
    const run = promisify(execFile)(process.execPath, [typedoc, '--emit', 'none'], { cwd: REPOSITORY });
    const problems = await run.then(
      ({ stderr }) => stderr,
      (error: { stdout?: string; stderr?: string; message: string }) =>
        `${error.stdout ?? ''}${error.stderr ?? ''}` || error.message,
    );
    expect(problems).toBe('');
  },
  TIMEOUT_MS,
);
