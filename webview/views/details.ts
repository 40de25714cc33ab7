import type { PanelState } from '../../protocol/panel/messages.ts';
import { el } from '../dom.ts';
import { bytes, duration, moment } from '../format.ts';
import { type HistoryView, historyView } from './history.ts';
import { timingsView } from './timings.ts';

export interface DetailsView {
  element: HTMLElement;
  history: HistoryView;
}

/** Where the time of a task went, its history, and its facts. */
export function detailsView(state: PanelState): DetailsView {
  const { task, value } = state;
  const history = historyView(state);
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
    ['Kept until', task.keptUntil === undefined ? undefined : moment(task.keptUntil)],
    ['Result', value && `${bytes(value.size)}${task.value ? `, ${task.value.type}` : ''}`],
    ['Task', task.id],
  ];
  const element = el(
    'div',
    { class: 'details' },
    timingsView(task),
    history.element,
    el('h2', {}, 'Task'),
    el(
      'dl',
      {},
      ...facts.flatMap(([name, fact]) => (fact === undefined ? [] : [el('dt', {}, name), el('dd', {}, fact)])),
    ),
  );
  return { element, history };
}
