/**
 * What the extension and the result panel (a webview) tell each other by `postMessage`. Data goes down as a whole
 * {@link PanelState}; actions come up. Types only: the webview bundles no schema library.
 */
import type { HistoryEntry, TaskRecord } from '../client-broker/tasks.ts';
import type { Whose } from '../errors/registry.ts';
import type { TaskError } from '../tasks/error.ts';

/** A value cut to what a page can show. The extension decodes and cuts; the page only draws. */
export type ViewNode =
  | { kind: 'leaf'; type: string; text: string }
  /** `omitted`: how many entries were cut off. */
  | { kind: 'branch'; type: string; label: string; entries: { key: string; value: ViewNode }[]; omitted: number };

/** How a value may be shown besides its tree. */
export type ValueView =
  | { kind: 'table'; columns: string[]; rows: string[][]; omitted: number }
  /** A line plot: `y` is sampled down to at most 2,000 points, `length` is how many there were. */
  | { kind: 'plot'; y: number[]; length: number }
  | { kind: 'image'; mime: 'image/png'; base64: string };

export interface ValueState {
  tree: ViewNode;
  view?: ValueView;
  /** Encoded size in bytes. */
  size: number;
  /** What was cut before it came here, as a sentence. */
  cut?: string;
}

export interface OutputLine {
  at: number;
  stream: 'stdout' | 'stderr' | 'item';
  /** As it was printed: several lines, or a part of one, which the next of the same stream goes on with. */
  text: string;
}

/** What `protocol/errors` says of an error's code. */
export interface ErrorKind {
  whose: Whose;
  title: string;
}

/** Everything the panel shows. */
export interface PanelState {
  task: TaskRecord;
  value?: ValueState;
  error?: TaskError;
  /** Of the error's code, where the registry has it. */
  errorKind?: ErrorKind;
  /** Its changes of state, oldest first: the newest of them, and how many came before. */
  history: HistoryEntry[];
  earlier: number;
  output: OutputLine[];
  /** What of the output is not shown, as a sentence. */
  outputCut?: string;
}

/** Extension → page. */
export type ToPanel =
  /** `reveal`: the person asked for that part. */
  | { t: 'show'; state: PanelState; reveal?: 'history' }
  /** More output of the task that is shown. */
  | { t: 'output'; task: string; lines: OutputLine[] }
  /** The broker cannot be reached, or the task is gone. */
  | { t: 'problem'; text: string };

/** Page → extension. */
export type FromPanel =
  | { t: 'ready' }
  | { t: 'copy' }
  | { t: 'save' }
  | { t: 'open-json' }
  | { t: 'run-again' }
  | { t: 'cancel' }
  | { t: 'open-frame'; file: string; line: number; column: number };
