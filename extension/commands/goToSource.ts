import { Range, Uri, window } from 'vscode';
import type { FunctionRecord } from '../../protocol/client-broker/functions.ts';
import { t } from '../l10n.ts';
import { openFrame } from '../panel/openFrame.ts';
import { pickRegistered } from '../pick/function.ts';
import type { Services } from '../services.ts';
import { FunctionRow } from '../tree/functionRow.ts';

/** Opens the source of a function of the registry, if it is in this workspace. */
export async function goToSource(services: Services, on?: unknown): Promise<void> {
  const record = on instanceof FunctionRow ? on.record : await pickRegistered(services, t('Go to the source of'));
  if (!record) return;
  if (await showMarked(services, record)) return;
  const { source } = record.latest.details;
  if (source) await openFrame({ ...source, column: 1 });
  else void window.showInformationMessage(t('The registry does not know where {0} comes from.', record.name));
}

/** In an open document the function may have moved since it was pushed: go to where it is now. */
async function showMarked({ documents }: Services, { name }: FunctionRecord): Promise<boolean> {
  const open = documents.byRegistryName(name);
  if (!open) return false;
  const { line, character } = open.marked.nameRange.start;
  await window.showTextDocument(Uri.parse(open.uri), { selection: new Range(line, character, line, character) });
  return true;
}
