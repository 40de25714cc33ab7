import { t } from '../l10n.ts';
import { runFunction } from '../run/runFunction.ts';
import type { Services } from '../services.ts';
import { functionAtCursor, ofRegistry, taskOf } from './arguments.ts';

/** Runs what a task ran, on the same endpoint with the same arguments. */
export async function runAgain(services: Services, on?: unknown): Promise<string | undefined> {
  const { runs, documents } = services;
  const at = on === undefined ? functionAtCursor(services) : undefined;
  const atCursor = at && documents.find(at.uri, at.name)?.run?.task;
  // Nothing is known of a run of this one: it is asked for anew, and no other is run in its place.
  if (at && !atCursor) return await runFunction(services, { target: { kind: 'source', ...at } });
  const known = atCursor ?? (on === undefined ? runs.last : undefined);
  const task = known ?? (await taskOf(services, on, t('Run again'), () => true));
  if (!task) return undefined;
  const before = runs.request(task);
  if (before) return await runFunction(services, before);
  // Another window or the terminal ran it. The language server knows the last arguments of what stands in a document;
  // for the rest the person is asked.
  const record = await services.session.requireClient().getTask(task);
  const target = ofRegistry(services, record.function);
  return await runFunction(services, { target, endpoint: record.endpoint.id, again: target.kind === 'source' });
}
