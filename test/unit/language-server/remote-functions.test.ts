import { expect, test } from 'vitest';
import type { BrokerClient } from '../../../client/client.ts';
import { RemoteFunctions } from '../../../language-server/broker/remote-functions.ts';
import type { BrokerEvent } from '../../../protocol/client-broker/events.ts';
import type { TaskRecord } from '../../../protocol/client-broker/tasks.ts';

const task = (state: TaskRecord['state'], id = 't1') =>
  ({ id, state, function: { name: 'p/a#f' }, endpoint: { id: 'e', name: 'lab' } }) as TaskRecord;
const event = (state: TaskRecord['state'], id?: string) =>
  ({ t: 'task', seq: 1, at: 0, task: task(state, id) }) as unknown as BrokerEvent;

/** Only the order of answers and events is at stake: a client whose answers a test holds back. */
function remote() {
  const answer = Promise.withResolvers<{ items: TaskRecord[] }>();
  const client = {
    findFunction: async () => ({ id: 'f', name: 'p/a#f', latest: { version: 1 } }),
    listTasks: () => answer.promise,
    taskOutput: async () => ({ chunks: [] }),
    taskResult: async () => ({}),
  } as unknown as BrokerClient;
  return {
    functions: new RemoteFunctions(
      () => client,
      () => {},
    ),
    answer: (items: TaskRecord[]) => answer.resolve({ items }),
  };
}

test('what happens while a function is loading is newer than the answer', async () => {
  const { functions, answer } = remote();
  const loading = functions.load('p/a#f');
  functions.event(event('cancelled'));
  answer([task('running')]);
  expect((await loading)!.run!.task.state).toBe('cancelled');
});

test('a task that was made while its function was loading is shown', async () => {
  const { functions, answer } = remote();
  const loading = functions.load('p/a#f');
  functions.event(event('queued', 't2'));
  answer([task('succeeded', 't1')]);
  expect((await loading)!.run!.task.id).toBe('t2');
});

test('an answer that was under way when everything is asked for again is dropped', async () => {
  const { functions, answer } = remote();
  const loading = functions.load('p/a#f');
  functions.reset();
  answer([task('running')]);
  expect(await loading).toBeUndefined();
  expect(functions.get('p/a#f')).toBeUndefined();
});

test('events that overtake the answer to a submission are newer', async () => {
  const { functions, answer } = remote();
  answer([]);
  await functions.load('p/a#f');
  functions.event(event('running'));
  functions.submitted(task('queued'));
  expect(functions.get('p/a#f')!.run!.task.state).toBe('running');
});
