import { readFileSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { TextDocuments } from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import type { Overlays } from '../functions/index.ts';
import { OpenDocument } from './open-document.ts';

const extensions: Record<string, string> = {
  typescript: '.ts',
  typescriptreact: '.tsx',
  javascript: '.js',
  javascriptreact: '.jsx',
};

/** The documents that are open in the editor, and files that are not. */
export class Documents {
  /** The first workspace folder: untitled documents count as lying in it. */
  folder: string | undefined;

  readonly manager = new TextDocuments<OpenDocument>({
    create: (uri, languageId, version, content) => this.#open(TextDocument.create(uri, languageId, version, content)),
    update: (document, changes, version) => document.update(changes, version),
  });

  /** An open document, else the file as it lies on disk; `undefined` when there is neither. */
  get(uri: string): OpenDocument | undefined {
    return this.manager.get(uri) ?? this.#fromDisk(uri);
  }

  open(uri: string): OpenDocument | undefined {
    return this.manager.get(uri);
  }

  all(): OpenDocument[] {
    return this.manager.all();
  }

  /** What the editor has and the disk has not, by file. */
  overlays(): Overlays {
    return new Map(this.all().flatMap(({ dirty, file, text }) => (dirty ? [[file, text]] : [])));
  }

  /** The address under which the editor knows a file. */
  uriOf(file: string): string {
    return this.all().find(document => document.file === file)?.uri ?? pathToFileURL(file).href;
  }

  #open(text: TextDocument): OpenDocument {
    const isUntitled = !text.uri.startsWith('file:');
    const file = isUntitled ? this.#untitledFile(text) : realPath(fileURLToPath(text.uri));
    const dirty = isUntitled || readText(file) !== text.getText();
    return new OpenDocument(text, file, { isUntitled, dirty });
  }

  #untitledFile({ uri, languageId }: TextDocument): string {
    const name = decodeURIComponent(uri.split(/[:/\\]/).at(-1) ?? '') || 'untitled';
    const file = join(this.folder ?? homedir(), name);
    return extname(name) in { '.ts': 1, '.tsx': 1, '.js': 1, '.jsx': 1 }
      ? file
      : `${file}${extensions[languageId] ?? '.ts'}`;
  }

  #fromDisk(uri: string): OpenDocument | undefined {
    if (!uri.startsWith('file:')) return undefined;
    const file = realPath(fileURLToPath(uri));
    const text = readText(file);
    if (text === undefined) return undefined;
    return new OpenDocument(TextDocument.create(uri, 'typescript', 0, text), file, { isUntitled: false, dirty: false });
  }
}

function realPath(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } catch {
    return undefined;
  }
}
