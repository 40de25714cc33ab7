import type { CompilerThread } from '../threads/compiler.ts';
import type { OpenDocument } from './open-document.ts';

/**
 * Has the compiler's thread look what the marked functions of documents capture. One question of a document is under way
 * at a time, and a text that was replaced while it waited is not asked about.
 */
export class Captures {
  readonly #compiler: CompilerThread;
  readonly #asked = new WeakMap<OpenDocument, Promise<void>>();

  constructor(compiler: CompilerThread) {
    this.#compiler = compiler;
  }

  /** Resolves when the marks of a document have what was found, or when its text has changed meanwhile. */
  async check(document: OpenDocument): Promise<void> {
    const { version } = document;
    const isDone = () => document.isChecked || document.version !== version || document.marks.functions.length === 0;
    for (let asked = this.#asked.get(document); asked && !isDone(); asked = this.#asked.get(document)) await asked;
    if (isDone()) return;
    const asked = this.#compiler
      .capturesOf(document.file, document.text)
      // The compiler gives up on some half-written texts. The next keystroke brings another.
      .catch(() => [])
      .then(captures => {
        this.#asked.delete(document);
        if (document.version === version) document.addCaptures(captures);
      });
    this.#asked.set(document, asked);
    await asked;
  }
}
