import { readFileSync } from 'node:fs';
import { dirname, extname } from 'node:path';
import { RunaboutError } from '../../../protocol/errors/error.ts';
import type { Marked } from '../marks/marked.ts';
import type { Plugin } from './esbuild.ts';

const NAMESPACE = 'runabout-entry';
const EXPORT = '__runaboutFunction';

/** Texts that are newer than the files: what editors hold unsaved, by file. */
export type Overlays = ReadonlyMap<string, string>;

/** How a bundle gets hold of its function. */
export type Reach = Pick<Marked, 'name' | 'access' | 'exportsOn'>;

/**
 * What is put behind a module's text so that the function can be reached from outside. It stands at the very end, where
 * it moves no position of the source map.
 */
export function exportSuffix({ name, access, exportsOn }: Reach): string {
  if (access === 'anonymous-default') return '';
  const value = access === 'static-method' ? `${name}.bind(${name.split('.')[0]})` : name;
  if (exportsOn) return `\n;${exportsOn}.${EXPORT} = ${value};`;
  return access === 'name'
    ? `\n;export { ${value} as ${EXPORT} };`
    : `\n;export const ${EXPORT} = /* @__PURE__ */ ${value};`;
}

/** What a build is made of; looked at on every build. */
export interface Source {
  /** The function to bundle. */
  reach: Reach;
  /** Texts to read instead of files. Which files those are stays; what they hold does not. */
  texts: Overlays;
}

/**
 * Makes a function of `file` the entry of the bundle, whether its module exports it or not, and reads texts that are not
 * saved yet.
 */
export function entryPlugin(file: string, source: Source): Plugin {
  const files = new Set([file, ...source.texts.keys()]);
  const filter = new RegExp(`^(?:${[...files].map(quoted).join('|')})$`);
  return {
    name: 'runabout-entry',
    setup(build) {
      build.onResolve({ filter: /^runabout:entry$/ }, () => ({ path: 'entry', namespace: NAMESPACE }));
      build.onResolve({ filter: /^runabout:module$/, namespace: NAMESPACE }, () => ({ path: file }));
      build.onLoad({ filter: /.*/, namespace: NAMESPACE }, () => {
        const name = source.reach.access === 'anonymous-default' ? 'default' : EXPORT;
        return { contents: `export { ${name} as default } from 'runabout:module';`, loader: 'js' };
      });
      build.onLoad({ filter, namespace: 'file' }, args => {
        const text = source.texts.get(args.path) ?? readText(args.path);
        const suffix = args.path === file ? exportSuffix(source.reach) : '';
        return { contents: text + suffix, loader: loaderOf(args.path), resolveDir: dirname(args.path) };
      });
    },
  };
}

function readText(file: string): string {
  try {
    // A byte order mark is no part of the text.
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    throw new RunaboutError('bundle-failed', `${file} cannot be read: ${(error as Error).message}.`);
  }
}

function loaderOf(file: string): 'tsx' | 'ts' | 'jsx' | 'json' | 'text' {
  switch (extname(file).toLowerCase()) {
    case '.tsx':
      return 'tsx';
    case '.ts':
    case '.mts':
    case '.cts':
    case '':
      return 'ts';
    case '.json':
      return 'json';
    case '.txt':
      return 'text';
    default:
      return 'jsx';
  }
}

const quoted = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
