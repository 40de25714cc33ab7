import { dirname, join } from 'node:path';
import type * as Esbuild from 'esbuild';
import type { FunctionKind } from '../../../protocol/client-broker/functions.ts';
import { asRunaboutError, RunaboutError } from '../../../protocol/errors/error.ts';
import { type Digest, digestOf } from '../../../protocol/ids.ts';
import { limits } from '../../../protocol/limits.ts';
import type { Marked } from '../marks/marked.ts';
import { type Project, pathInProject, projectOf, registryName } from '../project.ts';
import { entryPlugin, exportSuffix, type Overlays, type Source } from './entry.ts';
import { type BuildContext, type BuildFailure, type BuildOptions, loadEsbuild } from './esbuild.ts';
import { addonWarnings, type BundleProblem, explainFailure, nativePlugin, packageSizes, tooLarge } from './failure.ts';
import { commonJsBanner, commonJsDefines, forgetPaths } from './forget-paths.ts';
import { Inputs } from './inputs.ts';

/** The self-contained code of one function: an ES module for Node 24 whose default export is the function. */
export interface Bundle {
  code: Uint8Array;
  /** Source map of `code`, version 3, with `sourcesContent`; sources are relative to `root`, with `/`. */
  map: Uint8Array;
  /** sha256 of `code` alone: the same for the same code on any machine and in any folder. */
  digest: Digest;
  mapDigest: Digest;
  /** The folder of the function's project. */
  root: string;
  registryName: string;
  kind: FunctionKind;
  /** Where the function stands: file relative to `root`, line from 1. */
  source: { file: string; line: number };
  /** What each package contributes to `code`, in bytes, about; the largest first. */
  packages: { name: string; bytes: number }[];
  /** What may fail elsewhere all the same. */
  warnings: BundleProblem[];
  /** Another module of the bundle imports the function's own: any part of that one may be in it. */
  importedBack: boolean;
}

export interface BundleRequest {
  /** Absolute path; with an overlay it need not exist. */
  file: string;
  /** The text the marks were found in. */
  text: string;
  marked: Marked;
  /** A digest of what the bundle can hold of `text`, see `partOf`; absent: all of it. */
  part?: string;
  /** Unsaved texts of other files. */
  overlays?: Overlays;
  /**
   * Take the last bundle of this function when neither texts nor files of it have changed, by their time and size. That
   * costs a millisecond; a module that would now be found in another place is missed.
   */
  reuse?: boolean;
  signal?: AbortSignal;
}

/** The incremental builds of one file's functions: they share everything that is parsed. */
interface Kept {
  project: Project;
  context: Promise<BuildContext>;
  options: BuildOptions;
  /** Read by the plugin on every build. */
  source: Source & { texts: Map<string, string> };
  /** Builds of one context go one after another. */
  queue: Promise<unknown>;
}

/** The last bundle of a function: output of the first pass, what the second made of it, and what it was made of. */
interface Last {
  firstPass: Digest;
  bundle: Bundle;
  inputs: Inputs;
  texts: Overlays;
  part: string | undefined;
}

/**
 * Bundles functions, and keeps an incremental context for each of the last files: a second bundle of one of its
 * functions costs milliseconds.
 */
export class Bundler {
  readonly #kept = new Map<string, Kept>();
  readonly #last = new Map<string, Last>();
  readonly #most: number;
  readonly #load: typeof loadEsbuild;

  /** @param most how many contexts are kept, each with the parsed modules of one file, and last bundles */
  constructor(most = 24, load = loadEsbuild) {
    this.#most = most;
    this.#load = load;
  }

  /**
   * @throws RunaboutError `function-not-markable`, `bundle-failed` (a BundleError, with places) or `bundle-too-large`
   */
  async bundle(request: BundleRequest): Promise<Bundle> {
    const obstacle = request.marked.problems.find(problem => problem.severity === 'error');
    if (obstacle) throw new RunaboutError('function-not-markable', obstacle.message);
    const esbuild = await this.#load();
    try {
      return await this.#inTurn(esbuild, request);
    } catch (error) {
      if (error instanceof RunaboutError || request.signal?.aborted) throw error;
      // The bundler's own process has died: another one is started, with contexts of its own.
      this.#kept.clear();
      await esbuild.stop();
    }
    try {
      return await this.#inTurn(esbuild, request);
    } catch (error) {
      throw request.signal?.aborted ? error : asRunaboutError(error, 'bundle-failed', 'The bundler failed');
    }
  }

  async dispose(): Promise<void> {
    const all = [...this.#kept.values()];
    this.#kept.clear();
    this.#last.clear();
    await Promise.all(all.map(dispose));
  }

  #inTurn(esbuild: typeof Esbuild, request: BundleRequest): Promise<Bundle> {
    request.signal?.throwIfAborted();
    const kept = this.#keep(esbuild, request);
    const turn = kept.queue.then(() => {
      const last = this.#last.get(functionKey(request));
      if (request.reuse && last && isOf(last, request) && last.inputs.areUnchanged()) return last.bundle;
      return this.#build(esbuild, kept, request);
    });
    kept.queue = turn.catch(() => undefined);
    return turn;
  }

