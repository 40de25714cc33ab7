import type { ValueView } from '../../protocol/panel/messages.ts';
import { el } from '../dom.ts';
import { plural } from '../format.ts';
import './table.css';

const NUMBER = /^-?(\d[\d_]*\.?\d*(e[+-]?\d+)?|Infinity|NaN)n?$/i;

/** Records as a table; columns of numbers stand to the right. */
export function table({ columns, rows, omitted }: Extract<ValueView, { kind: 'table' }>): HTMLElement {
  const numeric = columns.map((_, i) => rows.every(row => !row[i] || NUMBER.test(row[i])));
  const cell = (tag: 'td' | 'th', text: string, i: number) =>
    el(tag, { class: numeric[i] ? 'number' : undefined, scope: tag === 'th' ? 'col' : undefined }, text);
  const size = `${plural(rows.length + omitted, 'row')}, ${plural(columns.length, 'column')}`;
  return el(
    'div',
    { class: 'table-view' },
    el(
      'div',
      { class: 'table-scroll', role: 'region', 'aria-label': `Table: ${size}`, tabindex: 0 },
      el(
        'table',
        {},
        el('thead', {}, el('tr', {}, ...columns.map((name, i) => cell('th', name, i)))),
        el('tbody', {}, ...rows.map(row => el('tr', {}, ...columns.map((_, i) => cell('td', row[i] ?? '', i))))),
      ),
    ),
    el(
      'p',
      { class: 'note' },
      omitted > 0 ? `${size}; the first ${rows.length.toLocaleString('en')} are shown.` : size,
    ),
  );
}
