/** What a task printed and yielded, as it comes. */
import type { OutputLine } from '../../protocol/panel/messages.ts';
import { el } from '../dom.ts';
import { clock, plural } from '../format.ts';
import { checkbox } from '../ui/components.ts';
import './output.css';

/** Lines that stay on the page; older ones make room, and the note says so. */
const MOST_LINES = 5000;

const streamNames = { stdout: '', stderr: 'err', item: 'item' } as const;

export interface OutputView {
  element: HTMLElement;
  /** Replaces everything. `cut` says what is missing before it. */
  show(output: OutputLine[], cut: string | undefined): void;
  append(output: OutputLine[]): void;
  /** How many pieces of output came since the last `show`, its own included. */
  readonly pieces: number;
  /** How many lines there are, those that made room included. */
  readonly lines: number;
}

export function outputView(): OutputView {
  const note = el('p', { class: 'note' });
  const empty = el('p', { class: 'note' }, 'The function has printed nothing.');
  const log = el('div', { class: 'output-log', role: 'log', 'aria-label': 'Output', tabindex: 0 });
  const timeStamps = checkbox('Time stamps', checked => log.classList.toggle('with-times', checked));
  const element = el('div', { class: 'output' }, el('div', { class: 'output-bar' }, timeStamps), note, empty, log);
  let cutBefore: string | undefined;
  let pieces = 0;
  let dropped = 0;
  /** The last line, while no line break has ended it. */
  let open: { stream: OutputLine['stream']; text: string; shown: Element } | undefined;

  const refresh = () => {
    const made = dropped > 0 ? `${plural(dropped, 'earlier line')} not shown here.` : undefined;
    note.textContent = [cutBefore, made].filter(Boolean).join(' ');
    note.hidden = note.textContent === '';
    empty.hidden = log.childElementCount > 0;
    log.hidden = !empty.hidden;
  };

  /** The rows that a piece begins; what ends the open line goes into its row. */
  function* rowsOf({ at, stream, text }: OutputLine): Generator<HTMLElement> {
    const parts = stream === 'item' ? [text, ''] : text.split('\n');
    for (const [i, part] of parts.entries()) {
      const last = i === parts.length - 1;
      if (i === 0 && open?.stream === stream) {
        open.text += part;
        open.shown.textContent = readable(open.text);
      } else if (!last || part !== '') {
        const shown = el('span', { class: 'output-text' }, readable(part));
        open = { stream, text: part, shown };
        yield el(
          'div',
          { class: `output-line stream-${stream}` },
          el('span', { class: 'output-time' }, clock(at)),
          el('span', { class: 'output-stream' }, streamNames[stream]),
          shown,
        );
      }
      if (!last) open = undefined;
    }
  }

  const view: OutputView = {
    element,
    show(output, cut) {
      cutBefore = cut;
      pieces = 0;
      dropped = 0;
      open = undefined;
      log.replaceChildren();
      view.append(output);
    },
    append(output) {
      const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 8;
      pieces += output.length;
      const rows = output.flatMap(piece => [...rowsOf(piece)]);
      const fitting = rows.slice(-MOST_LINES);
      const surplus = Math.max(0, log.childElementCount + fitting.length - MOST_LINES);
      for (let i = 0; i < surplus; i++) log.firstElementChild!.remove();
      log.append(...fitting);
      dropped += surplus + (rows.length - fitting.length);
      refresh();
      if (atEnd) log.scrollTop = log.scrollHeight;
    },
    get pieces() {
      return pieces;
    },
    get lines() {
      return log.childElementCount + dropped;
    },
  };
  refresh();
  return view;
}

/** Colours and cursor movements of a terminal (ECMA-48 CSI and OSC sequences) mean nothing on a page. */
const ESC = String.fromCharCode(0x1b);
const SEQUENCES = new RegExp(`${ESC}(?:\\[[0-9;?]*[ -/]*[@-~]|\\][^\\p{Cc}]*(?:\\p{Cc}\\\\?))`, 'gu');
const CONTROLS = /(?!\t)\p{Cc}/gu;

/** A line as a terminal would leave it: a carriage return begins it anew, as progress bars do. */
function readable(line: string): string {
  const text = line.replace(SEQUENCES, '').replace(/\r+$/, '');
  return text.slice(text.lastIndexOf('\r') + 1).replace(CONTROLS, '');
}
