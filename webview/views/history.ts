/** Every change of a task's state: when it was, how long the state lasted, in which attempt, and why. */
import type { HistoryEntry } from '../../protocol/client-broker/tasks.ts';
import type { PanelState } from '../../protocol/panel/messages.ts';
import { el } from '../dom.ts';
import { ago, clock, duration, elapsed, moment, plural, stateWords } from '../format.ts';
import './history.css';

export interface HistoryView {
  element: HTMLElement;
  /** Brings it into view, for who asked for it by name. */
  reveal(): void;
}

export function historyView(state: PanelState): HistoryView {
  const { task, history, earlier } = state;
  const heading = el('h2', { tabindex: -1 }, 'History');
  const submitted = el('time', { datetime: new Date(task.createdAt).toISOString() });
  const lasting = el('td', { class: 'number' });
  const rows = history.map((entry, i) => {
    const next = history[i + 1];
    const lasted = next
      ? el('td', { class: 'number' }, duration(Math.max(0, next.at - entry.at)))
      : task.endedAt === undefined
        ? lasting
        : el('td', {});
    return el(
      'tr',
      {},
      el('th', { scope: 'row', class: 'number' }, time(entry.at), ' ', since(task.createdAt, entry.at)),
      el('td', { class: `history-${entry.state}` }, stateWords[entry.state]),
      lasted,
      el('td', { class: 'number' }, entry.attempt > 0 ? String(entry.attempt) : ''),
      el('td', { class: 'history-why' }, reasonOf(entry, state)),
    );
  });
  const element = el(
    'section',
    { class: 'history', 'aria-label': 'History' },
    heading,
    el(
      'p',
      { class: 'note' },
      'Submitted ',
      submitted,
      earlier > 0 && `; ${plural(earlier, 'earlier change')} not shown`,
    ),
    el(
      'table',
      {},
      el('caption', { class: 'unseen' }, 'Every change of state, oldest first'),
      el('thead', {}, el('tr', {}, ...COLUMNS.map(name => el('th', { scope: 'col' }, name)))),
      el('tbody', {}, ...rows),
    ),
  );
  const tick = () => {
    submitted.textContent = `${moment(task.createdAt)}, ${ago(Date.now() - task.createdAt)}`;
    lasting.textContent = `${elapsed(Date.now() - (history.at(-1)?.at ?? task.createdAt))} so far`;
  };
  tick();
  const timer = setInterval(() => (element.isConnected ? tick() : clearInterval(timer)), 1000);
  return {
    element,
    reveal: () => {
      heading.scrollIntoView();
      heading.focus({ preventScroll: true });
    },
  };
}

const COLUMNS = ['Time', 'State', 'Lasted', 'Attempt', 'Why'];

const time = (at: number) => el('time', { datetime: new Date(at).toISOString(), title: moment(at) }, clock(at));

/** How long after the submission. */
const since = (start: number, at: number) =>
  el('span', { class: 'note' }, at === start ? '' : `+${duration(Math.max(0, at - start))}`);

/** Why a task came into a state: what the broker says, else what the state itself tells. */
export function reasonOf({ state, attempt, reason }: HistoryEntry, { task, errorKind }: PanelState): string {
  if (reason !== undefined) return reason;
  switch (state) {
    case 'queued':
      return attempt === 0 ? `Submitted by ${task.owner.name}.` : 'Put back for another attempt.';
    case 'leased':
      return `Given to ${task.endpoint.name}.`;
    case 'running':
      return 'A worker began with it.';
    case 'cancelling':
      return `${task.endpoint.name} is told to stop it.`;
    case 'succeeded':
      return 'The function returned.';
    case 'failed':
      return errorKind?.title ?? 'It failed.';
    case 'cancelled':
      return `${task.endpoint.name} stopped it.`;
    case 'expired':
      return 'It was not started before its deadline.';
    case 'lost':
      return 'It was lost with what ran it.';
  }
}
