import { RunaboutError } from '../../protocol/errors/error.ts';
import { type Bundle, type BundleRequest, Bundler, isRunnable, type Marked } from '../functions/index.ts';
import type { Documents } from './documents.ts';
import type { OpenDocument } from './open-document.ts';

/** What came of the last bundling of a function. A failure leaves the bundle before it in place. */
export interface Bundled {
  bundle?: Bundle;
  /** The function's text that `bundle` was made of. */
  text?: string;
  failure?: RunaboutError;
}

/** Bundling waits until a person has stopped typing. */
const IDLE_MS = 300;

/** The bundles of the marked functions of open documents, made in the background after edits and saves. */
export class Bundles {
  readonly #documents: Documents;
  readonly #changed: (uri: string) => void;
  readonly #bundler = new Bundler();
  readonly #bundled = new Map<string, Map<string, Bundled>>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #disposed = false;

  constructor(documents: Documents, changed: (uri: string) => void) {
    this.#documents = documents;
    this.#changed = changed;
  }

  get(uri: string, name: string): Bundled | undefined {
    return this.#bundled.get(uri)?.get(name);
  }

  /** Bundles the document's functions soon, unless it changes again before. */
  schedule(uri: string, afterMs = IDLE_MS): void {
    if (this.#disposed) return;
    clearTimeout(this.#timers.get(uri));
    this.#timers.set(
      uri,
      setTimeout(() => {
        this.#timers.delete(uri);
        void this.#bundleAll(uri);
      }, afterMs),
    );
  }

  close(uri: string): void {
    clearTimeout(this.#timers.get(uri));
    this.#timers.delete(uri);
    this.#bundled.delete(uri);
  }

  /** The bundle of a function as it is now; at once when nothing has changed. @throws RunaboutError as {@link Bundler.bundle} does */
  bundle(document: OpenDocument, marked: Marked, signal: AbortSignal): Promise<Bundle> {
    return this.#bundle(document, marked, { signal, reuse: true });
  }

  async #bundle(
    document: OpenDocument,
    marked: Marked,
    options: Pick<BundleRequest, 'signal' | 'reuse'> = {},
  ): Promise<Bundle> {
    const text = document.textOf(marked);
    try {
      const bundle = await this.#bundler.bundle({
        file: document.file,
        text: document.text,
        marked,
        overlays: this.#documents.overlays(),
        ...options,
      });
      this.#keep(document.uri, marked.name, { bundle, text });
      return bundle;
    } catch (error) {
      if (error instanceof RunaboutError) {
        this.#keep(document.uri, marked.name, { ...this.get(document.uri, marked.name), failure: error });
      }
      throw error;
    }
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    await this.#bundler.dispose();
  }

  async #bundleAll(uri: string): Promise<void> {
    const document = this.#documents.open(uri);
    if (!document) return;
    const { version } = document;
    for (const marked of document.checkedMarks.functions.filter(isRunnable)) {
      // A failure is kept and shown as a diagnostic.
      await this.#bundle(document, marked).catch(() => undefined);
      if (this.#disposed || document.version !== version) return;
    }
    const names = new Set(document.marks.functions.map(({ name }) => name));
    for (const name of this.#bundled.get(uri)?.keys() ?? []) if (!names.has(name)) this.#bundled.get(uri)!.delete(name);
  }

  #keep(uri: string, name: string, bundled: Bundled): void {
    // A file that is not open is bundled for one run only.
    if (!this.#documents.open(uri)) return;
    const ofDocument = this.#bundled.get(uri) ?? new Map<string, Bundled>();
    this.#bundled.set(uri, ofDocument);
    ofDocument.set(name, bundled);
    this.#changed(uri);
  }
}
