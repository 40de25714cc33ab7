/**
 * Every id that stands in both the code and package.json. A unit test compares the two, both ways.
 */
import { clientCommands, serverCommands } from '../protocol/editor-server/messages.ts';

export const EXTENSION_ID = 'runabout.runabout';

/** Commands a person can call, and those (marked internal) that only rows, lenses and links call. */
export const commands = {
  cancel: serverCommands.cancel,
  chooseEndpoint: serverCommands.chooseEndpoint,
  clearResults: serverCommands.clearResults,
  connect: 'runabout.connect',
  copyResult: 'runabout.copyResult',
  createEndpoint: 'runabout.createEndpoint',
  deleteEndpoint: 'runabout.deleteEndpoint',
  deleteFunction: 'runabout.deleteFunction',
  disconnect: 'runabout.disconnect',
  goToSource: 'runabout.goToSource',
  /** Internal: the last row of the Tasks view. */
  loadMoreTasks: 'runabout.loadMoreTasks',
  openResultAsJson: 'runabout.openResultAsJson',
  openWalkthrough: 'runabout.openWalkthrough',
  push: serverCommands.push,
  refresh: 'runabout.refresh',
  restartLanguageServer: 'runabout.restartLanguageServer',
  run: serverCommands.run,
  runAgain: 'runabout.runAgain',
  runWithArguments: 'runabout.runWithArguments',
  saveResult: 'runabout.saveResult',
  /** Known to the language server too: its hovers link to it. */
  showHistory: clientCommands.showHistory,
  showLog: 'runabout.showLog',
  showResult: serverCommands.showResult,
  startLocalBroker: 'runabout.startLocalBroker',
  stopLocalBroker: 'runabout.stopLocalBroker',
  toggleInlineResults: 'runabout.toggleInlineResults',
  toggleLenses: 'runabout.toggleLenses',
} as const;
export type CommandName = keyof typeof commands;

export const views = {
  container: 'runabout',
  endpoints: 'runabout.endpoints',
  functions: 'runabout.functions',
  tasks: 'runabout.tasks',
} as const;

export const contextKeys = {
  /** `none`, `connecting`, `connected`, `disconnected` or `refused`. */
  connection: 'runabout.connection',
  /** `true`, `false`, or `undefined` while the list is loading. */
  hasEndpoints: 'runabout.hasEndpoints',
  hasFunctions: 'runabout.hasFunctions',
  hasTasks: 'runabout.hasTasks',
  /** A local broker runs on this machine. */
  localBroker: 'runabout.localBroker',
  /** One is being started. */
  startingLocal: 'runabout.startingLocal',
  /** The document in front has marked functions. */
  hasMarkedFunctions: 'runabout.hasMarkedFunctions',
} as const;

export const settings = {
  brokerUrl: 'runabout.brokerUrl',
  nodePath: 'runabout.nodePath',
  lenses: 'runabout.lenses.enabled',
  inlineResults: 'runabout.inlineResults.enabled',
  openPanelOnRun: 'runabout.panel.openOnRun',
  trace: 'runabout.trace.server',
} as const;

export const colors = {
  result: 'runabout.resultForeground',
  running: 'runabout.runningForeground',
  stale: 'runabout.staleForeground',
  error: 'runabout.errorForeground',
  errorLine: 'runabout.errorLineBackground',
} as const;

/** Schemes of documents that exist only in the editor. */
export const schemes = {
  arguments: 'runabout-arguments',
  schema: 'runabout-schema',
  result: 'runabout-result',
} as const;

/** Languages whose functions can be marked. */
export const languages = ['typescript', 'typescriptreact', 'javascript', 'javascriptreact'] as const;

/** The type of the result panel, and the walkthrough. */
export const PANEL_TYPE = 'runabout.result';
export const WALKTHROUGH = 'start';
