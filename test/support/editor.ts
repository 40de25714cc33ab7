import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { onTestFinished } from 'vitest';
import {
  type ClientCapabilities,
  type CodeLens,
  createProtocolConnection,
  type Diagnostic,
  type InitializeResult,
  type MessageActionItem,
  type ProtocolConnection,
  type Range,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-languageserver-protocol/node';
import type { ConnectionState, DocumentState, InitializationOptions } from '../../protocol/editor-server/messages.ts';
import { folder } from './folder.ts';

export const serverProgram = fileURLToPath(new URL('../../dist/language-server.cjs', import.meta.url));

const languages: Record<string, string> = {
  '.ts': 'typescript',
  '.tsx': 'typescriptreact',
  '.js': 'javascript',
  '.jsx': 'javascriptreact',
};

interface EditorOptions {
  /** The workspace folders. */
  folders?: string[];
  initializationOptions?: InitializationOptions;
  capabilities?: ClientCapabilities;
  env?: Record<string, string>;
}

/** An editor reduced to its LSP side: starts the built server over stdio and keeps what the server tells it. */
export class Editor {
  readonly connection: ProtocolConnection;
  readonly process: ChildProcess;
  readonly diagnostics = new Map<string, Diagnostic[]>();
  readonly states = new Map<string, DocumentState>();
  readonly connectionStates: ConnectionState[] = [];
  /** Messages the server showed, and what each button press answers: the first button, unless a test says otherwise. */
  readonly messages: string[] = [];
  readonly shownDocuments: string[] = [];
  readonly shownTasks: string[] = [];
  readonly progress: { kind: string; title?: string; message?: string; token: string | number }[] = [];
  lensRefreshes = 0;
  errorOutput = '';
  answer: (message: string, actions: MessageActionItem[]) => MessageActionItem | null = (_, actions) =>
    actions[0] ?? null;
  result!: InitializeResult;
  readonly #versions = new Map<string, number>();

  private constructor(env: Record<string, string>) {
    this.process = spawn(process.execPath, [serverProgram, '--stdio'], {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.process.stderr!.on('data', chunk => (this.errorOutput += chunk));
    this.connection = createProtocolConnection(
      new StreamMessageReader(this.process.stdout!),
      new StreamMessageWriter(this.process.stdin!),
      undefined,
    );
    const { connection } = this;
    connection.onNotification('textDocument/publishDiagnostics', ({ uri, diagnostics }) => {
      this.diagnostics.set(uri, diagnostics);
    });
    connection.onNotification('runabout/documentChanged', (state: DocumentState) => {
      this.states.set(state.uri, state);
    });
    connection.onNotification('runabout/connectionChanged', (state: ConnectionState) => {
      this.connectionStates.push(state);
    });
    connection.onNotification('window/showMessage', ({ message }) => {
      this.messages.push(message);
    });
    connection.onNotification('$/progress', ({ token, value }) => {
      this.progress.push({ token, ...value });
    });
    connection.onRequest('window/showMessageRequest', ({ message, actions }) => {
      this.messages.push(message);
      return this.answer(message, actions ?? []);
    });
    connection.onRequest('window/showDocument', ({ uri }) => {
      this.shownDocuments.push(uri);
      return { success: true };
    });
    connection.onRequest('window/workDoneProgress/create', () => null);
    connection.onRequest('workspace/codeLens/refresh', () => {
      this.lensRefreshes += 1;
      return null;
    });
    connection.onRequest('runabout/showTask', ({ task }: { task: string }) => {
      this.shownTasks.push(task);
      return null;
    });
    connection.listen();
  }

  /** The server is stopped when the test has finished. */
  static async start({ folders = [], initializationOptions, capabilities, env = {} }: EditorOptions): Promise<Editor> {
    // Never the files of the person who runs the tests.
    const editor = new Editor({ RUNABOUT_HOME: folder('home'), ...env });
    onTestFinished(async () => {
      await editor.stop();
    });
    const initialize: Promise<InitializeResult> = editor.connection.sendRequest('initialize', {
      processId: process.pid,
      rootUri: null,
      workspaceFolders: folders.map(path => ({ uri: pathToFileURL(path).href, name: path })),
      initializationOptions,
      capabilities: {
        workspace: { codeLens: { refreshSupport: true } },
        window: { workDoneProgress: true, showDocument: { support: true } },
        ...capabilities,
      },
    });
    const died = once(editor.process, 'exit').then(([code]) => {
      throw new Error(`The language server ended with ${code}: ${editor.errorOutput}`);
    });
    died.catch(() => undefined);
    editor.result = await Promise.race([initialize, died]);
    await editor.connection.sendNotification('initialized', {});
    return editor;
  }

  /** Shuts the server down as an editor does, and returns its exit code. */
  async stop(): Promise<number | null> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return this.process.exitCode;
    const exited = once(this.process, 'exit');
    try {
      await this.connection.sendRequest('shutdown');
      await this.connection.sendNotification('exit');
    } catch {
      this.process.kill();
    }
    const [code] = await exited;
    this.connection.dispose();
    return code;
  }

  /** Opens a document, by its file or its whole address, and returns the address. */
  async open(fileOrUri: string, text: string): Promise<string> {
    const uri = fileOrUri.includes(':') ? fileOrUri : pathToFileURL(fileOrUri).href;
    this.#versions.set(uri, 1);
    const languageId = languages[extname(fileOrUri)] ?? 'typescript';
    await this.connection.sendNotification('textDocument/didOpen', {
      textDocument: { uri, languageId, version: 1, text },
    });
    return uri;
  }

  async change(uri: string, range: Range, text: string): Promise<void> {
    const version = this.#versions.get(uri)! + 1;
    this.#versions.set(uri, version);
    await this.connection.sendNotification('textDocument/didChange', {
      textDocument: { uri, version },
      contentChanges: [{ range, text }],
    });
  }

  /** Replaces the whole text. */
  async replace(uri: string, text: string): Promise<void> {
    const version = this.#versions.get(uri)! + 1;
    this.#versions.set(uri, version);
    await this.connection.sendNotification('textDocument/didChange', {
      textDocument: { uri, version },
      contentChanges: [{ text }],
    });
  }

  async save(uri: string): Promise<void> {
    await this.connection.sendNotification('textDocument/didSave', { textDocument: { uri } });
  }

  async close(uri: string): Promise<void> {
    await this.connection.sendNotification('textDocument/didClose', { textDocument: { uri } });
  }

  async lenses(uri: string): Promise<CodeLens[]> {
    return (await this.connection.sendRequest('textDocument/codeLens', { textDocument: { uri } })) as CodeLens[];
  }

  async titles(uri: string): Promise<string[]> {
    return (await this.lenses(uri)).map(({ command }) => command!.title);
  }

  async execute<T>(command: string, argument: unknown): Promise<T> {
    return (await this.connection.sendRequest('workspace/executeCommand', { command, arguments: [argument] })) as T;
  }
}

/** The position behind the first occurrence of some words in a text. */
export function after(text: string, words: string): Range['start'] {
  const before = text.slice(0, text.indexOf(words) + words.length).split('\n');
  return { line: before.length - 1, character: before.at(-1)!.length };
}
