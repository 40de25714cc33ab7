import { type FileSystemWatcher, type LogOutputChannel, commands as vscodeCommands, window } from 'vscode';
import {
  CloseAction,
  ErrorAction,
  type ErrorHandler,
  LanguageClient,
  RevealOutputChannelOn,
  State,
  TransportKind,
} from 'vscode-languageclient/node';
import type { InitializationOptions } from '../protocol/editor-server/messages.ts';
import { commands, languages } from './ids.ts';
import { t } from './l10n.ts';
import type { LanguageServerOptions } from './languageServer.ts';
import { withoutTokens } from './redact.ts';

/** The client of the language server, not started yet. Its id names the setting `runabout.trace.server`. */
export function createClient(
  options: LanguageServerOptions,
  fileEvents: FileSystemWatcher,
  on: { running(): void; stopped(): void },
): LanguageClient {
  const { module, storage, codeCache, log, lenses } = options;
  const env = { NODE_COMPILE_CACHE: codeCache.fsPath };
  const run = { module, transport: TransportKind.ipc, options: { env } };
  const initializationOptions: InitializationOptions = {
    clientCommands: true,
    storagePath: storage.fsPath,
    lenses: true,
  };
  const client = new LanguageClient(
    'runabout',
    t('Runabout Language Server'),
    { run, debug: { ...run, options: { env, execArgv: ['--nolazy', '--inspect=6009'] } } },
    {
      documentSelector: languages.flatMap(language => [
        { scheme: 'file', language },
        { scheme: 'untitled', language },
      ]),
      initializationOptions,
      outputChannel: log,
      traceOutputChannel: withoutTokensIn(log),
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      synchronize: { fileEvents },
      // The links of our hovers, and no others.
      markdown: {
        isTrusted: {
          enabledCommands: [commands.run, commands.showResult, commands.showHistory, commands.cancel],
        },
      },
      middleware: {
        provideCodeLenses: (document, token, next) => (lenses() ? next(document, token) : []),
      },
      initializationFailedHandler: error => {
        log.error('The language server did not start.', error as Error);
        void offerRestart(t('The Runabout language server did not start: {0}', String((error as Error).message)));
        return false;
      },
      errorHandler: new RestartHandler(log.error.bind(log)),
    },
  );
  client.onDidChangeState(({ newState }) => {
    if (newState === State.Running) on.running();
    if (newState === State.Stopped) on.stopped();
  });
  return client;
}

/** The log as the client traces to it: a trace of whole messages would hold the token of `runabout/connect`. */
function withoutTokensIn(log: LogOutputChannel): LogOutputChannel {
  return Object.create(log, { trace: { value: (text: string) => log.trace(withoutTokens(text)) } });
}

/** Starts a server that died again, unless it keeps dying: then a person decides. */
class RestartHandler implements ErrorHandler {
  readonly #log: (message: string) => void;
  #deaths: number[] = [];

  constructor(log: (message: string) => void) {
    this.#log = log;
  }

  error(error: Error, _message: unknown, count: number | undefined) {
    this.#log(`The connection to the language server failed: ${error.message}`);
    return { action: (count ?? 0) <= 3 ? ErrorAction.Continue : ErrorAction.Shutdown, handled: true };
  }

  closed() {
    const now = Date.now();
    this.#deaths = [...this.#deaths.filter(time => now - time < 180_000), now];
    if (this.#deaths.length < 4) return { action: CloseAction.Restart, handled: true };
    void offerRestart(t('The Runabout language server stopped four times in three minutes.'));
    return { action: CloseAction.DoNotRestart, handled: true };
  }
}

async function offerRestart(message: string): Promise<void> {
  const restart = t('Restart');
  const showLog = t('Show Log');
  const choice = await window.showErrorMessage(message, restart, showLog);
  if (choice === restart) await vscodeCommands.executeCommand(commands.restartLanguageServer);
  if (choice === showLog) await vscodeCommands.executeCommand(commands.showLog);
}
