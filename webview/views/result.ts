/** What came of a task: its value, its error, or why there is none yet. */
import type { PanelState, ValueState } from '../../protocol/panel/messages.ts';
import { el } from '../dom.ts';
import { hasEnded } from '../format.ts';
import { errorView } from './error.ts';
import { image } from './image.ts';
import { plot } from './plot.ts';
import { table } from './table.ts';
import { valueTree } from './tree.ts';
import { waitView } from './wait.ts';

export function resultView({ task, value, error, errorKind }: PanelState): HTMLElement {
  if (value) return valueView(value);
  if (error) return errorView(error, errorKind);
  if (!hasEnded(task)) return waitView(task);
  // The record is here before the rest of the result.
  return task.error ? errorView(task.error, errorKind) : el('p', { class: 'note' }, 'Loading the result …');
}

/** The value at its best, and as a tree: beneath, closed, when there is a better view. */
function valueView({ tree, view, cut }: ValueState): HTMLElement {
  // A table says itself how much of it is shown, and a plot shows all there is.
  const note = cut !== undefined && el('p', { class: 'cut', role: 'note' }, cut);
  if (!view) return el('div', {}, note, valueTree(tree));
  const details = el('details', {}, el('summary', {}, 'Value as a tree'), note, valueTree(tree));
  return el('div', {}, pictureOf(view), details);
}

function pictureOf(view: NonNullable<ValueState['view']>): HTMLElement {
  switch (view.kind) {
    case 'table':
      return table(view);
    case 'plot':
      return plot(view);
    case 'image':
      return image(view);
  }
}
