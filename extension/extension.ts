import { type ExtensionContext, l10n, workspace } from 'vscode';
import { registerCommands } from './commands/command.ts';
import { commandTable } from './commands/index.ts';
import { watchContext } from './contextKeys.ts';
import { createServices } from './createServices.ts';
import { settings } from './ids.ts';
import { setTranslations } from './l10n.ts';
import { registerResultDocuments } from './run/resultDocuments.ts';
import { StatusBar } from './statusBar.ts';
import { testApi } from './testApi.ts';
import { createViews } from './tree/views.ts';

/** Called by VS Code when the first view, command or document needs us. Nothing slow happens before it returns. */
export function activate(context: ExtensionContext): unknown {
  setTranslations(l10n.t);
  const services = createServices(context);
  const { session, server, documents, chosen, connector, log } = services;
  const views = createViews(services);
  const statusBar = new StatusBar(services);
  context.subscriptions.push(
    ...registerCommands(services, commandTable),
    ...watchContext(services),
    ...Object.values(views),
    statusBar,
    registerResultDocuments(services),
    server.onDidChangeDocument(state => documents.set(state)),
    server.onDidStop(() => documents.clear()),
    workspace.onDidCloseTextDocument(({ uri }) => documents.delete(uri.toString())),
    session.onDidChangeConnection(connection => void server.connect(connection)),
    session.onDidChangeState(state => log.info(`Broker: ${state.state}${'url' in state ? ` (${state.url})` : ''}.`)),
    chosen.onDidChange(endpoint => void server.chooseEndpoint(endpoint ?? null)),
    workspace.onDidChangeConfiguration(event => {
      if (event.affectsConfiguration(settings.lenses)) void server.refreshLenses();
    }),
  );
  server.startWhenNeeded();
  void connector.resolve();
  return process.env.RUNABOUT_TEST ? testApi(services, views, statusBar) : undefined;
}
