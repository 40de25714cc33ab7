// What the views of the editor are made of, against a real broker.
import { expect, onTestFinished, test } from 'vitest';
import { Session, type SessionState } from '../../../extension/connection/session.ts';
import { Lists } from '../../../extension/lists/lists.ts';
import { target, testBroker } from '../../support/broker.ts';
import { folder } from '../../support/folder.ts';
import { until } from '../../support/until.ts';

function editor() {
  const session = new Session('runabout-test');
  const lists = new Lists(session);
  const states: SessionState['state'][] = [];
  session.onDidChangeState(({ state }) => states.push(state));
  onTestFinished(() => {
    lists.dispose();
    session.dispose();
  });
  return { session, lists, states };
}

const ready = (lists: Lists) =>
  until('all lists are ready', () =>
    [lists.endpoints, lists.functions, lists.tasks, lists.active].every(({ status }) => status === 'ready'),
  );

test('lists load with the connection and follow events', async () => {
  const broker = await testBroker();
  const { session, lists, states } = editor();
  session.use({ url: broker.url, token: broker.ownerToken });
  await ready(lists);
  expect(states).toEqual(['connecting', 'connected']);
  expect(lists.tasks.all()).toEqual([]);

  const { submit, endpoint, fn, client } = await target(broker.client());
  const first = await submit();
  const second = await submit();
  await until('both tasks are there', () => lists.tasks.size === 2);
  expect(lists.tasks.all().map(({ id }) => id)).toEqual([second.id, first.id]);
  expect(lists.active.size).toBe(2);
  expect(lists.tasks.get(first.id)?.wait?.text).toBeTruthy();
  expect(lists.endpoints.all().map(({ name }) => name)).toEqual([endpoint.name]);
  expect(lists.functions.get(fn.id)?.name).toBe(fn.name);

  await client.cancelTask(first.id);
  await until('it has ended', () => lists.active.size === 1);
  expect(lists.tasks.get(first.id)?.state).toBe('cancelled');

  await client.deleteFunction(fn.id);
  await client.deleteEndpoint(endpoint.id);
  await until('both are gone', () => lists.functions.size + lists.endpoints.size === 0);
});

test('tasks come in pages, the newest first', async () => {
  const broker = await testBroker();
  const { client, fn, endpoint } = await target(broker.client());
  const args = await client.encodeArguments([]);
  await client.submit(Array.from({ length: 70 }, () => ({ function: { id: fn.id }, endpoint: endpoint.id, args })));
  const { session, lists } = editor();
  session.use({ url: broker.url, token: broker.ownerToken });
  await ready(lists);
  expect(lists.tasks.size).toBe(50);
  expect(lists.tasks.hasMore).toBe(true);
  expect(lists.active.size).toBe(70);
  await lists.loadMoreTasks();
  expect(lists.tasks.size).toBe(70);
  expect(lists.tasks.hasMore).toBe(false);
});

test('a broker that goes away keeps the last lists, says since when, and is found again', async () => {
  const broker = await testBroker();
  await target(broker.client());
  const { session, lists, states } = editor();
  session.use({ url: broker.url, token: broker.ownerToken });
  await ready(lists);
  const before = Date.now();
  await broker.close();
  const lost = await until('the loss is noticed', () => session.state.state === 'disconnected' && session.state);
  expect(lost.since).toBeGreaterThanOrEqual(before);
  expect(lost.problem.explained).toContain(broker.url);
  expect(lists.endpoints.size).toBe(1);

  const again = await testBroker({ dataDir: broker.dataDir, port: broker.port });
  await until('it is found', () => session.state.state === 'connected');
  expect(states.filter(state => state === 'disconnected')).toHaveLength(1);
  await again.client().createEndpoint('second');
  await until('events go on', () => lists.endpoints.size === 2);
});

test('a token that is not taken is refused, and another one heals it in place', async () => {
  const broker = await testBroker();
  const { session, lists } = editor();
  session.use({ url: broker.url, token: 'rbo_wrong' });
  const refused = await until('it is refused', () => session.state.state === 'refused' && session.state);
  expect(refused.problem.code).toBe('token-invalid');
  expect(() => session.requireClient()).toThrow(refused.problem);
  session.use({ url: broker.url, token: broker.ownerToken });
  await ready(lists);
  expect(session.state.state).toBe('connected');
});

test('nothing of one broker is shown for another, or for none', async () => {
  const one = await testBroker();
  const other = await testBroker({ dataDir: folder('other') });
  await target(one.client(), 'of-one');
  await target(other.client(), 'of-other');
  const { session, lists } = editor();
  session.use({ url: one.url, token: one.ownerToken });
  await ready(lists);
  session.use({ url: other.url, token: other.ownerToken });
  expect(lists.endpoints.size).toBe(0);
  await ready(lists);
  expect(lists.endpoints.all().map(({ name }) => name)).toEqual(['of-other']);
  session.use(undefined);
  expect(lists.endpoints.size + lists.functions.size).toBe(0);
  expect(session.state).toEqual({ state: 'none' });
  expect(() => session.requireClient()).toThrow(/Not connected/);
});
