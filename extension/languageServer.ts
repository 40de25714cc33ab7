import {
  type CancellationToken,
  CancellationTokenSource,
  type FileSystemWatcher,
  type LogOutputChannel,
  type TextDocument,
  type Uri,
  window,
  workspace,
} from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import * as z from 'zod';
import type { Connection } from '../client/http.ts';
import type {
  ChooseEndpoint,
  ConnectionState,
  DocumentState as DocumentStateType,
} from '../protocol/editor-server/messages.ts';
import {
  ConnectionState as ConnectionSchema,
  DocumentState,
  serverCommands,
  serverMethods,
} from '../protocol/editor-server/messages.ts';
import { RunaboutError } from '../protocol/errors/error.ts';
import { isErrorCode } from '../protocol/errors/registry.ts';
import { type Disposable, Emitter } from './emitter.ts';
import { languages } from './ids.ts';

export interface LanguageServerOptions {
  /** The server's bundle. */
  module: string;
  storage: Uri;
  /** Where Node keeps the compiled code of the server, which makes its next start faster. */
  codeCache: Uri;
  log: LogOutputChannel;
  connection: () => Connection | undefined;
  endpoint: () => ChooseEndpoint['endpoint'];
  /** Shows a task in the panel, when the server asks for it. */
  showTask: (task: string) => Promise<void>;
  lenses: () => boolean;
}

/**
 * The language server, started when the first document that may hold marked functions is open, or when somebody calls
 * it. What it has to know (the connection, the chosen endpoint) is told anew after every start.
 */
export class LanguageServer {
  readonly #options: LanguageServerOptions;
  readonly #document = new Emitter<DocumentStateType>();
  readonly #connection = new Emitter<ConnectionState>();
  readonly #stopped = new Emitter<void>();
  readonly #disposables: Disposable[] = [];
  #client: Promise<LanguageClient> | undefined;
  #watcher: FileSystemWatcher | undefined;

  readonly onDidChangeDocument = this.#document.event;
  readonly onDidChangeConnection = this.#connection.event;
  readonly onDidStop = this.#stopped.event;

  constructor(options: LanguageServerOptions) {
    this.#options = options;
  }

  /** Starts the server as soon as a document for it is open. */
  startWhenNeeded(): void {
    const start = () => void this.#started().catch(() => {}); // It has shown its error itself.
    if (workspace.textDocuments.some(isRelevant)) start();
    this.#disposables.push(
      workspace.onDidOpenTextDocument(document => {
        if (!this.#client && isRelevant(document)) start();
      }),
    );
  }

  get running(): boolean {
    return this.#client !== undefined;
  }

  /**
   * Calls a command of the server.
   * @throws RunaboutError the server's own, with code and hint
   */
  async execute<T>(
    command: (typeof serverCommands)[keyof typeof serverCommands],
    argument: unknown,
    answer: z.ZodType<T>,
    token: CancellationToken = new CancellationTokenSource().token,
  ): Promise<T> {
    const client = await this.#started();
    const params = { command, arguments: [argument] };
    try {
      return answer.parse(await client.sendRequest<unknown>('workspace/executeCommand', params, token));
    } catch (error) {
      throw explain(error);
    }
  }

  /** The marked functions of a document, asked for now. */
  async document(uri: string): Promise<DocumentStateType> {
    const client = await this.#started();
    const state = DocumentState.parse(await client.sendRequest<unknown>(serverMethods.document, { uri }));
    this.#document.fire(state);
    return state;
  }

  /** Tells the server of another connection, or that there is none. */
  async connect(connection: Connection | undefined): Promise<void> {
    const client = await this.#client;
    await client?.sendRequest(serverMethods.connect, connection ?? null);
  }

