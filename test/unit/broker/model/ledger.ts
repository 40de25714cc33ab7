import type { TaskState } from '../../../../protocol/tasks/states.ts';

/** What the broker's record of a task says of its progress. */
export interface Progress {
  state: TaskState;
  attempt: number;
  steps: number;
}

/** What happened outside the store, as those saw it to whom it happened. Times are in milliseconds of the model's clock. */
export type Entry =
  /** A client got the acknowledgement of a task. */
  | { what: 'submitted'; task: string; maxAttempts: number; key?: string; content: string }
  /** A client was refused: its key stands for another content. */
  | { what: 'refused'; key: string; content: string }
  /** The broker took a session for its endpoint; a foreign one has none of the agent's journal. */
  | { what: 'welcomed'; endpoint: string; epoch: number; foreign: boolean }
  /** The broker promised to leave an endpoint its tasks until then. */
  | { what: 'leased'; endpoint: string; until: number }
  /** The function itself: it began, it came to its end, or something brought it down. `run` is the ledger's length then. */
  | { what: 'began'; task: string; run: number; endpoint: string; at: number }
  | { what: 'finished'; task: string; run: number }
  | { what: 'killed'; task: string; run: number }
  /** The broker took a message of an attempt. */
  | { what: 'taken'; task: string; attempt: number; endpoint: string; epoch: number; before: Progress; after: Progress }
  /** The broker deleted what it keeps no longer. */
  | { what: 'purged'; at: number }
  /** The broker confirmed a result. */
  | { what: 'confirmed'; task: string; attempt: number; outcome: 'succeeded' | 'failed'; value: string };

export type Ledger = Entry[];