  /** The context of a file, made when there is none. Unsaved files are part of it: it knows which to ask us for. */
  #keep(esbuild: typeof Esbuild, request: BundleRequest): Kept {
    const { file, marked } = request;
    const project = projectOf(file);
    const texts = textsOf(request);
    const key = JSON.stringify([project.root, file, [...texts.keys()].sort()]);
    const known = this.#kept.get(key);
    if (known) {
      putLast(this.#kept, key, known);
      return known;
    }
    const source = { reach: marked, texts };
    const options = buildOptions(project, file, source);
    const kept: Kept = { project, context: esbuild.context(options), options, source, queue: Promise.resolve() };
    for (const old of putLast(this.#kept, key, kept, this.#most)) void dispose(old);
    return kept;
  }

  async #build(esbuild: typeof Esbuild, kept: Kept, request: BundleRequest): Promise<Bundle> {
    const { file, text, part, marked, signal } = request;
    const { project, options, source } = kept;
    const { root } = project;
    const context = await kept.context;
    signal?.throwIfAborted();
    const texts = textsOf(request);
    source.reach = marked;
    source.texts.clear();
    for (const [name, content] of texts) source.texts.set(name, content);
    const result = await cancellable(context, signal).catch(async (error: BuildFailure) => {
      signal?.throwIfAborted();
      throw Array.isArray(error.errors)
        ? await explainFailure(esbuild, error.errors, file, text, root, options)
        : error;
    });
    signal?.throwIfAborted();
    const output = result.outputFiles!.find(({ path }) => path.endsWith('.mjs'))!;
    const facts = {
      kind: marked.kind,
      source: {
        file: pathInProject(project, file),
        line: text.slice(0, marked.nameSpan.start).split('\n').length,
      },
      registryName: registryName(project, file, marked.name),
    };
    const firstPass = digestOf(output.contents);
    const inputs = new Inputs(result.metafile!, root, texts);
    const keep = (bundle: Bundle): Bundle => {
      putLast(this.#last, functionKey(request), { firstPass, bundle, inputs, texts, part }, this.#most);
      return bundle;
    };
    const last = this.#last.get(functionKey(request));
    if (last?.firstPass === firstPass) return keep({ ...last.bundle, ...facts });

    const second = await unlessAborted(forgetPaths(esbuild, output.text), signal);
    if (second.code.length > limits.bundle) throw tooLarge(second.code.length, result.metafile!);
    const map = Buffer.from(cleanMap(second.map, exportSuffix(marked)), 'utf8');
    return keep({
      code: second.code,
      map,
      digest: digestOf(second.code),
      mapDigest: digestOf(map),
      root,
      packages: packageSizes(result.metafile!),
      warnings: addonWarnings(result.metafile!, text, file, root),
      importedBack: inputs.import(file),
      ...facts,
    });
  }
}

function functionKey({ file, marked }: BundleRequest): string {
  return JSON.stringify([file, marked.name, marked.access]);
}

/** Whether a bundle was made of the texts of a request, as far as they matter to it. */
function isOf({ bundle, texts, part }: Last, request: BundleRequest): boolean {
  const { file, text } = request;
  const now = textsOf(request);
  const others = [...now.keys()].filter(name => name !== file);
  if (now.size !== texts.size || !others.every(name => texts.get(name) === now.get(name))) return false;
  return texts.get(file) === text || (part !== undefined && part === request.part && !bundle.importedBack);
}

/** Puts an entry at the end of a map and lets go of the first above `most`, which are returned. */
function putLast<T>(map: Map<string, T>, key: string, value: T, most = Number.POSITIVE_INFINITY): T[] {
  map.delete(key);
  map.set(key, value);
  const over = [...map.keys()].slice(0, Math.max(0, map.size - most));
  return over.map(old => {
    const gone = map.get(old)!;
    map.delete(old);
    return gone;
  });
}

async function cancellable(context: BuildContext, signal: AbortSignal | undefined) {
  let cancelled: Promise<void> | undefined;
  const cancel = () => {
    cancelled = context.cancel();
  };
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    return await context.rebuild();
  } finally {
    signal?.removeEventListener('abort', cancel);
    // A build that began before the cancellation is through would be cancelled with this one.
    await cancelled;
  }
}

/** What is on its way cannot be stopped, but nobody has to wait for it. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** The texts to read instead of files: the function's own, and those that are not saved. */
function textsOf({ file, text, overlays }: BundleRequest): Map<string, string> {
  return new Map([...(overlays ?? []), [file, text]]);
}

/** Lets a context go when its builds are done. */
async function dispose({ queue, context }: Kept): Promise<void> {
  await queue;
  await context.then(
    made => made.dispose(),
    () => undefined,
  );
}

function buildOptions({ root }: Project, file: string, source: Source): BuildOptions {
  return {
    stdin: {
      contents: 'export { default } from "runabout:entry";',
      resolveDir: dirname(file),
      sourcefile: 'runabout:stdin',
    },
    absWorkingDir: root,
    outfile: join(root, 'bundle.mjs'),
    write: false,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    minifySyntax: true,
    keepNames: true,
    treeShaking: true,
    charset: 'utf8',
    legalComments: 'none',
    sourcemap: 'inline',
    sourcesContent: true,
    metafile: true,
    banner: { js: commonJsBanner },
    define: commonJsDefines,
    loader: { '.js': 'jsx', '.mjs': 'jsx', '.cjs': 'jsx', '.txt': 'text' },
    plugins: [entryPlugin(file, source), nativePlugin],
    logLevel: 'silent',
  };
}

/** Takes our own line out of the sources again; and the sources of packages, when they make the map too large to send. */
function cleanMap(map: string, suffix: string): string {
  const clean = suffix === '' ? map : map.replace(JSON.stringify(suffix).slice(1, -1), '');
  if (Buffer.byteLength(clean) <= limits.blob) return clean;
  const parsed = JSON.parse(clean) as { sources: string[]; sourcesContent: (string | null)[] };
  parsed.sourcesContent = parsed.sourcesContent.map((content, i) =>
    parsed.sources[i]!.includes('node_modules/') ? null : content,
  );
  return JSON.stringify(parsed);
}
