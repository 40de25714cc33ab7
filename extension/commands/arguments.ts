import { Uri, window } from 'vscode';
import * as z from 'zod';
import type { TaskRecord } from '../../protocol/client-broker/tasks.ts';
import { type FunctionRef, RunArguments } from '../../protocol/editor-server/messages.ts';
import { pickTask } from '../pick/task.ts';
import { type RunTarget, registered } from '../run/target.ts';
import type { Services } from '../services.ts';
import { FunctionRow } from '../tree/functionRow.ts';
import { TaskRow } from '../tree/taskRow.ts';

/** What a lens, or another command, names a task by. */
const TaskRef = z.object({ task: z.string() });

/** The task a command was called on, or the one a person picks: in the palette there is none yet. */
export async function taskOf(
  services: Services,
  arg: unknown,
  title: string,
  wanted: (task: TaskRecord) => boolean,
): Promise<string | undefined> {
  if (arg instanceof TaskRow) return arg.record.id;
  const ref = TaskRef.safeParse(arg);
  if (ref.success) return ref.data.task;
  return await pickTask(services, title, wanted);
}

/** What a lens says to run. */
export function lensArguments(arg: unknown): RunArguments | undefined {
  if (arg instanceof Uri) return undefined;
  return RunArguments.safeParse(arg).data;
}

/**
 * The function a command was called on: a row, else the marked function at the cursor (which is also what the editor's
 * menu means). `undefined` when there is neither.
 */
export function functionOf(services: Services, arg: unknown): RunTarget | undefined {
  if (arg instanceof FunctionRow) return ofRegistry(services, arg.record);
  const at = functionAtCursor(services);
  return at && { kind: 'source', ...at };
}

export function functionAtCursor({ documents }: Services): FunctionRef | undefined {
  const editor = window.activeTextEditor;
  if (!editor) return undefined;
  const uri = editor.document.uri.toString();
  const marked = documents.at(uri, editor.selection.active.line);
  return marked && { uri, name: marked.name };
}

/** A function of the registry, as it stands in an open document if it does: then what runs is what is written. */
export function ofRegistry({ documents }: Services, record: { id: string; name: string }): RunTarget {
  const source = documents.byRegistryName(record.name);
  return source ? { kind: 'source', uri: source.uri, name: source.marked.name } : registered(record);
}
