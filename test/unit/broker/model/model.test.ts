import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Violation } from './checker.ts';
import { type Action, actions, run } from './history.ts';
import { mutants } from './mutants.ts';

/** `MODEL_SEED` and `MODEL_PATH`, as a failure prints them, run its history again; `MODEL_HISTORIES` runs more. */
const { MODEL_SEED, MODEL_PATH, MODEL_HISTORIES, CI } = process.env;
const parameters = {
  numRuns: Number(MODEL_HISTORIES ?? (CI ? 5_000 : 1_000)),
  ...(MODEL_SEED === undefined ? {} : { seed: Number(MODEL_SEED) }),
  ...(MODEL_PATH === undefined ? {} : { path: MODEL_PATH }),
};

it('keeps every promise over random histories of clients, agents, faults and time', () => {
  void fc.assert(
    fc.property(actions, history => run(history)),
    parameters,
  );
}, 600_000);

// The random histories found it once in some ten thousand.
it('keeps I6 when a lease lapses again before the result of the first lapse is told', () => {
  const history: Action[] = [
    { do: 'submit', order: { endpoint: 0, maxAttempts: 3, content: '[1]' } },
    { do: 'work', agent: 0, choice: 0 },
    { do: 'lapse', agent: 0 },
    { do: 'finish', agent: 0, choice: 0, outcome: 'succeeded' },
    { do: 'submit', order: { endpoint: 0, maxAttempts: 1, content: '[1]' } },
    { do: 'work', agent: 0, choice: 0 },
    { do: 'pass', ms: 1001 },
    { do: 'claim', agent: 0, limit: 1 },
    { do: 'lapse', agent: 0 },
  ];
  run(history);
});

it('keeps I7 when a task expires while its agent holds an attempt that had not started when its lease lapsed', () => {
  const history: Action[] = [
    { do: 'submit', order: { endpoint: 0, maxAttempts: 2, content: '[1]', deadlineMs: 50 } },
    { do: 'submit', order: { endpoint: 0, maxAttempts: 1, content: '[1]' } },
    { do: 'work', agent: 0, choice: 1 },
    { do: 'lapse', agent: 0 },
    { do: 'connect', agent: 0 },
    { do: 'pass', ms: 1001 },
    { do: 'claim', agent: 0, limit: 1 },
    { do: 'work', agent: 0, choice: 0 },
  ];
  run(history);
});

describe('the checker notices a system that', () => {
  // Always the same histories, so that the proof does not hang on luck.
  it.each(mutants)(
    '$name',
    ({ caughtBy, ...mutation }) => {
      const outcome = fc.check(
        fc.property(actions, history => run(history, mutation)),
        { numRuns: 2_000, seed: 1, endOnFailure: true },
      );
      expect(outcome).toMatchObject({ errorInstance: expect.any(Violation) });
      expect(caughtBy).toContain((outcome.errorInstance as Violation).invariant);
    },
    60_000,
  );

  it('tells a start between hello and welcome to nobody', () => {
    const history: Action[] = [
      { do: 'submit', order: { endpoint: 0, maxAttempts: 1, content: '[1]' } },
      { do: 'connect', agent: 0 },
      { do: 'exchange', agent: 0 },
      { do: 'claim', agent: 0, limit: 1 },
      { do: 'to-agent', agent: 0, limit: 1 },
      { do: 'sync', agent: 0 },
      { do: 'connect', agent: 0 },
      { do: 'start', agent: 0, choice: 0 },
      { do: 'sync', agent: 0 },
      { do: 'exchange', agent: 0 },
      { do: 'bye', agent: 0 },
      { do: 'to-broker', agent: 0, limit: 9 },
    ];
    run(history);
    expect(() => run(history, { flaws: { tellsStartOnce: true } })).toThrow(/I4: task-1 began 2 times of 1/);
  });
});
