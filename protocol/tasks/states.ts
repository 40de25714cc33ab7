/**
 * The life of a task, as one pure table that the store and the model tests share (../../docs/protocol.md draws it).
 *
 * ```
 * submit ──► queued ──claim (attempt+1)──► leased ──start──► running ──result──► succeeded | failed
 *              ▲                             │                  │
 *              └────── lease lost, attempts left ──────────────┘     none left ─► lost
 * deadline ─► expired      cancel: queued ─► cancelled; leased, running ─► cancelling ─► cancelled
 * ```
 *
 * The fence is (task, attempt): a message of another attempt than the task's current one changes nothing. A task that
 * was put back to `queued` still takes the result of its last attempt until it is claimed again.
 */
export const taskStates = [
  'queued',
  'leased',
  'running',
  'cancelling',
  'succeeded',
  'failed',
  'cancelled',
  'expired',
  'lost',
] as const;
export type TaskState = (typeof taskStates)[number];

export const terminalStates = [
  'succeeded',
  'failed',
  'cancelled',
  'expired',
  'lost',
] as const satisfies readonly TaskState[];
export type TerminalState = (typeof terminalStates)[number];

export function isTerminal(state: TaskState): state is TerminalState {
  return (terminalStates as readonly TaskState[]).includes(state);
}

export type TaskEvent =
  /** The broker committed the task to an agent's session, as attempt + 1. */
  | { type: 'claim' }
  /** The agent started the attempt on a worker. */
  | { type: 'start' }
  /** The attempt ended by itself. */
  | { type: 'result'; outcome: 'succeeded' | 'failed' }
  /** The attempt was stopped because it was cancelled. */
  | { type: 'stopped' }
  /** Somebody asked to cancel. */
  | { type: 'cancel' }
  /** The session that held the task is gone, or the agent says that the attempt is. */
  | { type: 'lease-lost'; attemptsLeft: boolean }
  /** The deadline passed. */
  | { type: 'deadline' };

const ended = { queued: undefined, leased: undefined, running: undefined, cancelling: undefined };

/**
 * The state after `event`, or `undefined` when the event does not apply in `state` (the caller then answers "stale", or
 * that the task has ended). Terminal states take no event.
 */
export function transition(state: TaskState, event: TaskEvent): TaskState | undefined {
  switch (event.type) {
    case 'claim':
      return state === 'queued' ? 'leased' : undefined;
    case 'start':
      return state === 'leased' ? 'running' : undefined;
    case 'result':
      // A function that ended before its cancellation reached it has ended: the result counts.
      return Object.hasOwn(ended, state) ? event.outcome : undefined;
    case 'stopped':
      return state === 'cancelling' ? 'cancelled' : undefined;
    case 'cancel':
      if (state === 'queued') return 'cancelled';
      return state === 'leased' || state === 'running' ? 'cancelling' : undefined;
    case 'lease-lost':
      if (state === 'cancelling') return 'cancelled';
      if (state !== 'leased' && state !== 'running') return undefined;
      return event.attemptsLeft ? 'queued' : 'lost';
    case 'deadline':
      // A task that started in time may finish; the deadline is for starting.
      return state === 'queued' ? 'expired' : undefined;
  }
}
