/** The result panel: one task, its result, its output and its details. The extension sends what to show. */
import type { PanelState } from '../protocol/panel/messages.ts';
import { el } from './dom.ts';
import { hasEnded } from './format.ts';
import { receive, save, saved, send } from './host.ts';
import './panel.css';
import { tabs } from './ui/components.ts';
import { detailsView } from './views/details.ts';
import { headerView } from './views/header.ts';
import { outputView } from './views/output.ts';
import { resultView } from './views/result.ts';

let shown: PanelState | undefined;
let resultKey = '';

const problem = el('p', { class: 'problem', role: 'alert', hidden: true });
const header = headerView();
const result = el('div', {});
const output = outputView();
const details = el('div', {});
/** The tab that the person chose for this task: then the page no longer does. */
let chosen: string | undefined;
let selecting = false;
const sections = tabs(
  [
    { id: 'result', label: 'Result', content: result },
    { id: 'output', label: 'Output', content: output.element },
    { id: 'details', label: 'Details', content: details },
  ],
  tab => {
    if (selecting || !shown) return;
    chosen = tab;
    save({ task: shown.task.id, tab });
  },
);
const main = el('main', { hidden: true }, header.element, sections.element);
document.body.append(problem, main);

receive(message => {
  switch (message.t) {
    case 'show':
      problem.hidden = true;
      show(message.state, message.reveal);
      break;
    case 'output':
      if (message.task !== shown?.task.id) break;
      output.append(message.lines);
      arrange(shown);
      break;
    case 'problem':
      problem.textContent = message.text;
      problem.hidden = false;
      break;
  }
});
send({ t: 'ready' });

function show(state: PanelState, reveal?: 'history'): void {
  const sameTask = shown?.task.id === state.task.id;
  if (!sameTask) {
    const before = saved();
    chosen = before?.task === state.task.id ? before.tab : undefined;
    save({ task: state.task.id, tab: chosen });
  }
  shown = state;
  main.hidden = false;
  header.update(state);
  // What is the same stays, with what the person opened, selected and scrolled in it.
  const key = JSON.stringify([
    state.task.id,
    state.task.state,
    state.task.wait,
    state.task.attempt,
    !!state.value,
    state.error,
  ]);
  if (key !== resultKey) result.replaceChildren(resultView(state));
  resultKey = key;
  if (!sameTask || output.pieces !== state.output.length) output.show(state.output, state.outputCut);
  const { element, history } = detailsView(state);
  details.replaceChildren(element);
  if (reveal) chosen = 'details';
  arrange(state);
  if (reveal) history.reveal();
}

/** While a task prints and nobody chose a tab, its output is what one looks at; after its end, the result. */
function arrange({ task }: PanelState): void {
  sections.setCount('output', output.lines);
  selecting = true;
  sections.select(chosen ?? (!hasEnded(task) && output.lines > 0 ? 'output' : 'result'));
  selecting = false;
}
