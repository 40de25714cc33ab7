import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll } from 'vitest';
import { type Bundle, Bundler, checkText, markedNamed } from '../../../../language-server/functions/index.ts';
import { folder } from '../../../support/folder.ts';

export const bundler = new Bundler();
afterAll(() => bundler.dispose());

const require = createRequire(import.meta.url);
const packageFolder = (name: string) => dirname(require.resolve(`${name}/package.json`));

/** A project of these files, `deep` folders below a new one, with copies of some of our own packages. */
export function project(
  files: Record<string, string>,
  { deep = 0, packages = [] as string[], name = 'p' } = {},
): string {
  const root = join(
    folder('bundle'),
    ...Array.from({ length: deep }, (_, i) => `level-${i}`),
    deep > 0 ? 'elsewhere' : name,
  );
  for (const [file, text] of Object.entries({ 'package.json': `{ "name": "${name}", "type": "module" }`, ...files })) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
  for (const dependency of packages)
    cpSync(packageFolder(dependency), join(root, 'node_modules', dependency), { recursive: true });
  return root;
}

export async function bundle(root: string, file: string, name = 'f', using = bundler, text?: string): Promise<Bundle> {
  const path = join(root, file);
  const content = text ?? readFileSync(path, 'utf8');
  return await using.bundle({ file: path, text: content, marked: markedNamed(checkText(content, path), name, path) });
}

/** The function of a bundle, loaded from a file as a worker does it. */
export async function load({ code, digest }: Bundle): Promise<(...args: unknown[]) => unknown> {
  const file = join(folder('load'), `${digest}.mjs`);
  writeFileSync(file, code);
  return ((await import(/* @vite-ignore */ pathToFileURL(file).href)) as { default: () => unknown }).default;
}

export const M = '/** @remote */\n';
