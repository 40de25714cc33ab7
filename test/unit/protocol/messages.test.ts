import { describe, expect, test } from 'vitest';
import { ManagerOutput, Workers } from '../../../protocol/agent-manager/messages.ts';
import { Output, Result, Welcome } from '../../../protocol/broker-agent/messages.ts';
import { SubmitTask } from '../../../protocol/client-broker/tasks.ts';
import { closeCodes, closeReason } from '../../../protocol/close-codes.ts';
import { RunaboutError } from '../../../protocol/errors/error.ts';
import { decodeFrame, encodeMessage } from '../../../protocol/frames.ts';
import { newId } from '../../../protocol/ids.ts';
import { limits } from '../../../protocol/limits.ts';
import { TaskError } from '../../../protocol/tasks/error.ts';

// What the schemas refuse because somebody further on could not take it.

/** An error with so many causes, each of the one before. */
function caused(causes: number): TaskError {
  let error: TaskError = { code: 'function-threw', message: 'x' };
  for (let i = 0; i < causes; i++) error = { code: 'function-threw', message: 'x', cause: error };
  return error;
}

describe('the causes of an error', () => {
  test('as many as there may be pass', () => {
    const error = caused(limits.causes);
    expect(TaskError.parse(error)).toEqual(error);
  });

  test.each([limits.causes + 1, 100_000])('%i are refused on every hop, without following them', causes => {
    expect(TaskError.safeParse(caused(causes)).error?.issues[0]?.message).toMatch(/^more than \d+ causes$/);
  });

  test('what is no error at all is refused, not thrown at', () => {
    for (const value of [null, 1, 'x', [], { cause: null }, { cause: 1 }]) {
      expect(TaskError.safeParse(value).success).toBe(false);
    }
  });

  test('a result may have none', () => {
    const timings = { loadMs: 0, runMs: 0, agentMs: 0 };
    const result = { t: 'result', task: newId(), attempt: 1, outcome: 'cancelled', timings };
    expect(Result.safeParse(result).success).toBe(true);
  });
});

test('no output from before 1970: the client could not read it back', () => {
  const chunk = { t: 'output', task: newId(), attempt: 1, seq: 0, at: -1, stream: 'stdout' };
  expect(Output.safeParse(chunk).success).toBe(false);
  expect(ManagerOutput.safeParse(chunk).success).toBe(false);
  expect(Output.safeParse({ ...chunk, at: 0 }).success).toBe(true);
});

test('an idempotency key is well-formed: two halves of characters would be stored as one key', () => {
  const id = newId();
  const task = { function: { id }, endpoint: id, args: { type: 'application/json', text: '[]' } };
  expect(SubmitTask.safeParse({ ...task, idempotencyKey: 'a\ud800' }).success).toBe(false);
  expect(SubmitTask.safeParse({ ...task, idempotencyKey: '\ud83d\ude00' }).success).toBe(true);
});

test('a lease has a length that a timer can hold', () => {
  const welcome = { t: 'welcome', proto: 1, epoch: 1, endpoint: { id: newId(), name: 'lab' } };
  for (const leaseMs of [-1, 0, 1, 2 ** 40]) expect(Welcome.safeParse({ ...welcome, leaseMs }).success).toBe(false);
  expect(Welcome.safeParse({ ...welcome, leaseMs: 30_000 }).success).toBe(true);
});

test('no process group that is the own one, or everybody', () => {
  for (const group of [-5, 0, 1])
    expect(Workers.safeParse({ t: 'workers', starting: 0, groups: [group] }).success).toBe(false);
});

test('a frame holds so many messages', () => {
  const one = encodeMessage({ t: 'x' });
  const frame = (count: number) => Buffer.alloc(count * one.length, one);
  expect(decodeFrame(frame(limits.frameMessages))).toHaveLength(limits.frameMessages);
  expect(() => decodeFrame(frame(limits.frameMessages + 1))).toThrow(
    expect.objectContaining({ code: 'frame-invalid' }),
  );
});

test('a close reason fits its frame and can be read', () => {
  const error = new RunaboutError('request-invalid', `wrong\n\u202e€ ${'x'.repeat(500)}`);
  expect(closeReason(error)).toMatch(/^request-invalid: wrong +x{50,}$/);
  expect(closeReason(error).length).toBeLessThanOrEqual(123);
  expect(closeReason('text')).toBe('request-invalid: text');
  expect(Object.values(closeCodes).every(code => code >= 4000 && code < 5000)).toBe(true);
});
