import { relative } from 'node:path';
import type * as Esbuild from 'esbuild';
import { RunaboutError } from '../../../protocol/errors/error.ts';
import { limits } from '../../../protocol/limits.ts';
import type { BuildOptions, Message, Metafile, Plugin } from './esbuild.ts';

/** A place in a file: line from 1, column from 0 in UTF-16 units. */
export interface Place {
  file: string;
  line: number;
  column: number;
  length: number;
}

/** One reason why a function could not be bundled. */
export interface BundleProblem {
  kind: 'import' | 'native' | 'syntax' | 'other';
  message: string;
  /** Where it is, in whichever file. */
  place: Place | undefined;
  /** The import in the function's own file that leads there, when `place` is in another. */
  via: Place | undefined;
}

/** `bundle-failed`, with every reason and its place. */
export class BundleError extends RunaboutError {
  readonly problems: BundleProblem[];
  /** The folder of the project, which paths in the message start from. */
  readonly root: string;

  constructor(problems: BundleProblem[], root: string) {
    const lines = problems.map(({ message, place, via }) => {
      const at = via ?? place;
      return at ? `${relative(root, at.file) || at.file}:${at.line}: ${message}` : message;
    });
    super(
      'bundle-failed',
      lines.join('\n'),
      problems.some(problem => problem.kind === 'import')
        ? { hint: 'Nothing was sent. Install what is missing, or mend the import.' }
        : { hint: 'Nothing was sent.' },
    );
    this.problems = problems;
    this.root = root;
  }
}

export const NATIVE = 'runabout-native';

/** Refuses compiled add-ons: they are made for one machine and cannot travel. */
export const nativePlugin: Plugin = {
  name: NATIVE,
  setup(build) {
    build.onResolve({ filter: /\.node$/ }, ({ path }) => ({
      errors: [{ text: `"${path}" is a native add-on: it is compiled for one machine and cannot be sent.` }],
    }));
  },
};

/** What esbuild says, in our words and with the import of the function's own file that leads there. */
export async function explainFailure(
  esbuild: typeof Esbuild,
  errors: Message[],
  file: string,
  text: string,
  root: string,
  options: BuildOptions,
): Promise<BundleError> {
  const abroad = errors.some(({ location }) => location && absolute(root, location.file) !== file);
  const routes = abroad ? await routesFrom(esbuild, file, options) : undefined;
  return new BundleError(
    errors.map(error => {
      const place = placeOf(error.location, root);
      const specifier = place && place.file !== file ? routes?.get(place.file) : undefined;
      const via = specifier === undefined ? undefined : importPlace(text, file, specifier);
      const inside = via && place ? ` (in ${relative(root, place.file).replaceAll('\\', '/')}:${place.line})` : '';
      return { ...reason(error), place, via, ...(inside ? { message: `${reason(error).message}${inside}` } : {}) };
    }),
    root,
  );
}

function reason({ text, pluginName }: Message): Pick<BundleProblem, 'kind' | 'message'> {
  if (pluginName === NATIVE) return { kind: 'native', message: text };
  const missing = /^Could not resolve "(.*)"$/.exec(text)?.[1];
  if (missing) return { kind: 'import', message: `"${missing}" cannot be found.` };
  if (/^No loader is configured for "(.*)" files/.test(text)) {
    return {
      kind: 'import',
      message: `Files of this kind cannot go into a bundle: ${text.split('files: ')[1] ?? text}.`,
    };
  }
  if (/^No matching export in/.test(text)) return { kind: 'import', message: `${text}.` };
  return { kind: pluginName ? 'other' : 'syntax', message: text.endsWith('.') ? text : `${text}.` };
}

type Location = Message['location'];

function placeOf(location: Location, root: string): Place | undefined {
  if (!location || location.namespace === 'runabout-entry') return undefined;
  // esbuild counts columns in bytes of UTF-8.
  const column = Buffer.from(location.lineText, 'utf8').subarray(0, location.column).toString('utf8').length;
  const end = Buffer.from(location.lineText, 'utf8')
    .subarray(0, location.column + location.length)
    .toString('utf8').length;
  return { file: absolute(root, location.file), line: location.line, column, length: Math.max(1, end - column) };
}

