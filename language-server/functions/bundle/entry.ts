import { readFileSync } from 'node:fs';
import { dirname, extname } from 'node:path';
import { ts } from 'ts-morph';
import { RunaboutError } from '../../../protocol/errors/error.ts';
import type { Marked } from '../marks/marked.ts';
import { parseSource } from '../marks/source.ts';
import type { Plugin } from './esbuild.ts';

const NAMESPACE = 'runabout-entry';
const EXPORT = '__runaboutFunction';

/** Texts that are newer than the files: what editors hold unsaved, by file. */
export type Overlays = ReadonlyMap<string, string>;

/**
 * What is put behind a module's text so that the function can be reached from outside. It stands at the very end, where
 * it moves no position of the source map.
 */
export function exportSuffix(text: string, file: string, marked: Pick<Marked, 'name' | 'access'>): string {
  if (marked.access === 'anonymous-default') return '';
  const value = marked.access === 'static-method' ? methodOf(marked.name) : marked.name;
  const commonJs = commonJsExports(text, file);
  if (commonJs) return `\n;${commonJs}.${EXPORT} = ${value};`;
  return marked.access === 'name'
    ? `\n;export { ${value} as ${EXPORT} };`
    : `\n;export const ${EXPORT} = /* @__PURE__ */ ${value};`;
}

const methodOf = (name: string) => `${name}.bind(${name.split('.')[0]})`;

/** The module that was looked at last: its functions are bundled one after the other, and a parse takes its time. */
let looked: { text: string; file: string; exports: string | undefined } | undefined;

function commonJsExports(text: string, file: string): string | undefined {
  if (looked?.text !== text || looked.file !== file) looked = { text, file, exports: findExports(text, file) };
  return looked.exports;
}

/**
 * What a CommonJS module exports its things on; `undefined` for an ES module. TypeScript's `export = x` is carried out
 * last of all, so there it is `x` itself.
 */
function findExports(text: string, file: string): string | undefined {
  let isEsm = false;
  for (const statement of parseSource(text, file).statements) {
    if (ts.isExportAssignment(statement) && statement.isExportEquals) {
      if (ts.isIdentifier(statement.expression)) return statement.expression.text;
      throw new RunaboutError('function-not-markable', '"export =" with anything but a name hides the function.', {
        hint: 'Export a name, or use "export".',
      });
    }
    isEsm ||=
      ts.isImportDeclaration(statement) ||
      ts.isExportDeclaration(statement) ||
      ts.isExportAssignment(statement) ||
      (ts.canHaveModifiers(statement) &&
        (ts.getModifiers(statement)?.some(modifier => modifier.kind === ts.SyntaxKind.ExportKeyword) ?? false));
  }
  const usesExports = /\b(?:module\.)?exports\b|\brequire\s*\(/.test(text);
  return extname(file).toLowerCase() === '.cjs' || (!isEsm && usesExports) ? 'module.exports' : undefined;
}

/**
 * Makes the function the entry of the bundle, whether its module exports it or not, and reads texts that are not saved
 * yet.
 * @param overlays looked at on every build; only the files in it now are ever read from it, `file` among them
 */
export function entryPlugin(file: string, marked: Pick<Marked, 'name' | 'access'>, overlays: Overlays): Plugin {
  const files = new Set([file, ...overlays.keys()]);
  const filter = new RegExp(`^(?:${[...files].map(quoted).join('|')})$`);
  return {
    name: 'runabout-entry',
    setup(build) {
      build.onResolve({ filter: /^runabout:entry$/ }, () => ({ path: 'entry', namespace: NAMESPACE }));
      build.onResolve({ filter: /^runabout:module$/, namespace: NAMESPACE }, () => ({ path: file }));
      build.onLoad({ filter: /.*/, namespace: NAMESPACE }, () => {
        const name = marked.access === 'anonymous-default' ? 'default' : EXPORT;
        return { contents: `export { ${name} as default } from 'runabout:module';`, loader: 'js' };
      });
      build.onLoad({ filter, namespace: 'file' }, args => {
        const text = overlays.get(args.path) ?? readText(args.path);
        const suffix = args.path === file ? exportSuffix(text, file, marked) : '';
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
