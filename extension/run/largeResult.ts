import { commands as vscodeCommands, window } from 'vscode';
import { commands } from '../ids.ts';
import { t } from '../l10n.ts';
import type { Services } from '../services.ts';
import { bytes } from '../words.ts';
import { MOST_DECODED } from './result.ts';

/** The size of a task's result in bytes; 0 of one that has none. */
export async function resultSize({ lists, session }: Services, task: string): Promise<number> {
  const record = lists.tasks.get(task) ?? (await session.requireClient().getTask(task));
  return record.value?.size ?? 0;
}

/** Why a result of this size is not opened, and what to do instead. */
export const tooLargeText = (size: number) =>
  t('The result is {0}, too large to copy or to open here. Save it to a file to look at it.', bytes(size));

/** Whether a result is too large to be decoded here; then the person is told, and can save it. */
export async function isTooLarge(services: Services, task: string): Promise<boolean> {
  const size = await resultSize(services, task);
  if (size <= MOST_DECODED) return false;
  void offerToSave(task, size);
  return true;
}

async function offerToSave(task: string, size: number): Promise<void> {
  const save = t('Save to a File…');
  const picked = await window.showWarningMessage(tooLargeText(size), save);
  if (picked === save) await vscodeCommands.executeCommand(commands.saveResult, { task });
}
