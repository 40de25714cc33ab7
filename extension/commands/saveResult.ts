import { homedir } from 'node:os';
import { Uri, window, workspace } from 'vscode';
import { t } from '../l10n.ts';
import { asJsonText, type Result, resultOf } from '../run/result.ts';
import type { Services } from '../services.ts';
import { shortName } from '../words.ts';
import { taskOf } from './arguments.ts';

/** Saves a result to a file: bytes and text as they are, anything else as JSON. */
export async function saveResult(services: Services, on?: unknown): Promise<void> {
  const task = await taskOf(
    services,
    on,
    t('Save the result of'),
    ({ state }) => state === 'succeeded' || state === 'failed',
  );
  if (!task) return;
  const result = await resultOf(services, task);
  const { content, extension } = fileOf(result);
  const folder = workspace.workspaceFolders?.[0]?.uri ?? Uri.file(homedir());
  const name = shortName(result.task.function.name).replace(/[^\p{L}\p{N}_$.-]/gu, '_');
  const uri = await window.showSaveDialog({
    title: t('Save the result'),
    defaultUri: Uri.joinPath(folder, `${name}.${extension}`),
  });
  if (!uri) return;
  await workspace.fs.writeFile(uri, content);
  window.setStatusBarMessage(t('$(check) Saved the result'), 3000);
}

function fileOf(result: Result): { content: Uint8Array; extension: string } {
  const { value } = result;
  if (value instanceof Uint8Array)
    return { content: value, extension: value[0] === 0x89 && value[1] === 0x50 ? 'png' : 'bin' };
  if (typeof value === 'string') return { content: Buffer.from(value), extension: 'txt' };
  return { content: Buffer.from(asJsonText(result)), extension: 'json' };
}
