import { defineConfig } from 'vitest/config';

const project = (name: string, include: string[], more: object = {}) => ({
  test: { name, include, testTimeout: 30_000, hookTimeout: 60_000, ...more },
});

export default defineConfig({
  test: {
    projects: [
      // Pure parts, from source.
      project('unit', ['test/unit/**/*.test.ts']),
      // One part against its contract: the broker over HTTP and sockets, the language server over stdio.
      project('contract', ['test/contract/**/*.test.ts']),
      // Real processes of bundles of their own, under faults.
      project('faults', ['test/faults/**/*.test.ts'], { fileParallelism: false, testTimeout: 180_000 }),
      // Real processes of several parts, from dist/.
      project('integration', ['test/integration/**/*.test.ts'], { fileParallelism: false, testTimeout: 60_000 }),
    ],
  },
});
