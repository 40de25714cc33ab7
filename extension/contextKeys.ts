import { commands, window } from 'vscode';
import type { Disposable } from './emitter.ts';
import { contextKeys } from './ids.ts';
import type { LiveList } from './lists/liveList.ts';
import type { Services } from './services.ts';

type Key = keyof typeof contextKeys;

const last = new Map<Key, unknown>();

/** Sets a context key, unless it is so already: lists change with every event. */
export function setContext(key: Key, value: unknown): void {
  if (last.has(key) && last.get(key) === value) return;
  last.set(key, value);
  void commands.executeCommand('setContext', contextKeys[key], value);
}

/** Keeps the keys that `when` clauses of package.json look at. */
export function watchContext({ session, lists, documents, connector }: Services): Disposable[] {
  const connection = () => setContext('connection', session.state.state);
  const has = (key: Key, list: Pick<LiveList<never>, 'size' | 'status'>) => () =>
    setContext(key, list.size > 0 ? true : list.status === 'ready' ? false : undefined);
  // Not the cursor: a right-click moves it and opens the menu before this process has heard of either.
  const marked = () => {
    const uri = window.activeTextEditor?.document.uri.toString();
    setContext('hasMarkedFunctions', uri !== undefined && (documents.get(uri)?.functions.length ?? 0) > 0);
  };
  connection();
  return [
    session.onDidChangeState(connection),
    lists.endpoints.onDidChange(has('hasEndpoints', lists.endpoints)),
    lists.functions.onDidChange(has('hasFunctions', lists.functions)),
    lists.tasks.onDidChange(has('hasTasks', lists.tasks)),
    connector.onDidChangeLocal(runs => setContext('localBroker', runs)),
    documents.onDidChange(marked),
    window.onDidChangeActiveTextEditor(marked),
  ];
}
