import { dirname, join } from 'node:path';
import type * as Esbuild from 'esbuild';
import type { FunctionKind } from '../../../protocol/client-broker/functions.ts';
import { asRunaboutError, RunaboutError } from '../../../protocol/errors/error.ts';
import { type Digest, digestOf } from '../../../protocol/ids.ts';
import { limits } from '../../../protocol/limits.ts';
import type { Marked } from '../marks/marked.ts';
import { type Project, pathInProject, projectOf, registryName } from '../project.ts';
import { entryPlugin, exportSuffix, type Overlays } from './entry.ts';
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
}

export interface BundleRequest {
  /** Absolute path; with an overlay it need not exist. */
  file: string;
  /** The text the marks were found in. */
  text: string;
  marked: Marked;
  /** Unsaved texts of other files. */
  overlays?: Overlays;
  /**
   * Take the last bundle of this function when neither texts nor files of it have changed, by their time and size. That
   * costs a millisecond; a module that would now be found in another place is missed.
   */
  reuse?: boolean;
  signal?: AbortSignal;
}

interface Kept {
  project: Project;
  context: Promise<BuildContext>;
  options: BuildOptions;
  /** Read by the plugin on every build. */
  texts: Map<string, string>;
  /** Output of the first pass, and what the second made of it. */
  last: { firstPass: Digest; bundle: Bundle; inputs: Inputs } | undefined;
  /** Builds of one context go one after another. */
  queue: Promise<unknown>;
}

/**
 * Bundles functions, and keeps an incremental context for each of the last ones: a second bundle of the same function
 * costs milliseconds.
 */
export class Bundler {
  readonly #kept = new Map<string, Kept>();
  readonly #most: number;
  readonly #load: typeof loadEsbuild;

  /** @param most how many contexts are kept; each holds the parsed modules of one function */
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
    await Promise.all(all.map(dispose));
  }

  #inTurn(esbuild: typeof Esbuild, request: BundleRequest): Promise<Bundle> {
    request.signal?.throwIfAborted();
    const kept = this.#keep(esbuild, request);
    const texts = textsOf(request);
    const turn = kept.queue.then(() => {
      if (request.reuse && kept.last && sameTexts(kept.texts, texts) && kept.last.inputs.areUnchanged()) {
        return kept.last.bundle;
      }
      kept.texts.clear();
      for (const [file, text] of texts) kept.texts.set(file, text);
      return this.#build(esbuild, kept, request);
    });
    kept.queue = turn.catch(() => undefined);
    return turn;
  }

  /** The context of a function, made when there is none. Unsaved files are part of it: it knows which to ask us for. */
  #keep(esbuild: typeof Esbuild, request: BundleRequest): Kept {
    const { file, marked } = request;
    const project = projectOf(file);
    const texts = textsOf(request);
    const key = JSON.stringify([project.root, file, marked.name, marked.access, [...texts.keys()].sort()]);
    const known = this.#kept.get(key);
    if (known) {
      // Last used, last let go.
      this.#kept.delete(key);
      this.#kept.set(key, known);
      return known;
    }
    const options = buildOptions(project, file, marked, texts);
    const context = esbuild.context(options);
    const kept: Kept = { project, context, options, texts, last: undefined, queue: Promise.resolve() };
    this.#kept.set(key, kept);
    for (const [oldest, old] of this.#kept) {
      if (this.#kept.size <= this.#most) break;
      this.#kept.delete(oldest);
      void dispose(old);
    }
    return kept;
  }

  async #build(esbuild: typeof Esbuild, kept: Kept, { file, text, marked, signal }: BundleRequest): Promise<Bundle> {
    signal?.throwIfAborted();
    const { project, options } = kept;
    const { root } = project;
    const context = await kept.context;
    const result = await context.rebuild().catch(async (error: BuildFailure) => {
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
    const inputs = new Inputs(result.metafile!, root, kept.texts);
    if (kept.last?.firstPass === firstPass) {
      kept.last = { firstPass, bundle: { ...kept.last.bundle, ...facts }, inputs };
      return kept.last.bundle;
    }

    const second = await forgetPaths(esbuild, output.text);
    if (second.code.length > limits.bundle) throw tooLarge(second.code.length, result.metafile!);
    const map = Buffer.from(cleanMap(second.map, exportSuffix(text, file, marked)), 'utf8');
    const bundle: Bundle = {
      code: second.code,
      map,
      digest: digestOf(second.code),
      mapDigest: digestOf(map),
      root,
      packages: packageSizes(result.metafile!),
      warnings: addonWarnings(result.metafile!, text, file, root),
      ...facts,
    };
    kept.last = { firstPass, bundle, inputs };
    return bundle;
  }
}

/** The texts to read instead of files: the function's own, and those that are not saved. */
function textsOf({ file, text, overlays }: BundleRequest): Map<string, string> {
  return new Map([...(overlays ?? []), [file, text]]);
}

function sameTexts(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): boolean {
  return one.size === other.size && [...one].every(([file, text]) => other.get(file) === text);
}

/** Lets a context go when its builds are done. */
async function dispose({ queue, context }: Kept): Promise<void> {
  await queue;
  await context.then(
    made => made.dispose(),
    () => undefined,
  );
}

function buildOptions({ root }: Project, file: string, marked: Marked, overlays: Overlays): BuildOptions {
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
    plugins: [entryPlugin(file, marked, overlays), nativePlugin],
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
