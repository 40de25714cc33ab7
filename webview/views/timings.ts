/** Where the time of a task went, as one bar and the same in words. */
import type { TaskRecord } from '../../protocol/client-broker/tasks.ts';
import { el } from '../dom.ts';
import { duration } from '../format.ts';
import './timings.css';

interface Stage {
  id: string;
  name: string;
  ms: number;
}

/**
 * The stages of an ended task. `loadMs`, `runMs` and `agentMs` are by the endpoint's clock and the rest by the broker's,
 * so what lies between is their difference, and never below zero.
 */
export function stagesOf(task: TaskRecord): Stage[] {
  const { createdAt, endedAt, timings } = task;
  if (endedAt === undefined || !timings) return [];
  const total = Math.max(0, endedAt - createdAt);
  const { loadMs, runMs, agentMs } = timings;
  return [
    { id: 'outside', name: 'Queued and sent', ms: Math.max(0, total - agentMs) },
    { id: 'agent', name: 'In the agent', ms: Math.max(0, agentMs - loadMs - runMs) },
    { id: 'load', name: loadMs === 0 ? 'Loaded (worker was warm)' : 'Loaded the bundle', ms: loadMs },
    { id: 'run', name: 'Ran the function', ms: runMs },
  ];
}

export function timingsView(task: TaskRecord): HTMLElement | undefined {
  const stages = stagesOf(task);
  if (stages.length === 0) return undefined;
  const bar = el('div', { class: 'timings-bar', 'aria-hidden': 'true' });
  for (const { id, ms } of stages) {
    const part = el('span', { class: `stage-${id}` });
    part.style.flexGrow = String(ms);
    if (ms > 0) bar.append(part);
  }
  const rows = stages.map(({ id, name, ms }) =>
    el(
      'tr',
      {},
      el('th', { scope: 'row' }, el('span', { class: `timings-mark stage-${id}`, 'aria-hidden': 'true' }), name),
      el('td', { class: 'number' }, duration(ms)),
    ),
  );
  return el(
    'section',
    { class: 'timings' },
    el('h2', {}, 'Timings'),
    bar,
    el('table', {}, el('caption', { class: 'unseen' }, 'Timings by stage'), el('tbody', {}, ...rows)),
  );
}
