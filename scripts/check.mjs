// Everything about the sources that needs no run: types, lint and format, and the arrows between the parts.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { wrongArrows } from './arrows.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tool = (path, ...args) =>
  spawnSync(process.execPath, [join(root, 'node_modules', path), ...args], { cwd: root, stdio: 'inherit' }).status ===
  0;

const checks = {
  types: () => tool('typescript/bin/tsc', '--noEmit'),
  'types of pages and of what drives them': () => tool('typescript/bin/tsc', '--noEmit', '-p', 'webview'),
  'lint and format': () => tool('@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.'),
  'arrows between the parts': () => {
    const wrong = wrongArrows();
    for (const line of wrong) console.error(line);
    return wrong.length === 0;
  },
};

/** Runs every check, and says which failed. */
export function check() {
  const failed = Object.entries(checks)
    .filter(([, run]) => !run())
    .map(([name]) => name);
  console.log(
    failed.length === 0 ? `Checked ${Object.keys(checks).join(', ')}: all well.` : `Failed: ${failed.join(', ')}.`,
  );
  return failed.length === 0;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) process.exitCode = check() ? 0 : 1;
