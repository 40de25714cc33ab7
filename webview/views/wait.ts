/** A task that has not ended yet: why it waits and since when, or how long it has been running. */
import type { TaskRecord } from '../../protocol/client-broker/tasks.ts';
import { el } from '../dom.ts';
import { elapsed, moment } from '../format.ts';
import { spinner } from '../ui/components.ts';

export function waitView(task: TaskRecord): HTMLElement {
  const { wait } = task;
  const told = wait ? wait.text : progressOf(task);
  const since = wait?.since ?? task.startedAt ?? task.createdAt;
  const time = el('span', { class: 'note', 'aria-hidden': 'true' });
  // The broker's clock and this one may differ a little: never less than nothing.
  const tick = () => {
    time.textContent = `for ${elapsed(Date.now() - since)}, since ${moment(since)}`;
  };
  tick();
  const timer = setInterval(() => (time.isConnected ? tick() : clearInterval(timer)), 1000);
  return el('div', { class: 'waiting' }, spinner(), el('p', {}, told, ' ', time));
}

function progressOf({ state, endpoint }: TaskRecord): string {
  switch (state) {
    case 'running':
      return `Running on ${endpoint.name}`;
    case 'cancelling':
      return `Cancelling on ${endpoint.name}`;
    default:
      return `Waiting for ${endpoint.name}`;
  }
}
