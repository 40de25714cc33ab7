/** The tests that drive the packaged extension, and the panel's page, as a person does. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Counts } from './host-suite.ts';
import { marked, run } from './processes.ts';
import { root } from './vscode.ts';

/** @param folder an empty folder of this run; @param vsix the packaged extension; @param files only these test files */
export async function uiSuite(folder: string, vsix: string, files: string[]): Promise<Counts> {
  const report = join(folder, 'ui.json');
  const { status } = await run(
    process.execPath,
    [
      join(root, 'node_modules/vitest/vitest.mjs'),
      ...['run', '--config', 'test/ui/vitest.config.ts', '--root', root, ...files],
      ...['--reporter', 'verbose', '--reporter', 'json', '--outputFile.json', report],
    ],
    { cwd: root, env: marked(folder, { RUNABOUT_TEST_VSIX: vsix }), withinMs: 8 * 60_000 },
  );
  const { numPassedTests: passed, numFailedTests } = JSON.parse(await readFile(report, 'utf8'));
  return { passed, failed: numFailedTests || (status === 0 && passed > 0 ? 0 : 1) };
}

/** Packages the extension as a release does, and returns the file. */
export async function packageExtension(folder: string): Promise<string> {
  const { status } = await run(process.execPath, [join(root, 'scripts/package.mjs')], {
    cwd: root,
    env: marked(folder),
    withinMs: 120_000,
  });
  if (status !== 0) throw new Error('The extension could not be packaged.');
  const files = (await readdir(join(root, 'out'))).filter(name => name.endsWith('.vsix'));
  const made = await Promise.all(
    files.map(async name => ({ name, at: (await stat(join(root, 'out', name))).mtimeMs })),
  );
  const newest = made.sort((a, b) => b.at - a.at)[0];
  if (!newest) throw new Error('scripts/package.mjs left no .vsix in out/.');
  return join(root, 'out', newest.name);
}
