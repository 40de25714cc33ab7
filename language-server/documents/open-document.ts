import type { Range, TextDocumentContentChangeEvent } from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import {
  addCaptures,
  findMarks,
  type Marked,
  type MarkProblem,
  type Marks,
  mayCapture,
  parseSource,
  partsOf,
  projectOf,
  registryName,
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
  #isEdited = false;
  #isChecked = false;
  #parts: ReadonlyMap<Marked, string> | undefined;
  readonly #names = new Map<string, string>();

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
  /** Whether its text has changed since it was opened. */
  get isEdited(): boolean {
    return this.#isEdited;
  }
  get source(): SourceFile {
    return this.#source;
  }

  update(changes: TextDocumentContentChangeEvent[], version: number): this {
    this.#marks = undefined;
    this.#isChecked = false;
    this.#parts = undefined;
    this.dirty = true;
    this.#isEdited = true;
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

  /** The name of one of its functions in the registry. */
  nameInRegistry(marked: Pick<Marked, 'name'>): string {
    let name = this.#names.get(marked.name);
    if (name === undefined) {
      name = registryName(projectOf(this.file), this.file, marked.name);
      this.#names.set(marked.name, name);
    }
    return name;
  }

  /** A manifest has come, gone or changed. */
  forgetProject(): void {
    this.#names.clear();
  }

  /** From the syntax alone: cheap enough for every keystroke. */
  get marks(): Marks {
    this.#marks ??= findMarks(this.#source);
    return this.#marks;
  }

  /** Whether {@link marks} has what its functions capture among the problems. */
  get isChecked(): boolean {
    this.#isChecked ||= !mayCapture(this.#source, this.marks);
    return this.#isChecked;
  }

  /** @param captures what was found for this very text, in the order of the functions */
  addCaptures(captures: readonly MarkProblem[][]): void {
    if (this.#isChecked) return;
    this.#isChecked = true;
    for (const [index, marked] of this.marks.functions.entries()) addCaptures(marked, captures[index] ?? []);
  }

  /** A digest of the part of the text that the bundle of a function can hold; `undefined` for one of another text. */
  partOf(marked: Marked): string | undefined {
    this.#parts ??= partsOf(this.#source, this.marks.functions);
    return this.#parts.get(marked);
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
