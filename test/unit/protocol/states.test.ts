import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  isTerminal,
  type TaskEvent,
  type TaskState,
  taskStates,
  terminalStates,
  transition,
} from '../../../protocol/tasks/states.ts';

const events: TaskEvent[] = [
  { type: 'claim' },
  { type: 'start' },
  { type: 'result', outcome: 'succeeded' },
  { type: 'result', outcome: 'failed' },
  { type: 'stopped' },
  { type: 'cancel' },
  { type: 'lease-lost', attemptsLeft: true },
  { type: 'lease-lost', attemptsLeft: false },
  { type: 'deadline' },
];

test('the whole table', () => {
  const name = (event: TaskEvent) =>
    event.type === 'result'
      ? event.outcome
      : event.type === 'lease-lost'
        ? `${event.type}${event.attemptsLeft ? '' : '!'}`
        : event.type;
  const table = taskStates
    .filter(state => !isTerminal(state))
    .map(
      state =>
        `${state}: ${
          events.flatMap(event => transition(state, event) ?? []).length === 0
            ? ''
            : events
                .filter(event => transition(state, event))
                .map(event => `${name(event)}→${transition(state, event)}`)
                .join(' ')
        }`,
    );
  expect(table).toMatchInlineSnapshot(`
    [
      "queued: claim→leased succeeded→succeeded failed→failed cancel→cancelled deadline→expired",
      "leased: start→running succeeded→succeeded failed→failed cancel→cancelling lease-lost→queued lease-lost!→lost",
      "running: succeeded→succeeded failed→failed cancel→cancelling lease-lost→queued lease-lost!→lost",
      "cancelling: succeeded→succeeded failed→failed stopped→cancelled lease-lost→cancelled lease-lost!→cancelled",
    ]
  `);
});

test('a terminal state never changes (P2)', () => {
  for (const state of terminalStates) for (const event of events) expect(transition(state, event)).toBeUndefined();
});

test('whatever happens, a task can still end', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...events)), history => {
      let state: TaskState = 'queued';
      for (const event of history) state = transition(state, event) ?? state;
      if (isTerminal(state)) return;
      const ends = events.some(event => {
        const next = transition(state, event);
        return next !== undefined && isTerminal(next);
      });
      expect(ends).toBe(true);
    }),
  );
});
