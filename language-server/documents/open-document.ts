import type { Range, TextDocumentContentChangeEvent } from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import {
  addCaptures,
  checkCaptures,
  findMarks,
  type Marked,
  type Marks,
  parseSource,
  reparseSource,
  type Span,
} from '../functions/index.ts';

type SourceFile = ReturnType<typeof parseSource>;

/** An open document: its text, its syntax tree, and the marks in it. A change re-parses only what it touches. */
export class OpenDocument {
  /** Absolute path; for an untitled document where it would be if it were saved. */
  readonly file: string;
  readonly isUntitled: boolean;
  /** Whether the text is newer than the file. */
  dirty: boolean;
  readonly #text: TextDocument;
  #source: SourceFile;
  #marks: Marks | undefined;
  #captured = false;

  constructor(text: TextDocument, file: string, state: { isUntitled: boolean; dirty: boolean }) {
    this.#text = text;
    this.file = file;
    this.isUntitled = state.isUntitled;
    this.dirty = state.dirty;
    this.#source = parseSource(text.getText(), file);
  }

  // What `TextDocuments` needs to know a document by.
  get uri(): string {
    return this.#text.uri;
  }
  get languageId(): string {
    return this.#text.languageId;
  }
  get version(): number {
    return this.#text.version;
  }
  get text(): string {
    return this.#text.getText();
  }
  get source(): SourceFile {
    return this.#source;
  }

  update(changes: TextDocumentContentChangeEvent[], version: number): this {
    this.#marks = undefined;
    this.#captured = false;
    this.dirty = true;
    for (const change of changes) {
      if (!('range' in change)) {
        TextDocument.update(this.#text, [change], version);
        this.#source = parseSource(this.text, this.file);
        continue;
      }
      const start = this.#text.offsetAt(change.range.start);
      const removed = this.#text.offsetAt(change.range.end) - start;
      TextDocument.update(this.#text, [change], version);
      this.#source = reparseSource(this.#source, this.text, { start, removed, inserted: change.text.length });
    }
    return this;
  }

  /** From the syntax alone: cheap enough for every keystroke. */
  get marks(): Marks {
    this.#marks ??= findMarks(this.#source);
    return this.#marks;
  }

  /** The same marks, with what their functions capture among the problems: some milliseconds more. */
  get checkedMarks(): Marks {
    const { marks } = this;
    if (this.#captured) return marks;
    this.#captured = true;
    try {
      for (const [marked, problems] of checkCaptures(this.#source, marks)) addCaptures(marked, problems);
    } catch {
      // The compiler gives up on some half-written texts. The next keystroke brings another.
    }
    return marks;
  }

  find(name: string): Marked | undefined {
    return this.marks.functions.find(marked => marked.name === name);
  }

  /** The text of a function with its comment's settings: what has to be the same for a result to be of this code. */
  textOf(marked: Marked): string {
    return this.text.slice(marked.span.start, marked.span.end);
  }

  rangeOf({ start, end }: Span): Range {
    return { start: this.#text.positionAt(start), end: this.#text.positionAt(end) };
  }

  offsetAt(position: Range['start']): number {
    return this.#text.offsetAt(position);
  }
}
