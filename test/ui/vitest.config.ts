import { defineConfig } from 'vitest/config';

// Apart from the projects of the root: these tests need Chromium, and scripts/editor/run.mjs starts them.
export default defineConfig({
  test: {
    name: 'ui',
    include: ['test/ui/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
