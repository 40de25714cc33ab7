import { type ExtensionContext, Uri, workspace } from 'vscode';
import { version } from '../package.json';
import { Connector } from './connection/connector.ts';
import { findNode } from './connection/findNode.ts';
import { LocalBrokerControl } from './connection/localBroker.ts';
import { Session } from './connection/session.ts';
import { settings } from './ids.ts';
import { t } from './l10n.ts';
import { LanguageServer } from './languageServer.ts';
import { Lists } from './lists/lists.ts';
import { createLog } from './log.ts';
import { ResultPanel } from './panel/resultPanel.ts';
import { ArgumentsDocuments } from './run/argumentsDocuments.ts';
import { ChosenEndpoint } from './run/chosenEndpoint.ts';
import { DocumentStates } from './run/documentStates.ts';
import { InlineResults } from './run/inlineResults.ts';
import { askArguments } from './run/runFunction.ts';
import { Runs } from './run/runs.ts';
import type { Services } from './services.ts';

/** Makes everything and ties it to the life of the window. */
export function createServices(context: ExtensionContext): Services {
  const dist = Uri.joinPath(context.extensionUri, 'dist');
  const setting = <T>(name: string, otherwise: T): T => workspace.getConfiguration().get(name, otherwise);

  const log = createLog();
  const session = new Session(`runabout-vscode/${version}`);
  const lists = new Lists(session);
  const documents = new DocumentStates();
  const chosen = new ChosenEndpoint(context.workspaceState, context.globalState, lists.endpoints);
  const panel = new ResultPanel(context, session, lists);
  const services: Services = {
    context,
    log,
    session,
    lists,
    documents,
    chosen,
    panel,
    connector: new Connector(context.secrets, session, log),
    local: new LocalBrokerControl({
      dist: dist.fsPath,
      node: () => findNode(setting(settings.nodePath, '')),
      log: text => log.info(text),
    }),
    server: new LanguageServer({
      module: Uri.joinPath(dist, 'language-server.cjs').fsPath,
      storage: context.storageUri ?? context.globalStorageUri,
      codeCache: Uri.joinPath(context.globalStorageUri, 'code-cache'),
      log,
      connection: () => session.connection,
      endpoint: () => chosen.get() ?? null,
      showTask: task => panel.show(task),
      lenses: () => setting(settings.lenses, true),
    }),
    argumentsDocuments: new ArgumentsDocuments(async target => {
      const question = await askArguments(services, target);
      if (question) return question;
      return {
        schema: { type: 'array', maxItems: 0 },
        template: '[]',
        signature: t('{0} takes no arguments', target.name),
      };
    }),
    inline: new InlineResults(documents),
    runs: new Runs(session, lists),
  };
  const { connector, server, argumentsDocuments, inline } = services;
  context.subscriptions.push(log, session, lists, chosen, panel, connector, server, argumentsDocuments, inline);
  return services;
}
