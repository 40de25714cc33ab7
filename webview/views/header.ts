/** Which function ran where, how it stands, and what can be done with it. */
import type { TaskRecord } from '../../protocol/client-broker/tasks.ts';
import type { FromPanel, PanelState } from '../../protocol/panel/messages.ts';
import { el, svg } from '../dom.ts';
import { duration, hasEnded, stateWords } from '../format.ts';
import { send } from '../host.ts';
import { button, spinner } from '../ui/components.ts';

export interface HeaderView {
  element: HTMLElement;
  update(state: PanelState): void;
}

type Action = Exclude<FromPanel['t'], 'ready' | 'open-frame'>;

export function headerView(): HeaderView {
  const name = el('h1', {});
  const status = el('p', { class: 'status', role: 'status' });
  const action = (t: Action, label: string, primary = false) => button({ label, primary, onPress: () => send({ t }) });
  const actions = {
    'run-again': action('run-again', 'Run again', true),
    cancel: action('cancel', 'Cancel'),
    copy: action('copy', 'Copy'),
    save: action('save', 'Save…'),
    'open-json': action('open-json', 'Open as JSON'),
  } satisfies Record<Action, HTMLElement>;
  const toolbar = el('div', { class: 'toolbar', role: 'group', 'aria-label': 'Actions' }, ...Object.values(actions));

  return {
    element: el('header', {}, name, status, toolbar),
    update({ task, value, error }) {
      name.replaceChildren(...nameParts(task.function.name));
      status.className = `status state-${task.state}`;
      status.replaceChildren(stateIcon(task.state), el('span', {}, facts(task)));
      actions.cancel.hidden = hasEnded(task) || task.state === 'cancelling';
      actions['run-again'].hidden = !hasEnded(task);
      for (const t of ['copy', 'save', 'open-json'] as const) actions[t].hidden = !value && !error;
    },
  };
}

/** The path of a function, small, above its own name: `weather/report#` and `monthlyReport`. */
function nameParts(name: string): Node[] {
  const own = name.lastIndexOf('#') + 1;
  return [el('span', { class: 'path' }, name.slice(0, own)), new Text(name.slice(own))];
}

function facts(task: TaskRecord): string {
  const ran = task.startedAt !== undefined && task.endedAt !== undefined ? task.endedAt - task.startedAt : undefined;
  return [
    `${stateWords[task.state]} on ${task.endpoint.name}`,
    `v${task.function.version}`,
    ran !== undefined && duration(Math.max(0, ran)),
    task.attempt > 1 && `attempt ${task.attempt} of ${task.maxAttempts}`,
  ]
    .filter(Boolean)
    .join(' · ');
}

/** A shape for each state, so that colour is never the only sign. */
function stateIcon(state: TaskRecord['state']): Element {
  const shape = (...paths: string[]) =>
    svg(
      'svg',
      { class: 'state-icon', viewBox: '0 0 16 16', 'aria-hidden': 'true' },
      svg('circle', { cx: 8, cy: 8, r: 6.5 }),
      ...paths.map(d => svg('path', { d })),
    );
  switch (state) {
    case 'succeeded':
      return shape('M5 8.3l2.2 2.2L11.2 6');
    case 'failed':
      return shape('M5.7 5.7l4.6 4.6M10.3 5.7l-4.6 4.6');
    case 'cancelled':
      return shape('M3.5 12.5l9-9');
    case 'expired':
      return shape('M8 4.5V8l2.5 1.5');
    case 'lost':
      return shape('M6.2 6.2a1.8 1.8 0 1 1 2.6 1.6c-.6.3-.8.6-.8 1.2M8 11v.6');
    default:
      return spinner();
  }
}
