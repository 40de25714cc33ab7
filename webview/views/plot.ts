/** Numbers as a line: an own small SVG, drawn anew when its width changes. */
import type { ValueView } from '../../protocol/panel/messages.ts';
import { shortNumber, ticks } from '../axis.ts';
import { el, svg } from '../dom.ts';
import './plot.css';

type Plot = Extract<ValueView, { kind: 'plot' }>;

const HEIGHT = 260;
const MARGIN = { top: 10, right: 16, bottom: 42, left: 64 };

/** Structured cloning over VS Code's bridge turns NaN and infinities to null: a gap in the line. */
const isNumber = (y: number | null | undefined): y is number => Number.isFinite(y);

export function plot({ y, length }: Plot): HTMLElement {
  const known = y.filter(isNumber);
  const low = Math.min(...known);
  const high = Math.max(...known);
  const range = known.length > 0 ? `from ${shortNumber(low)} to ${shortNumber(high)}` : 'none of them finite';
  const summary = `${length.toLocaleString('en')} numbers, ${range}`;

  const drawing = el('div', {
    class: 'plot-drawing',
    role: 'img',
    tabindex: 0,
    'aria-label': `Line plot of ${summary}. The arrow keys read single values.`,
  });
  const readout = el('p', { class: 'note', role: 'status' }, summary);
  const figure = el('figure', { class: 'plot' }, drawing, readout);
  if (known.length === 0) return figure;

  /** The position in the full sequence that the i-th sample stands for. */
  const position = (i: number) => (y.length > 1 ? Math.round((i * (length - 1)) / (y.length - 1)) : 0);
  const yTicks = ticks(low, high, 5);
  const bottom = Math.min(low, yTicks[0]!);
  const top = Math.max(high, yTicks.at(-1)!);
  let width = 0;
  let selected = -1;

  const xAt = (at: number) =>
    MARGIN.left + (length > 1 ? at / (length - 1) : 0.5) * (width - MARGIN.left - MARGIN.right);
  const yAt = (value: number) =>
    HEIGHT - MARGIN.bottom - ((value - bottom) / (top - bottom)) * (HEIGHT - MARGIN.top - MARGIN.bottom);

  const cursor = svg('g', { class: 'plot-cursor' });
  const draw = () => {
    const right = width - MARGIN.right;
    const base = HEIGHT - MARGIN.bottom;
    const xTicks = ticks(0, length - 1, Math.max(2, Math.floor(width / 110))).filter(
      at => Number.isInteger(at) && at < length,
    );
    const picture = svg(
      'svg',
      { width, height: HEIGHT, 'aria-hidden': 'true' },
      ...yTicks.flatMap(value => [
        svg('line', { class: 'plot-grid', x1: MARGIN.left, x2: right, y1: yAt(value), y2: yAt(value) }),
        svg('text', { x: MARGIN.left - 8, y: yAt(value) + 4, 'text-anchor': 'end' }, shortNumber(value)),
      ]),
      svg('line', { class: 'plot-axis', x1: MARGIN.left, x2: right, y1: base, y2: base }),
      ...xTicks.map(at => svg('text', { x: xAt(at), y: base + 17, 'text-anchor': 'middle' }, at.toLocaleString('en'))),
      svg('text', { x: (MARGIN.left + right) / 2, y: HEIGHT - 6, 'text-anchor': 'middle' }, 'index'),
      svg('text', { class: 'plot-y-label', transform: `translate(13 ${base / 2}) rotate(-90)` }, 'value'),
      ...segments(y).map(segment =>
        segment.length > 1
          ? svg('polyline', {
              class: 'plot-line',
              points: segment.map(i => `${xAt(position(i)).toFixed(1)},${yAt(y[i]!).toFixed(1)}`).join(' '),
            })
          : svg('circle', { class: 'plot-dot', r: 2.5, cx: xAt(position(segment[0]!)), cy: yAt(y[segment[0]!]!) }),
      ),
      cursor,
    );
    drawing.replaceChildren(picture);
    select(selected);
  };

  const select = (i: number) => {
    selected = i;
    const value = y[i];
    cursor.replaceChildren();
    if (i < 0) {
      readout.textContent = summary;
      return;
    }
    readout.textContent = `[${position(i).toLocaleString('en')}] = ${isNumber(value) ? String(value) : 'not finite'}`;
    const x = xAt(position(i));
    cursor.append(svg('line', { x1: x, x2: x, y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom }));
    if (isNumber(value)) cursor.append(svg('circle', { r: 3.5, cx: x, cy: yAt(value) }));
  };

  drawing.addEventListener('pointermove', event => {
    const along = (event.offsetX - MARGIN.left) / (width - MARGIN.left - MARGIN.right);
    select(Math.round(Math.min(1, Math.max(0, along)) * (y.length - 1)));
  });
  drawing.addEventListener('pointerleave', () => select(-1));
  drawing.addEventListener('blur', () => select(-1));
  drawing.addEventListener('keydown', event => {
    const step = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10 }[event.key];
    const to = event.key === 'Home' ? 0 : event.key === 'End' ? y.length - 1 : step && selected + step;
    if (to === undefined) return;
    select(Math.min(y.length - 1, Math.max(0, to)));
    event.preventDefault();
  });
  new ResizeObserver(([entry]) => {
    width = Math.max(240, Math.floor(entry!.contentRect.width));
    draw();
  }).observe(drawing);
  return figure;
}

/** Runs of neighbouring finite values, as indices. */
function segments(y: number[]): number[][] {
  const runs: number[][] = [];
  let run: number[] = [];
  for (const [i, value] of y.entries()) {
    if (isNumber(value)) {
      if (run.length === 0) runs.push(run);
      run.push(i);
    } else {
      run = [];
    }
  }
  return runs;
}
