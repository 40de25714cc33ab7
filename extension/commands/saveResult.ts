import { homedir } from 'node:os';
import { Uri, window, workspace } from 'vscode';
import type { TaskRecord } from '../../protocol/client-broker/tasks.ts';
import { t } from '../l10n.ts';
import { asJsonText, MOST_DECODED, type Result, resultOf } from '../run/result.ts';
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
  const { content, extension, of } = await fileOf(services, task);
  const folder = workspace.workspaceFolders?.[0]?.uri ?? Uri.file(homedir());
  const name = shortName(of.function.name).replace(/[^\p{L}\p{N}_$.-]/gu, '_');
  const uri = await window.showSaveDialog({
    title: t('Save the result'),
    defaultUri: Uri.joinPath(folder, `${name}.${extension}`),
  });
  if (!uri) return;
  await workspace.fs.writeFile(uri, content);
  window.setStatusBarMessage(t('$(check) Saved the result'), 3000);
}

interface ResultFile {
  content: Uint8Array;
  extension: string;
  of: TaskRecord;
}

async function fileOf(services: Services, task: string): Promise<ResultFile> {
  return (await largeJson(services, task)) ?? contentOf(await resultOf(services, task));
}

/** A large value that travels as JSON is saved as it came: decoding it would hold up the editor, only to lay it out. */
async function largeJson({ session }: Services, id: string): Promise<ResultFile | undefined> {
  const client = session.requireClient();
  const of = await client.getTask(id);
  if (of.value?.type !== 'application/json' || of.value.size <= MOST_DECODED) return undefined;
  const { value } = await client.taskResult(id);
  return value && { content: (await client.valueBytes(value)).bytes, extension: 'json', of };
}

function contentOf(result: Result): ResultFile {
  const { value, task: of } = result;
  if (value instanceof Uint8Array) {
    return { content: value, extension: value[0] === 0x89 && value[1] === 0x50 ? 'png' : 'bin', of };
  }
  if (typeof value === 'string') return { content: Buffer.from(value), extension: 'txt', of };
  return { content: Buffer.from(asJsonText(result)), extension: 'json', of };
}
