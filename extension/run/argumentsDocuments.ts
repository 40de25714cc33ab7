import {
  CodeLens,
  type CodeLensProvider,
  EventEmitter,
  type FileChangeEvent,
  FileChangeType,
  type FileStat,
  FileSystemError,
  type FileSystemProvider,
  FileType,
  languages,
  Range,
  Selection,
  type TextDocument,
  type TextDocumentContentProvider,
  Uri,
  ViewColumn,
  window,
  workspace,
} from 'vscode';
import * as z from 'zod';
import { digestOf } from '../../protocol/ids.ts';
import type { Disposable } from '../emitter.ts';
import { commands, schemes } from '../ids.ts';
import { t } from '../l10n.ts';
import { shortName } from '../words.ts';
import { argumentsText, readArguments } from './argumentsText.ts';
import type { RunTarget } from './target.ts';

/** What a function takes. */
export interface ArgumentsQuestion {
  schema: Record<string, unknown>;
  /** JSON text of an argument array, to start from. */
  template: string;
  signature: string;
}

interface Entry {
  text: string;
  changedAt: number;
  question: ArgumentsQuestion;
  /** Where to run, when that was said before the arguments were asked for. */
  endpoint: string | undefined;
}

/**
 * Documents in which a person writes the arguments of a run: one per function, in memory, with completion and
 * validation by the schema of the function's parameters. What was written stays while the window is open; the language
 * server remembers the arguments of the last run for longer.
 */
export class ArgumentsDocuments implements FileSystemProvider, TextDocumentContentProvider, CodeLensProvider {
  readonly #ask: (target: RunTarget) => Promise<ArgumentsQuestion>;
  readonly #entries = new Map<string, Entry>();
  readonly #changed = new EventEmitter<FileChangeEvent[]>();
  readonly #schema = new EventEmitter<Uri>();
  readonly #disposables: Disposable[];

  readonly onDidChangeFile = this.#changed.event;
  /** Of the schemas. */
  readonly onDidChange = this.#schema.event;

  /** @param ask finds out what a function takes, for a document that comes back with the window */
  constructor(ask: (target: RunTarget) => Promise<ArgumentsQuestion>) {
    this.#ask = ask;
    this.#disposables = [
      workspace.registerFileSystemProvider(schemes.arguments, this, { isCaseSensitive: true }),
      workspace.registerTextDocumentContentProvider(schemes.schema, this),
      languages.registerCodeLensProvider({ scheme: schemes.arguments }, this),
      this.#changed,
      this.#schema,
    ];
  }

  /** Opens the document of a function, with what was written there before. */
  async open(target: RunTarget, question: ArgumentsQuestion, endpoint: string | undefined): Promise<void> {
    const uri = uriOf(target);
    const before = this.#entries.get(uri.query);
    const sameSignature = before?.question.signature === question.signature;
    const text = before && sameSignature ? before.text : this.#text(uri, question);
    this.#entries.set(uri.query, { text, changedAt: Date.now(), question, endpoint });
    this.#changed.fire([{ type: FileChangeType.Changed, uri }]);
    this.#schema.fire(schemaUri(uri));
    const document = await workspace.openTextDocument(uri);
    await languages.setTextDocumentLanguage(document, 'jsonc');
    const editor = await window.showTextDocument(document, { preview: false, viewColumn: placeFor(document) });
    // The first value is what the person came to write.
    const start = document.getText().indexOf('"arguments": ') + '"arguments": '.length;
    const position = document.positionAt(start);
    editor.selection = new Selection(position, position);
  }

  /**
   * What the document says to run.
   * @throws RunaboutError `arguments-invalid`
   */
  read(document: TextDocument): { target: RunTarget; args: unknown[]; endpoint: string | undefined } {
    return {
      target: targetOf(document.uri),
      args: readArguments(document.getText()),
      endpoint: this.#entries.get(document.uri.query)?.endpoint,
    };
  }

  provideCodeLenses(): CodeLens[] {
    const range = new Range(0, 0, 0, 0);
    return [new CodeLens(range, { command: commands.runWithArguments, title: t('$(play) Run with these arguments') })];
  }

  /** The schema of one document: an object around the array of arguments. */
  provideTextDocumentContent(uri: Uri): string {
    const query = [...this.#entries.keys()].find(key => schemaUri(uri.with({ query: key })).path === uri.path);
    const entry = query === undefined ? undefined : this.#entries.get(query);
    return JSON.stringify({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      required: ['arguments'],
      properties: { $schema: { type: 'string' }, arguments: entry?.question.schema ?? { type: 'array' } },
      additionalProperties: false,
    });
  }

  // A file system of single files, each made when somebody asks for it.

  async stat(uri: Uri): Promise<FileStat> {
    const entry = await this.#entry(uri);
    return { type: FileType.File, ctime: 0, mtime: entry.changedAt, size: Buffer.byteLength(entry.text) };
  }

  async readFile(uri: Uri): Promise<Uint8Array> {
    return Buffer.from((await this.#entry(uri)).text);
  }

  async writeFile(uri: Uri, content: Uint8Array): Promise<void> {
    const entry = await this.#entry(uri);
    entry.text = Buffer.from(content).toString('utf8');
    entry.changedAt = Date.now();
    this.#changed.fire([{ type: FileChangeType.Changed, uri }]);
  }

  watch(): Disposable {
    return { dispose: () => {} };
  }

  readDirectory(): [string, FileType][] {
    return [];
  }

  createDirectory(uri: Uri): never {
    throw FileSystemError.NoPermissions(uri);
  }

  delete(uri: Uri): void {
    this.#entries.delete(uri.query);
  }

  rename(uri: Uri): never {
    throw FileSystemError.NoPermissions(uri);
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
  }

  async #entry(uri: Uri): Promise<Entry> {
    const known = this.#entries.get(uri.query);
    if (known) return known;
    try {
      const question = await this.#ask(targetOf(uri));
      const entry = { text: this.#text(uri, question), changedAt: Date.now(), question, endpoint: undefined };
      this.#entries.set(uri.query, entry);
      return entry;
    } catch {
      throw FileSystemError.FileNotFound(uri);
    }
  }

  #text(uri: Uri, { signature, template }: ArgumentsQuestion): string {
    return argumentsText(signature, schemaUri(uri).toString(), template);
  }
}

/** Beside the function, whose line will show the result; where the document is already, if it is. */
function placeFor(document: TextDocument): ViewColumn {
  const shown = window.visibleTextEditors.find(editor => editor.document === document);
  const active = window.activeTextEditor;
  const beside = active !== undefined && active.document.uri.scheme !== schemes.arguments;
  return shown?.viewColumn ?? (beside ? ViewColumn.Beside : ViewColumn.Active);
}

/** `/mean.arguments.jsonc?<target>`: the tab shows the path, and the query says what to run. */
function uriOf(target: RunTarget): Uri {
  const path = `/${shortName(target.name)}.arguments.jsonc`;
  return Uri.from({ scheme: schemes.arguments, path, query: JSON.stringify(target) });
}

const Target = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('source'), uri: z.string(), name: z.string() }),
  z.object({ kind: z.literal('registered'), id: z.string(), name: z.string() }),
]) satisfies z.ZodType<RunTarget>;

function targetOf(uri: Uri): RunTarget {
  try {
    return Target.parse(JSON.parse(uri.query));
  } catch {
    throw FileSystemError.FileNotFound(uri);
  }
}

/** Short, since it stands in the document. */
function schemaUri({ query }: Uri): Uri {
  return Uri.from({ scheme: schemes.schema, path: `/${digestOf(query).slice(0, 8)}.json` });
}
