// An editor reduced to its LSP side: a server process over stdio, one document, and the time a lens takes.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import {
  type CodeLens,
  createProtocolConnection,
  type Position,
  type ProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-languageserver-protocol/node';

export class LspServer {
  readonly connection: ProtocolConnection;
  readonly process: ChildProcess;
  #version = 1;

  private constructor(program: string, args: string[], env: NodeJS.ProcessEnv) {
    this.process = spawn(process.execPath, [program, ...args], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    this.connection = createProtocolConnection(
      new StreamMessageReader(this.process.stdout!),
      new StreamMessageWriter(this.process.stdin!),
      undefined,
    );
    this.connection.listen();
  }

  static async start(
    program: string,
    { args = ['--stdio'], env = process.env, folder, initializationOptions }: StartOptions,
  ): Promise<LspServer> {
    const server = new LspServer(program, args, env);
    const name = 'bench';
    await server.connection.sendRequest('initialize', {
      processId: process.pid,
      rootUri: null,
      workspaceFolders: [{ uri: pathToFileURL(folder).href, name }],
      initializationOptions,
      capabilities: { workspace: { codeLens: { refreshSupport: true } } },
    });
    server.connection.onRequest('workspace/codeLens/refresh', () => null);
    await server.connection.sendNotification('initialized', {});
    return server;
  }

  async open(file: string, text: string): Promise<string> {
    const uri = pathToFileURL(file).href;
    const textDocument = { uri, languageId: 'typescript', version: this.#version, text };
    await this.connection.sendNotification('textDocument/didOpen', { textDocument });
    return uri;
  }

  /**
   * Types some text, and returns the lenses, how long they took from the key on, and how long the server's main thread
   * worked for that, which other programs do not change; both in milliseconds.
   */
  async type(
    uri: string,
    position: Position,
    text: string,
  ): Promise<{ lenses: CodeLens[]; ms: number; cpuMs: number }> {
    this.#version += 1;
    const textDocument = { uri, version: this.#version };
    const contentChanges = [{ range: { start: position, end: position }, text }];
    const before = this.#cpuMs();
    const started = performance.now();
    void this.connection.sendNotification('textDocument/didChange', { textDocument, contentChanges });
    const lenses = await this.lenses(uri);
    return { lenses, ms: performance.now() - started, cpuMs: this.#cpuMs() - before };
  }

  /** Processor time of the main thread so far, as Linux's scheduler counts it; elsewhere not a number. */
  #cpuMs(): number {
    const { pid } = this.process;
    try {
      return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
    } catch {
      return Number.NaN;
    }
  }

  async lenses(uri: string): Promise<CodeLens[]> {
    return (await this.connection.sendRequest('textDocument/codeLens', { textDocument: { uri } })) as CodeLens[];
  }

  async stop(): Promise<void> {
    const exited = once(this.process, 'exit');
    await this.connection.sendRequest('shutdown');
    await this.connection.sendNotification('exit');
    await exited;
    this.connection.dispose();
  }
}

interface StartOptions {
  args?: string[];
  env?: NodeJS.ProcessEnv;
  folder: string;
  initializationOptions?: object;
}
