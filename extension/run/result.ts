import type { TaskRecord } from '../../protocol/client-broker/tasks.ts';
import type { TaskError } from '../../protocol/tasks/error.ts';
import { asJson } from '../../protocol/values/as-json.ts';
import type { Services } from '../services.ts';

/** Larger values are not decoded for the editor: reading them would hold it up. They can still be saved. */
export const MOST_DECODED = 16 * 1024 * 1024;

/** How a task ended, with its whole value decoded. */
export interface Result {
  task: TaskRecord;
  value?: unknown;
  error?: TaskError;
}

/** @throws RunaboutError `task-not-ended`, `not-found` */
export async function resultOf({ session }: Services, id: string): Promise<Result> {
  const client = session.requireClient();
  const [task, { value, error }] = await Promise.all([client.getTask(id), client.taskResult(id)]);
  if (error) return { task, error };
  return { task, value: value && (await client.decode(value)) };
}

/** A result as indented JSON; what JSON has no form for is written readably. */
export function asJsonText({ value, error }: Result): string {
  return `${JSON.stringify(error ?? asJson(value) ?? null, null, 2)}\n`;
}

/** A result to paste: a string as it is, an error with its stack, anything else as JSON. */
export function asText(result: Result): string {
  const { value, error } = result;
  if (typeof value === 'string') return value;
  if (!error) return asJsonText(result).trimEnd();
  const texts: string[] = [];
  for (let at: TaskError | undefined = error; at; at = at.cause)
    texts.push(at.stack ?? `${at.name ? `${at.name}: ` : ''}${at.message}`);
  return texts.join('\nCaused by ');
}
