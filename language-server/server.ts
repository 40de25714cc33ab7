import { fileURLToPath } from 'node:url';
import {
  type CancellationToken,
  CodeActionKind,
  type Connection,
  FileChangeType,
  type InitializeParams,
  type InitializeResult,
  LSPErrorCodes,
  ResponseError,
  TextDocumentSyncKind,
} from 'vscode-languageserver/node';
import * as z from 'zod';
import { storedConnection } from '../client/credentials.ts';
import { localConnection } from '../client/local.ts';
import {
  ChooseEndpoint,
  Connection as ConnectionSchema,
  FunctionRef,
  InitializationOptions,
  RunArguments,
  serverCommands,
  serverMethods,
} from '../protocol/editor-server/messages.ts';
import { RunaboutError } from '../protocol/errors/error.ts';
import { preview } from '../protocol/values/preview.ts';
import { Display } from './display.ts';
import { codeActions } from './features/code-actions.ts';
import { completions } from './features/completion.ts';
import { hover } from './features/hover.ts';
import { codeLenses } from './features/lenses.ts';
import { Memory } from './run/memory.ts';
import { Person } from './run/person.ts';
import { RunProgress } from './run/progress.ts';
import { Runner } from './run/runner.ts';
import { Session } from './session.ts';

type Commands = Record<string, (argument: unknown, signal: AbortSignal) => Promise<unknown>>;

/** Serves one client over one LSP connection until it shuts down. */
export function serve(connection: Connection): void {
  let options: z.output<typeof InitializationOptions> = InitializationOptions.parse({});
  let display: Display;
  let memory: Memory;
  let commands: Commands = {};
  let progress: RunProgress | undefined;
  const session = new Session({
    changed: documents => display.show(documents),
    connection: state => display.connection(state),
    run: run => progress?.update(run),
    task: task => progress?.superseded(task),
  });
  session.documents.manager.listen(connection);
  // One failure in the background must not take the server away from the editor.
  process.on('unhandledRejection', error => {
    connection.console.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  });

  connection.onInitialize((params): InitializeResult => {
    options = InitializationOptions.catch(InitializationOptions.parse({})).parse(params.initializationOptions ?? {});
    const folders = params.workspaceFolders?.map(({ uri }) => uri) ?? (params.rootUri ? [params.rootUri] : []);
    session.documents.folder = folders[0] === undefined ? undefined : pathOf(folders[0]);
    memory = new Memory(options.storagePath, folders.join('\n'));
    session.remote.restoreCleared(memory.cleared);
    display = new Display(connection, session, params.capabilities);
    const person = options.clientCommands
      ? undefined
      : new Person(connection, params.capabilities.window?.showDocument?.support ?? false);
    if (person) progress = new RunProgress(connection, session, person);
    commands = makeCommands(new Runner(session, memory, person), person, params);
    return { serverInfo: { name: 'runabout' }, capabilities: capabilities(options) };
  });

  connection.onInitialized(() => {
    // VS Code keeps its tokens itself and sends a connection; elsewhere the terminal's is used.
    const own = options.clientCommands ? undefined : (storedConnection() ?? localConnection());
    session.connect(options.connection ?? own);
  });

  function makeCommands(runner: Runner, person: Person | undefined, { capabilities }: InitializeParams): Commands {
    return {
      [serverCommands.run]: async (argument, signal) => {
        const started = await runner.run(RunArguments.parse(argument), signal);
        void progress?.follow(started, capabilities.window?.workDoneProgress ?? false);
        return { task: started.task, endpoint: started.endpoint };
      },
      [serverCommands.push]: async (argument, signal) => {
        const reply = await runner.push(FunctionRef.parse(argument), signal);
        person?.say(`${reply.function} v${reply.version}${reply.created ? '' : ' (unchanged)'}`);
        return reply;
      },
      [serverCommands.arguments]: argument => runner.arguments(FunctionRef.parse(argument)),
      [serverCommands.cancel]: async argument => {
        await session.link.require().cancelUnlessEnded(Task.parse(argument).task);
        return null;
      },
      [serverCommands.chooseEndpoint]: async argument => {
        if (argument === undefined && person) {
          const { id, name } = await person.chooseEndpoint(session.endpoints, memory, 'functions');
          memory.choose({ id, name });
        } else memory.choose(ChooseEndpoint.parse(argument).endpoint);
        display.refreshLenses();
        return null;
      },
      [serverCommands.clearResults]: async () => {
        memory.rememberCleared(session.remote.clear());
        return null;
      },
      [serverCommands.showResult]: async argument => {
        const { task } = Task.parse(argument);
        if (person) person.say(await resultText(task));
        else await connection.sendRequest(serverMethods.showTask, { task });
        return null;
      },
    };
  }

  async function resultText(id: string): Promise<string> {
    const client = session.link.require();
    const task = await client.getTask(id);
    if (!task.endedAt) return `${task.function.name}: ${task.state}. ${task.wait?.text ?? ''}`;
    const { value, error } = await client.taskResult(id);
    const text = value
      ? `= ${preview(await client.decode(value), 400)}`
      : `${error?.name ?? task.state}: ${error?.message ?? ''}`;
    return `${task.function.name} on ${task.endpoint.name} ${text}`;
  }

  connection.onExecuteCommand(async ({ command, arguments: args }, token) => {
    const execute = Object.hasOwn(commands, command) ? commands[command] : undefined;
    if (!execute) return new ResponseError(-32601, `There is no command "${command}".`);
    return await answer(() => execute(args?.[0], abortSignal(token)));
  });
  connection.onCodeLens(({ textDocument }) => {
    const document = session.documents.open(textDocument.uri);
    if (!document || !options.lenses) return [];
    return codeLenses(document, session.states, memory.endpoint?.name);
  });
  connection.onHover(({ textDocument, position }) => {
    const document = session.documents.open(textDocument.uri);
    return document ? hover(document, document.offsetAt(position), session.states, options.clientCommands) : null;
  });
  connection.onCompletion(async ({ textDocument, position }) => {
    const document = session.documents.open(textDocument.uri);
    if (!document) return null;
    const endpoints = () => session.endpoints.list().catch(() => []);
    return await completions(document, document.offsetAt(position), endpoints);
  });
  connection.onCodeAction(({ textDocument, range, context }) => {
    const document = session.documents.open(textDocument.uri);
    if (!document) return [];
    const span = { start: document.offsetAt(range.start), end: document.offsetAt(range.end) };
    return codeActions(document, span, context.diagnostics);
  });
  connection.onDidChangeWatchedFiles(({ changes }) => {
    // A new or a lost file, or a setting of the project, may lead imports elsewhere.
    const others = changes.some(({ uri, type }) => type !== FileChangeType.Changed || uri.endsWith('.json'));
    session.filesChanged(others ? 'others' : 'some', changes.length === 1 ? changes[0]!.uri : undefined);
  });
  connection.onRequest(serverMethods.connect, (params: unknown) =>
    answer(async () => {
      session.connect(ConnectionSchema.nullable().parse(params ?? null) ?? undefined);
      return null;
    }),
  );
  connection.onRequest(serverMethods.document, (params: unknown) =>
    answer(async () => {
      const { uri } = z.object({ uri: z.string() }).parse(params);
      const document = session.documents.get(uri);
      if (!document) throw new RunaboutError('not-found', `${uri} is neither open nor a file.`);
      return session.states.document(document);
    }),
  );
  connection.onShutdown(async () => {
    progress?.close();
    display.close();
    await session.dispose();
  });
  connection.listen();
}

