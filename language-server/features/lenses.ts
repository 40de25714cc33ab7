import type { CodeLens } from 'vscode-languageserver/node';
import { serverCommands } from '../../protocol/editor-server/messages.ts';
import type { OpenDocument } from '../documents/open-document.ts';
import type { States } from '../documents/state.ts';
import { isRunnable } from '../functions/index.ts';
import { runText } from '../words.ts';

/**
 * The lenses of a document: on marked functions only, from the syntax of the open text. A function has always as many,
 * whatever is known of it, so that lines do not jump: run, run on…, push state, last result, and one per example.
 * @param chosen name of the endpoint that runs where the mark names none
 */
export function codeLenses(document: OpenDocument, states: States, chosen: string | undefined): CodeLens[] {
  const lenses: CodeLens[] = [];
  const functions = states.document(document).functions;
  for (const [index, marked] of document.marks.functions.entries()) {
    if (!isRunnable(marked)) continue;
    const { name, nameRange: range, run, ...state } = functions[index]!;
    const add = (title: string, command: string, argument: object) =>
      lenses.push({ range, command: { title, command, arguments: [argument] } });
    const ref = { uri: document.uri, name };
    const endpoint = marked.settings.endpoint ?? chosen;
    add(endpoint ? `Run on ${endpoint}` : 'Run', serverCommands.run, ref);
    add('Run on…', serverCommands.run, { ...ref, pick: true });
    add(pushTitle(state), serverCommands.push, ref);
    if (run) add(runText(run), serverCommands.showResult, { task: run.task });
    else {
      const cleared = states.of(document, marked).remote?.run;
      if (cleared) add('last result', serverCommands.showResult, { task: cleared.task.id });
      else add('not run yet', serverCommands.run, ref);
    }
    for (const [example, { text }] of marked.examples.entries()) {
      add(text.length > 50 ? `${text.slice(0, 49)}…` : text, serverCommands.run, { ...ref, example });
    }
  }
  return lenses;
}

function pushTitle({ pushState, version }: { pushState: string; version?: number }): string {
  if (pushState === 'pushed') return `v${version}`;
  if (pushState === 'changed') return `changed since v${version}`;
  return pushState === 'new' ? 'new' : 'push';
}
