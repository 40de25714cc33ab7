import type { PanelState } from '../../protocol/panel/messages.ts';
import { el } from '../dom.ts';
import { bytes, duration, moment } from '../format.ts';
import { timingsView } from './timings.ts';

/** The facts of a task. */
export function detailsView({ task, value }: PanelState): HTMLElement {
  const facts: [string, string | undefined][] = [
    ['Function', task.function.name],
    ['Version', `v${task.function.version}`],
    ['Bundle', `sha256 ${task.function.digest}`],
    ['Endpoint', task.endpoint.name],
    ['Attempt', `${task.attempt} of at most ${task.maxAttempts}`],
    ['Submitted', `${moment(task.createdAt)} by ${task.owner.name}`],
    ['Started', task.startedAt === undefined ? undefined : moment(task.startedAt)],
    ['Ended', task.endedAt === undefined ? undefined : moment(task.endedAt)],
    ['Time limit', task.timeoutMs === undefined ? undefined : duration(task.timeoutMs)],
    ['Has to start by', task.deadline === undefined ? undefined : moment(task.deadline)],
    ['Result', value && `${bytes(value.size)}${task.value ? `, ${task.value.type}` : ''}`],
    ['Task', task.id],
  ];
  return el(
    'div',
    { class: 'details' },
    timingsView(task),
    el('h2', {}, 'Task'),
    el(
      'dl',
      {},
      ...facts.flatMap(([name, fact]) => (fact === undefined ? [] : [el('dt', {}, name), el('dd', {}, fact)])),
    ),
  );
}