  async chooseEndpoint(endpoint: ChooseEndpoint['endpoint']): Promise<void> {
    if (this.#client) await this.execute(serverCommands.chooseEndpoint, { endpoint }, z.unknown());
  }

  /** Draws the lenses anew: the setting that hides them has changed. */
  async refreshLenses(): Promise<void> {
    const client = await this.#client;
    if (!client) return;
    const feature = client.getFeature('textDocument/codeLens');
    const providers = new Set(workspace.textDocuments.map(document => feature.getProvider(document)));
    for (const provider of providers) provider?.onDidChangeCodeLensEmitter.fire();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.#started();
  }

  async stop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    this.#stopped.fire();
    await client?.then(started => started.dispose()).catch(() => {}); // One that never started has nothing to stop.
  }

  async dispose(): Promise<void> {
    for (const disposable of this.#disposables) disposable.dispose();
    await this.stop();
  }

  #started(): Promise<LanguageClient> {
    this.#client ??= this.#start().catch(error => {
      // The next call tries again.
      this.#client = undefined;
      throw error;
    });
    return this.#client;
  }

  /**
   * A bundle changes with what it imports and with the project's settings, also while those are not open. One watcher
   * serves every client: none of them ends it.
   */
  #watchFiles(): FileSystemWatcher {
    if (!this.#watcher) {
      this.#watcher = workspace.createFileSystemWatcher('**/*.{ts,tsx,mts,cts,js,jsx,mjs,cjs,json}');
      this.#disposables.push(this.#watcher);
    }
    return this.#watcher;
  }

  async #start(): Promise<LanguageClient> {
    // Loaded here, since the library is larger than the rest of the extension.
    const { createClient } = await import('./languageClient.ts');
    let introduced: Promise<void> | undefined;
    const client = createClient(this.#options, this.#watchFiles(), {
      // Also when the client has started a server anew that died.
      running: () => {
        introduced = this.#introduce(client);
        introduced.catch(error =>
          this.#options.log.error('The language server could not be told what it needs.', error),
        );
      },
      stopped: () => this.#stopped.fire(),
    });
    client.onNotification(serverMethods.documentChanged, (params: unknown) => {
      const state = DocumentState.safeParse(params);
      if (state.success) this.#document.fire(state.data);
      else
        this.#options.log.error(`The language server sent a document state that is not valid: ${state.error.message}`);
    });
    client.onNotification(serverMethods.connectionChanged, (params: unknown) => {
      const state = ConnectionSchema.safeParse(params);
      if (state.success) this.#connection.fire(state.data);
    });
    client.onRequest(serverMethods.showTask, async (params: { task: string }) => {
      await this.#options.showTask(params.task);
      return null;
    });
    await client.start();
    await introduced;
    return client;
  }

  /** Tells a server that has just started what it has to know, and asks for what is on screen. */
  async #introduce(client: LanguageClient): Promise<void> {
    await client.sendRequest(serverMethods.connect, this.#options.connection() ?? null);
    const endpoint = this.#options.endpoint();
    if (endpoint) {
      const params = { command: serverCommands.chooseEndpoint, arguments: [{ endpoint } satisfies ChooseEndpoint] };
      await client.sendRequest('workspace/executeCommand', params);
    }
    const shown = new Set(window.visibleTextEditors.map(editor => editor.document).filter(isRelevant));
    for (const document of shown) {
      const uri = client.code2ProtocolConverter.asUri(document.uri);
      const state = DocumentState.safeParse(await client.sendRequest<unknown>(serverMethods.document, { uri }));
      if (state.success) this.#document.fire(state.data);
    }
  }
}

export function isRelevant(document: TextDocument): boolean {
  const { scheme } = document.uri;
  return (scheme === 'file' || scheme === 'untitled') && (languages as readonly string[]).includes(document.languageId);
}

const ErrorData = z.object({ code: z.string(), hint: z.string().optional(), path: z.string().optional() });

/** An error of the server, which carries its code and hint as data, as the RunaboutError it was there. */
function explain(error: unknown): unknown {
  const data = ErrorData.safeParse((error as { data?: unknown }).data);
  if (!data.success || !isErrorCode(data.data.code)) return error;
  const { code, hint, path } = data.data;
  return new RunaboutError(code, (error as Error).message, { ...(hint ? { hint } : {}), ...(path ? { path } : {}) });
}
