// For `vscode-test`: the tests in the extension host. scripts/editor/run.mjs bundles them and starts what they need.
import { fileURLToPath } from 'node:url';
import { defineConfig } from '@vscode/test-cli';
import { findDesktop } from './scripts/editor/desktop.ts';

const path = name => fileURLToPath(new URL(name, import.meta.url));

export default defineConfig({
  // In this order: the last one stops the broker and starts it again.
  files: ['activation', 'run', 'settings', 'connection'].map(name => `out/editor-tests/${name}.test.cjs`),
  workspaceFolder: process.env.RUNABOUT_TEST_WORKSPACE ?? path('test/editor/workspace'),
  useInstallation: { fromPath: findDesktop() ?? path('scripts/editor/vscode-shim.mjs') },
  mocha: { ui: 'bdd', timeout: 30_000, reporter: path('scripts/editor/reporter.cjs') },
});
