import type { CommandName } from '../ids.ts';
import { cancel } from './cancel.ts';
import { chooseEndpoint } from './chooseEndpoint.ts';
import { clearResults } from './clearResults.ts';
import type { Command } from './command.ts';
import { connect } from './connect.ts';
import { copyResult } from './copyResult.ts';
import { createEndpoint } from './createEndpoint.ts';
import { deleteEndpoint } from './deleteEndpoint.ts';
import { deleteFunction } from './deleteFunction.ts';
import { disconnect } from './disconnect.ts';
import { goToSource } from './goToSource.ts';
import { loadMoreTasks } from './loadMoreTasks.ts';
import { openResultAsJson } from './openResultAsJson.ts';
import { openWalkthrough } from './openWalkthrough.ts';
import { push } from './push.ts';
import { refresh } from './refresh.ts';
import { restartLanguageServer } from './restartLanguageServer.ts';
import { run } from './run.ts';
import { runAgain } from './runAgain.ts';
import { runWithArguments } from './runWithArguments.ts';
import { saveResult } from './saveResult.ts';
import { showHistory } from './showHistory.ts';
import { showLog } from './showLog.ts';
import { showResult } from './showResult.ts';
import { startLocalBroker } from './startLocalBroker.ts';
import { stopLocalBroker } from './stopLocalBroker.ts';
import { toggleInlineResults } from './toggleInlineResults.ts';
import { toggleLenses } from './toggleLenses.ts';

/** Every command, by its name in ids.ts. */
export const commandTable: Record<CommandName, Command> = {
  cancel,
  chooseEndpoint,
  clearResults,
  connect,
  copyResult,
  createEndpoint,
  deleteEndpoint,
  deleteFunction,
  disconnect,
  goToSource,
  loadMoreTasks,
  openResultAsJson,
  openWalkthrough,
  push,
  refresh,
  restartLanguageServer,
  run,
  runAgain,
  runWithArguments,
  saveResult,
  showHistory,
  showLog,
  showResult,
  startLocalBroker,
  stopLocalBroker,
  toggleInlineResults,
  toggleLenses,
};
