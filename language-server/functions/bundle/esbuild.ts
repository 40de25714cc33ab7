import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type * as Esbuild from 'esbuild';
import { RunaboutError } from '../../../protocol/errors/error.ts';

export type { BuildContext, BuildFailure, BuildOptions, Message, Metafile, PartialMessage, Plugin } from 'esbuild';

let loaded: Promise<typeof Esbuild> | undefined;

/**
 * The bundler: `esbuild` where its binary for this machine is installed, else `esbuild-wasm` of the same version, which
 * gives the same bytes more slowly.
 */
export function loadEsbuild(): Promise<typeof Esbuild> {
  loaded ??= loadFirst(['esbuild', 'esbuild-wasm']).catch(error => {
    loaded = undefined;
    throw error;
  });
  return loaded;
}

/** The first of these packages that works here. @throws RunaboutError `bundle-failed` when none does */
export async function loadFirst(packages: ('esbuild' | 'esbuild-wasm')[]): Promise<typeof Esbuild> {
  const require = createRequire(import.meta.url);
  const reasons: string[] = [];
  for (const name of packages) {
    try {
      const esbuild = require(name) as typeof Esbuild;
      if (name === 'esbuild-wasm') provideNode();
      // The JavaScript half loads anywhere; this fails where the binary is missing or of another platform.
      await esbuild.transform('');
      return esbuild;
    } catch (error) {
      reasons.push(`${name}: ${(error as Error).message.split('\n')[0]}`);
    }
  }
  throw new RunaboutError('bundle-failed', `There is no bundler on this machine (${reasons.join('; ')}).`, {
    hint: 'Install Runabout again, for this platform.',
  });
}

/** esbuild-wasm starts `node` from the PATH. An editor that brings its own Node under another name lends it. */
function provideNode(): void {
  const path = process.env.PATH ?? '';
  if (process.platform === 'win32' || path.split(delimiter).some(folder => existsSync(join(folder, 'node')))) return;
  const folder = mkdtempSync(join(tmpdir(), 'runabout-node-'));
  symlinkSync(process.execPath, join(folder, 'node'));
  process.env.PATH = `${folder}${delimiter}${path}`;
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
}
