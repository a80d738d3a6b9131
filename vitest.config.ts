import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // A server in the test's own process needs the main thread, and a process of its own.
    pool: 'forks',
    // Tests start whole servers with several loops: more than one file at a time only makes them wait for each other.
    fileParallelism: false,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
