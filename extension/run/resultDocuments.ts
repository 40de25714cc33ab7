import { type Disposable, languages, Uri, ViewColumn, window, workspace } from 'vscode';
import { schemes } from '../ids.ts';
import type { Services } from '../services.ts';
import { shortName } from '../words.ts';
import { resultSize, tooLargeText } from './largeResult.ts';
import { asJsonText, MOST_DECODED, resultOf } from './result.ts';

/** Read-only documents with results as JSON. They are read from the broker, so they come back with the window. */
export function registerResultDocuments(services: Services): Disposable {
  return workspace.registerTextDocumentContentProvider(schemes.result, {
    provideTextDocumentContent: async uri => {
      // A tab of the last window may name any task.
      const size = await resultSize(services, uri.query);
      return size > MOST_DECODED ? tooLargeText(size) : asJsonText(await resultOf(services, uri.query));
    },
  });
}

export async function openResult({ lists, session }: Services, task: string): Promise<void> {
  const record = lists.tasks.get(task) ?? (await session.requireClient().getTask(task));
  const name = shortName(record.function.name).replace(/[^\p{L}\p{N}_$.-]/gu, '_');
  const uri = Uri.from({ scheme: schemes.result, path: `/${name}.json`, query: task });
  const document = await languages.setTextDocumentLanguage(await workspace.openTextDocument(uri), 'json');
  await window.showTextDocument(document, { viewColumn: ViewColumn.Active, preview: true });
}
