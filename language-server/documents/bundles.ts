import { RunaboutError } from '../../protocol/errors/error.ts';
import { type Bundle, type BundleRequest, isRunnable, type Marked } from '../functions/index.ts';
import { BundlerThread } from '../threads/bundler.ts';
import type { Documents } from './documents.ts';
import type { OpenDocument } from './open-document.ts';

/** What came of the last bundling of a function. A failure leaves the bundle before it in place. */
export interface Bundled {
  bundle?: Bundle;
  /** The function's text that `bundle` was made of. */
  text?: string;
  failure?: RunaboutError;
  /** The text of the module that it was tried with, and the part of that which counts. */
  module: string;
  part: string | undefined;
  /** Files have changed since: `some` that may be in the bundle, or it may take others from now on. */
  suspect?: 'some' | 'others';
}

type Make = (request: BundleRequest, have: Bundle | undefined) => Promise<Bundle>;

/**
 * Bundling in the background waits until a person has done nothing for this long, in milliseconds; functions that they
 * do not work on wait for longer.
 */
const pauses = { idleMs: 300, restMs: 1500 };

/**
 * The bundles of the marked functions of open documents, made in the background after edits and saves: one at a time,
 * those that were edited first, and only those whose code may have changed. Whatever a person does stops it for a while.
 */
export class Bundles {
  readonly #documents: Documents;
  readonly #changed: (uri: string) => void;
  readonly #make: Make;
  readonly #dispose: () => Promise<void>;
  readonly #waits: typeof pauses;
  readonly #bundled = new Map<string, Map<string, Bundled>>();
  /** Documents with something to bundle. */
  readonly #due = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #background: AbortController | undefined;
  #editedAt = Number.NEGATIVE_INFINITY;
  #disposed = false;

  /** @param thread what makes the bundles; @param waits for other pauses than {@link pauses} */
  constructor(
    documents: Documents,
    changed: (uri: string) => void,
    thread: Pick<BundlerThread, 'bundle' | 'dispose'> = new BundlerThread(),
    waits = pauses,
  ) {
    this.#waits = waits;
    this.#documents = documents;
    this.#changed = changed;
    this.#make = (request, have) => thread.bundle(request, have);
    this.#dispose = () => thread.dispose();
  }

  get(uri: string, name: string): Bundled | undefined {
    return this.#bundled.get(uri)?.get(name);
  }

  /** A document was opened. */
  opened(uri: string): void {
    this.#due.add(uri);
    this.#start(0);
  }

  edited(uri: string): void {
    this.#editedAt = performance.now();
    this.#due.add(uri);
    this.#start(this.#waits.idleMs);
  }

  /** @param which `some`: of those that were bundled; `others`: imports may lead elsewhere now */
  filesChanged(which: 'some' | 'others'): void {
    for (const [uri, functions] of this.#bundled) {
      for (const bundled of functions.values()) {
        // What a failure missed may be there now.
        bundled.suspect = which === 'others' || bundled.failure ? 'others' : (bundled.suspect ?? 'some');
      }
      this.#due.add(uri);
    }
    this.#start(this.#waits.idleMs);
  }

  close(uri: string): void {
    this.#due.delete(uri);
    this.#bundled.delete(uri);
  }

  /** The bundle of a function as it is now; at once when nothing has changed. @throws RunaboutError as `Bundler.bundle` does */
  async bundle(document: OpenDocument, marked: Marked, signal: AbortSignal): Promise<Bundle> {
    this.#stop();
    try {
      return await this.#bundle(document, marked, signal);
    } finally {
      this.#start(this.#waits.idleMs);
    }
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    this.#stop();
    await this.#dispose();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#background?.abort();
  }

