/**
 * A real VS Code for tests without a desktop: the server of the npm package `code-server`, installed on first use under
 * `.vscode-test/`, as test/editor/vscode/package-lock.json says. No install script runs and nothing is compiled.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const recipe = join(root, 'test/editor/vscode');
const cache = join(root, '.vscode-test');

/** What the tests never use, and half of the size: an AI agent and its extension, and ripgrep for other platforms. */
const unused = [
  'extensions/copilot',
  'extensions/mermaid-markdown-features',
  'node_modules/@github/copilot-sdk-linux-x64',
  'node_modules/@github/copilot-sdk/node_modules/@koromix',
  'node_modules/@microsoft/mxc-sdk',
  ...['win32-x64', 'win32-arm64', 'win32-ia32', 'darwin-x64', 'darwin-arm64'].map(
    platform => `node_modules/@vscode/ripgrep-universal/bin/${platform}`,
  ),
];

/** The folder of the VS Code server (`out/server-main.js` is in it); installs it first where it is missing. */
export async function installVscode(): Promise<string> {
  const files = ['package.json', 'package-lock.json', 'spdlog.cjs'];
  const hash = createHash('sha256');
  for (const file of files) hash.update(await readFile(join(recipe, file)));
  const folder = join(cache, `server-${hash.digest('hex').slice(0, 12)}`);
  const vscode = (at: string) => join(at, 'node_modules/code-server/lib/vscode');
  if (existsSync(join(folder, 'installed'))) return vscode(folder);

  console.log('Installing VS Code for the editor tests (once, about half a minute) …');
  await mkdir(cache, { recursive: true });
  // Under another name until it is whole: an install that was cut short leaves nothing that looks installed.
  const making = await mkdtemp(join(cache, 'making-'));
  try {
    for (const file of files) await copyFile(join(recipe, file), join(making, file));
    await npm(making, 'ci');
    // The shrinkwraps inside the package do not pass `npm ci`.
    await npm(vscode(making), 'install');
    await npm(join(vscode(making), 'extensions'), 'install');
    for (const path of unused) await rm(join(vscode(making), path), { recursive: true, force: true });
    await copyFile(join(recipe, 'spdlog.cjs'), join(vscode(making), 'node_modules/@vscode/spdlog/index.js'));
    await writeFile(join(making, 'installed'), '');
    await rm(folder, { recursive: true, force: true });
    await rename(making, folder);
  } finally {
    await rm(making, { recursive: true, force: true });
  }
  return vscode(folder);
}

async function npm(cwd: string, command: 'ci' | 'install'): Promise<void> {
  const options = ['--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const windows = process.platform === 'win32';
  await promisify(execFile)(windows ? 'npm.cmd' : 'npm', [command, ...options], {
    cwd,
    shell: windows,
    maxBuffer: 16 * 1024 * 1024,
  });
}