const absolute = (root: string, file: string) =>
  /^([/\\]|[A-Za-z]:)/.test(file) ? file : `${root}/${file}`.replace(/\/\.\//g, '/');

/**
 * By which import of `file` each other module is reached, as that import is written: a second, slow build that notes
 * who imports whom, made only after a failure.
 */
async function routesFrom(esbuild: typeof Esbuild, file: string, options: BuildOptions): Promise<Map<string, string>> {
  const importers = new Map<string, { importer: string; specifier: string }>();
  const tracker: Plugin = {
    name: 'runabout-routes',
    setup(build) {
      build.onResolve({ filter: /.*/ }, async ({ path, importer, namespace, kind, resolveDir, pluginData }) => {
        if (pluginData === tracker || namespace !== 'file') return undefined;
        const found = await build.resolve(path, { importer, namespace, kind, resolveDir, pluginData: tracker });
        if (found.path && !importers.has(found.path)) importers.set(found.path, { importer, specifier: path });
        return undefined;
      });
    },
  };
  await esbuild.build({ ...options, plugins: [tracker, ...(options.plugins ?? [])] }).catch(() => undefined);
  const routes = new Map<string, string>();
  for (const reached of importers.keys()) {
    let step = importers.get(reached);
    for (let hops = 0; step && step.importer !== file && hops < 1000; hops++) step = importers.get(step.importer);
    if (step) routes.set(reached, step.specifier);
  }
  return routes;
}

/** Where `text` imports, re-exports or requires `specifier`. */
function importPlace(text: string, file: string, specifier: string): Place | undefined {
  const quoted = specifier.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
  const match = new RegExp(`(?:from|import|require)\\s*\\(?\\s*(["'])${quoted}\\1`).exec(text);
  if (!match) return undefined;
  const before = text.slice(0, match.index + match[0].length - specifier.length - 2);
  return {
    file,
    line: before.split('\n').length,
    column: before.length - (before.lastIndexOf('\n') + 1),
    length: specifier.length + 2,
  };
}

/** Packages that find a compiled add-on when they run, where no bundler sees it. */
const ADDON_LOADERS = ['bindings', 'node-gyp-build', 'node-gyp-build-optional-packages', '@mapbox/node-pre-gyp'];

/**
 * Packages in the bundle that may load a native add-on when they run: it is not in the bundle. Some of them do without
 * it, so this is for a warning.
 */
export function addonWarnings(metafile: Metafile, text: string, file: string, root: string): BundleProblem[] {
  const importers = new Map<string, { importer: string; specifier: string }>();
  for (const [importer, { imports }] of Object.entries(metafile.inputs)) {
    for (const { path, original } of imports) {
      if (!importers.has(path)) importers.set(path, { importer, specifier: original ?? path });
    }
  }
  const entry = Object.keys(metafile.inputs).find(input => absolute(root, input) === file);
  const warnings = new Map<string, BundleProblem>();
  for (const [loader, { importer }] of importers) {
    if (!ADDON_LOADERS.includes(packageOf(loader) ?? '')) continue;
    const owner = packageOf(importer);
    if (!owner || ADDON_LOADERS.includes(owner)) continue;
    let step = importers.get(importer);
    for (let hops = 0; step && step.importer !== entry && hops < 1000; hops++) step = importers.get(step.importer);
    warnings.set(owner, {
      kind: 'native',
      message: `"${owner}" may load a native add-on when it runs: that is compiled for one machine and does not travel.`,
      place: step && importPlace(text, file, step.specifier),
      via: undefined,
    });
  }
  return [...warnings.values()];
}

const packageOf = (input: string) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1];

/** `bundle-too-large`, with what each package contributes. */
export function tooLarge(size: number, metafile: Metafile): RunaboutError {
  const packages = packageSizes(metafile);
  const total = packages.reduce((sum, { bytes }) => sum + bytes, 0) || 1;
  const rows = packages.slice(0, 8).map(({ name, bytes }) => `${name} ${megabytes((bytes / total) * size)}`);
  return new RunaboutError(
    'bundle-too-large',
    `The bundle has ${megabytes(size)}; ${megabytes(limits.bundle)} is the most. The largest parts: ${rows.join(', ')}.`,
    { hint: 'Import less of the largest package, or read data from a file on the endpoint.' },
  );
}

/** Bytes of each package in the bundle, the largest first; the project's own code is `(your code)`. */
export function packageSizes(metafile: Metafile): { name: string; bytes: number }[] {
  const sizes = new Map<string, number>();
  for (const output of Object.values(metafile.outputs)) {
    for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
      const name = packageOf(input) ?? '(your code)';
      sizes.set(name, (sizes.get(name) ?? 0) + bytesInOutput);
    }
  }
  return [...sizes].map(([name, bytes]) => ({ name, bytes })).sort((a, b) => b.bytes - a.bytes);
}

const megabytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
