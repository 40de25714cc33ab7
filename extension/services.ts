import type { ExtensionContext, LogOutputChannel } from 'vscode';
import type { Connector } from './connection/connector.ts';
import type { LocalBrokerControl } from './connection/localBroker.ts';
import type { Session } from './connection/session.ts';
import type { LanguageServer } from './languageServer.ts';
import type { Lists } from './lists/lists.ts';
import type { ResultPanel } from './panel/resultPanel.ts';
import type { ArgumentsDocuments } from './run/argumentsDocuments.ts';
import type { ChosenEndpoint } from './run/chosenEndpoint.ts';
import type { DocumentStates } from './run/documentStates.ts';
import type { InlineResults } from './run/inlineResults.ts';
import type { Runs } from './run/runs.ts';

/** What a command works with; made once, on activation. */
export interface Services {
  context: ExtensionContext;
  log: LogOutputChannel;
  session: Session;
  connector: Connector;
  local: LocalBrokerControl;
  lists: Lists;
  chosen: ChosenEndpoint;
  server: LanguageServer;
  documents: DocumentStates;
  argumentsDocuments: ArgumentsDocuments;
  inline: InlineResults;
  panel: ResultPanel;
  runs: Runs;
}