  #start(afterMs: number): void {
    this.#stop();
    if (this.#disposed || this.#due.size === 0) return;
    this.#timer = setTimeout(() => {
      this.#background = new AbortController();
      const { signal } = this.#background;
      this.#bundleDue(signal).catch(error => {
        if (!signal.aborted) throw error;
      });
    }, afterMs);
  }

  async #bundleDue(signal: AbortSignal): Promise<void> {
    const documents = [...this.#due].flatMap(uri => this.#documents.open(uri) ?? []);
    for (const document of documents) await this.#bundleStale(document, signal, isWorkedOn);
    await restUntil(this.#editedAt + this.#waits.restMs, signal);
    for (const document of documents) {
      await this.#bundleStale(document, signal, () => true);
      const names = new Set(document.marks.functions.map(({ name }) => name));
      const bundled = this.#bundled.get(document.uri);
      for (const name of bundled?.keys() ?? []) if (!names.has(name)) bundled!.delete(name);
    }
    this.#due.clear();
  }

  async #bundleStale(
    document: OpenDocument,
    signal: AbortSignal,
    wanted: (document: OpenDocument, marked: Marked, bundled: Bundled | undefined) => boolean,
  ): Promise<void> {
    for (const marked of document.marks.functions) {
      const bundled = this.get(document.uri, marked.name);
      if (!isRunnable(marked) || !isStale(document, marked, bundled) || !wanted(document, marked, bundled)) continue;
      // A failure is kept and shown as a diagnostic.
      await this.#bundle(document, marked, signal).catch(() => undefined);
      signal.throwIfAborted();
    }
  }

  async #bundle(document: OpenDocument, marked: Marked, signal: AbortSignal): Promise<Bundle> {
    const { uri, file, text } = document;
    const before = this.get(uri, marked.name);
    const part = document.partOf(marked);
    const suspect = before?.suspect;
    const own = { text: document.textOf(marked), module: text, part };
    const request = { file, text, marked, overlays: this.#documents.overlays(), reuse: suspect !== 'others', signal };
    try {
      const bundle = await this.#make(part === undefined ? request : { ...request, part }, before?.bundle);
      this.#keep(uri, marked.name, { ...own, bundle }, before);
      return bundle;
    } catch (error) {
      if (error instanceof RunaboutError) {
        const { bundle, text: bundledText } = before ?? {};
        const last = bundle && bundledText !== undefined ? { bundle, text: bundledText } : {};
        this.#keep(uri, marked.name, { module: text, part, ...last, failure: error }, before);
      }
      throw error;
    }
  }

  #keep(uri: string, name: string, bundled: Bundled, before: Bundled | undefined): void {
    // A file that is not open is bundled for one run only.
    if (!this.#documents.open(uri)) return;
    const ofDocument = this.#bundled.get(uri) ?? new Map<string, Bundled>();
    this.#bundled.set(uri, ofDocument);
    // Files that changed while it was made keep it suspect.
    const suspect = this.get(uri, name)?.suspect;
    ofDocument.set(name, suspect && suspect !== before?.suspect ? { ...bundled, suspect } : bundled);
    const same =
      bundled.bundle?.mapDigest === before?.bundle?.mapDigest &&
      bundled.bundle?.digest === before?.bundle?.digest &&
      bundled.text === before?.text &&
      bundled.failure?.message === before?.failure?.message;
    if (!same) this.#changed(uri);
  }
}

/** Whether a bundle, made again, may be another one. */
function isStale(document: OpenDocument, marked: Marked, bundled: Bundled | undefined): boolean {
  if (!bundled || bundled.suspect) return true;
  if (bundled.module === document.text) return false;
  const part = document.partOf(marked);
  return part === undefined || part !== bundled.part || bundled.bundle?.importedBack === true;
}

/** Whether the function itself was edited since it was bundled. */
function isWorkedOn(document: OpenDocument, marked: Marked, bundled: Bundled | undefined): boolean {
  return bundled?.text !== undefined && bundled.text !== document.textOf(marked);
}

function restUntil(time: number, signal: AbortSignal): Promise<void> {
  const ms = time - performance.now();
  if (ms <= 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
