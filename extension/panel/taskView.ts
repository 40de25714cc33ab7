import type { BrokerClient } from '../../client/client.ts';
import type { HistoryEntry, TaskRecord, TaskResult } from '../../protocol/client-broker/tasks.ts';
import type { ValueState } from '../../protocol/panel/messages.ts';
import { isTerminal } from '../../protocol/tasks/states.ts';
import { t } from '../l10n.ts';
import { MOST_DECODED } from '../run/result.ts';
import { bytes } from '../words.ts';
import { cutValue } from './cut.ts';
import { viewOf } from './valueView.ts';

/** The result of a task that has ended; `undefined` before. */
export async function loadResult(client: BrokerClient, task: TaskRecord): Promise<TaskResult | undefined> {
  return isTerminal(task.state) ? await client.taskResult(task.id) : undefined;
}

/** A task that went to and fro for long has more changes of state than a page wants. */
const MOST_CHANGES = 200;

export async function loadHistory(
  client: BrokerClient,
  task: TaskRecord,
): Promise<{ history: HistoryEntry[]; earlier: number }> {
  const { entries } = await client.taskHistory(task.id);
  const history = entries.slice(-MOST_CHANGES);
  return { history, earlier: entries.length - history.length };
}

/** A value as the panel shows it, cut to a size that a page can draw. */
export async function loadValue(
  client: BrokerClient,
  task: TaskRecord,
  result: TaskResult,
): Promise<ValueState | undefined> {
  if (!result.value) return undefined;
  const size = task.value?.size ?? ('size' in result.value ? result.value.size : 0);
  if (size > MOST_DECODED) {
    const cut = t('The value is {0}, too large to show. Save it to look at it.', bytes(size));
    return { tree: { kind: 'leaf', type: 'large value', text: bytes(size) }, size, cut };
  }
  return valueState(await client.decode(result.value), size);
}

/** @param size the encoded size in bytes */
export function valueState(value: unknown, size: number): ValueState {
  const { tree, cut } = cutValue(value);
  const view = viewOf(value);
  return {
    tree,
    size,
    ...(view ? { view } : {}),
    ...(cut ? { cut: cutText(size, view) } : {}),
  };
}

function cutText(size: number, view: ValueState['view']): string {
  if (view?.kind === 'plot')
    return t('The tree shows only a part of the {0} numbers. Save them to have all.', view.length);
  return t('The value is {0}; only a part of it is shown. Save it to have all of it.', bytes(size));
}