const Task = z.object({ task: z.string() });

function capabilities({
  clientCommands,
  lenses,
}: z.output<typeof InitializationOptions>): InitializeResult['capabilities'] {
  return {
    textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental, save: true },
    hoverProvider: true,
    completionProvider: { triggerCharacters: ['@', ' ', '='] },
    codeActionProvider: { codeActionKinds: [CodeActionKind.QuickFix, CodeActionKind.Refactor] },
    ...(lenses ? { codeLensProvider: { resolveProvider: false } } : {}),
    // A client that has the commands itself must not get them registered a second time.
    ...(clientCommands ? {} : { executeCommandProvider: { commands: Object.values(serverCommands) } }),
    workspace: { workspaceFolders: { supported: true, changeNotifications: false } },
  };
}

/** Errors as LSP carries them: our code and hint go along as data. */
async function answer(what: () => Promise<unknown>): Promise<unknown> {
  try {
    return await what();
  } catch (error) {
    if (error instanceof RunaboutError) {
      const { code, hint, path } = error;
      return new ResponseError(LSPErrorCodes.RequestFailed, error.message, { code, hint, path });
    }
    if (error instanceof z.ZodError) {
      const [issue] = error.issues;
      const path = issue?.path.join('.') ?? '';
      return new ResponseError(-32602, `The parameters are not valid${path ? ` at ${path}` : ''}: ${issue?.message}.`, {
        code: 'request-invalid',
        path,
      });
    }
    if ((error as Error).name === 'AbortError') return new ResponseError(LSPErrorCodes.RequestCancelled, 'Cancelled.');
    throw error;
  }
}

function abortSignal(token: CancellationToken): AbortSignal {
  const controller = new AbortController();
  if (token.isCancellationRequested) controller.abort();
  else token.onCancellationRequested(() => controller.abort());
  return controller.signal;
}

function pathOf(uri: string): string | undefined {
  return uri.startsWith('file:') ? fileURLToPath(uri) : undefined;
}
