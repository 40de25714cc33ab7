/** The tests that drive the packaged extension, and the panel's page, as a person does. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Counts } from './host-suite.ts';
import { marked, run } from './processes.ts';
import { root } from './vscode.ts';

/** @param folder an empty folder of this run; @param vsix the packaged extension; @param files only these test files */
export async function uiSuite(folder: string, vsix: string, files: string[]): Promise<Counts> {
  const report = join(folder, 'ui.json');
  await rm(join(root, 'out/screenshots'), { recursive: true, force: true });
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

/** Packages the extension as a release does, from the bundles in dist/, and returns the file. */
export async function packageExtension(folder: string): Promise<string> {
  const vsix = join(folder, 'runabout.vsix');
  const { status } = await run(process.execPath, [join(root, 'scripts/package.mjs'), '--no-build', '--out', vsix], {
    cwd: root,
    env: marked(folder),
    withinMs: 120_000,
  });
  if (status !== 0) throw new Error('The extension could not be packaged.');
  return vsix;
}
