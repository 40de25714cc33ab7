/** The tests of the extension inside VS Code's extension host, on a real broker and endpoint. */
import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { platform, up } from './platform.ts';
import { marked, run } from './processes.ts';
import { root } from './vscode.ts';

export interface Counts {
  passed: number;
  failed: number;
}

/** @param folder an empty folder of this run; everything is under it */
export async function hostSuite(folder: string): Promise<Counts> {
  await bundleTests();
  const workspace = join(folder, 'workspace');
  await cp(join(root, 'test/editor/workspace'), workspace, { recursive: true });
  const home = join(folder, 'home');
  await mkdir(home);
  const env = marked(folder, {
    RUNABOUT_HOME: home,
    RUNABOUT_TEST: '1',
    RUNABOUT_TEST_WORKSPACE: workspace,
    RUNABOUT_TEST_NODE: process.execPath,
    RUNABOUT_TEST_CLI: join(root, 'dist/runabout.js'),
  });
  const local = platform(home, env);
  await up(local, 'laptop');
  try {
    const cli = join(root, 'node_modules/@vscode/test-cli/out/bin.mjs');
    const { status, text } = await run(process.execPath, [cli], { cwd: root, env, withinMs: 5 * 60_000 });
    const count = (word: string) => Number(new RegExp(`^\\s*(\\d+) ${word}`, 'm').exec(text)?.[1] ?? 0);
    const passed = count('passing');
    // A run that ended badly without a failed test, or without any, has failed all the same.
    const failed = count('failing') || (status === 0 && passed > 0 ? 0 : 1);
    return { passed, failed };
  } finally {
    await local.cli('down');
  }
}

/** VS Code loads CommonJS; `vscode` is what it gives to extensions. */
async function bundleTests(): Promise<void> {
  const outdir = join(root, 'out/editor-tests');
  await rm(outdir, { recursive: true, force: true });
  await build({
    absWorkingDir: root,
    entryPoints: ['test/editor/*.test.ts'],
    outdir,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    sourcemap: 'inline',
    platform: 'node',
    format: 'cjs',
    target: 'node22',
    external: ['vscode'],
    logLevel: 'warning',
  });
}
