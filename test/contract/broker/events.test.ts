import { expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { type BrokerEvent, EventFrame, type Subscribe } from '../../../protocol/client-broker/events.ts';
import { target, testBroker } from '../../support/broker.ts';
import { MovableClock } from '../../support/clock.ts';
import { RawAgent, succeeded } from '../../support/raw-agent.ts';
import { until } from '../../support/until.ts';

type AnyEvent = EventFrame[number];

/** A raw event stream, with everything it received. */
async function listen(url: string, token: string, subscribe: Omit<Subscribe, 't'> = {}) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/events`, {
    headers: { authorization: `Bearer ${token}` },
  });
  onTestFinished(() => socket.terminate());
  const events: AnyEvent[] = [];
  const stream = { socket, events, closed: undefined as number | undefined };
  socket.on('message', data => events.push(...EventFrame.parse(JSON.parse(String(data)))));
  socket.on('close', code => {
    stream.closed = code;
  });
  await new Promise(resolve => socket.once('open', resolve));
  socket.send(JSON.stringify({ t: 'sub', ...subscribe }));
  await until('hello comes', () => events.some(({ t }) => t === 'hello'));
  return stream;
}

const hello = (events: AnyEvent[]) => events[0] as Extract<AnyEvent, { t: 'hello' }>;
const numbered = (events: AnyEvent[]) =>
  events.filter((event): event is BrokerEvent => 'seq' in event && event.t !== 'hello');
const statesOf = (events: AnyEvent[], id: string) =>
  numbered(events).flatMap(event => (event.t === 'task' && event.task.id === id ? [event.task.state] : []));
const isQueued = (events: AnyEvent[], id: string) => statesOf(events, id).includes('queued');

it('tells of every thing of its owner, in rising numbers, to the newest state', async () => {
  const broker = await testBroker();
  const { events } = await listen(broker.url, broker.ownerToken);
  const { client, fn, endpoint, agentToken, submit } = await target(broker.client());
  const task = await submit();
  const agent = await RawAgent.join(broker.url, agentToken, { credit: 1 });
  await agent.next('task', task.id);
  agent.send(...succeeded(task.id, 1));
  await until('the end is told', () => statesOf(events, task.id).includes('succeeded'));
  expect(numbered(events).some(event => event.t === 'function' && event.function.id === fn.id)).toBe(true);
  expect(numbered(events).some(event => event.t === 'endpoint' && event.endpoint.status.state === 'online')).toBe(true);
  const seqs = numbered(events).map(({ seq }) => seq);
  expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
  await client.deleteFunction(fn.id);
  await client.deleteEndpoint(endpoint.id);
  await until('the deletions are told', () => events.some(e => e.t === 'endpoint-deleted' && e.id === endpoint.id));
  expect(events.some(e => e.t === 'function-deleted' && e.id === fn.id)).toBe(true);
});

it('begins with now unless told otherwise', async () => {
  const broker = await testBroker();
  const { submit } = await target(broker.client());
  const before = await submit();
  const { events } = await listen(broker.url, broker.ownerToken);
  expect(hello(events)).toMatchObject({ complete: true });
  const after = await submit();
  await until('the new task is told', () => isQueued(events, after.id));
  expect(isQueued(events, before.id)).toBe(false);
});

it('resumes from a number without a gap, also over a restart of the broker', async () => {
  const broker = await testBroker();
  const at = await target(broker.client());
  const first = await listen(broker.url, broker.ownerToken);
  const seen = await at.submit();
  await until('the first is told', () => isQueued(first.events, seen.id));
  const from = numbered(first.events).at(-1)!.seq;
  first.socket.terminate();
  const missed: string[] = [];
  for (let i = 0; i < 3; i++) missed.push((await at.submit()).id);
  await broker.close();

  const again = await testBroker({ dataDir: broker.dataDir });
  const second = await listen(again.url, again.ownerToken, { from });
  expect(hello(second.events).complete).toBe(true);
  await until('all that was missed is told', () => missed.every(id => isQueued(second.events, id)));
  expect(numbered(second.events).every(({ seq }) => seq > from)).toBe(true);
  expect(isQueued(second.events, seen.id)).toBe(false);
});

it('replays long gaps and then goes on live', async () => {
  const broker = await testBroker();
  const { client, fn, endpoint, submit } = await target(broker.client());
  const { events: before } = await listen(broker.url, broker.ownerToken);
  const { seq: from } = hello(before);
  const args = await client.encodeArguments([]);
  const batch = Array.from({ length: 600 }, () => ({ function: { id: fn.id }, endpoint: endpoint.id, args }));
  const ids = [...(await client.submit(batch)), ...(await client.submit(batch))].map(({ id }) => id);
  const { events } = await listen(broker.url, broker.ownerToken, { from });
  const live = await submit();
  await until('the live one is told', () => isQueued(events, live.id));
  const told = new Set(numbered(events).flatMap(event => (event.t === 'task' ? [event.task.id] : [])));
  expect(ids.filter(id => !told.has(id))).toEqual([]);
});

it('says when it cannot resume: too far back, or from a number that never was', async () => {
  const broker = await testBroker({ eventsKept: 5 });
  const { submit } = await target(broker.client());
  for (let i = 0; i < 6; i++) await submit();
  for (const from of [0, 1_000_000]) {
    const { events } = await listen(broker.url, broker.ownerToken, { from });
    expect(hello(events).complete).toBe(false);
    const task = await submit();
    await until('it goes on live', () => isQueued(events, task.id));
    expect(numbered(events).every(({ seq }) => seq > hello(events).seq)).toBe(true);
  }
});

it("keeps one owner's events from another", async () => {
  const broker = await testBroker();
  const owner = broker.client();
  const { token } = await owner.createUser('ann');
  const hers = await listen(broker.url, token, { output: true });
  const { submit } = await target(owner);
  await submit();
  const ann = await target(broker.client(token));
  const task = await ann.submit();
  await until('her task is told', () => isQueued(hers.events, task.id));
  const owners = numbered(hers.events).flatMap(event => ('task' in event ? [event.task.owner.name] : []));
  expect(new Set(owners)).toEqual(new Set(['ann']));
});

it('is what the client subscribes to, with reconnect', async () => {
  const broker = await testBroker();
  const { submit } = await target(broker.client());
  const seen: string[] = [];
  const states: string[] = [];
  const stream = broker.client().subscribe({
    event: event => event.t === 'task' && seen.push(event.task.id),
    connected: complete => states.push(`connected ${complete}`),
  });
  onTestFinished(() => stream.close());
  await until('it is connected', () => states.length === 1);
  const first = await submit();
  await until('the task is seen', () => seen.includes(first.id));
  const { port } = broker;
  await broker.close();
  const again = await testBroker({ dataDir: broker.dataDir, port });
  await until('it is connected again', () => states.length === 2);
  expect(states).toEqual(['connected false', 'connected true']);
  const second = await again.client().submit([
    {
      function: { id: first.function.id },
      endpoint: first.endpoint.id,
      args: { type: 'application/json', text: '[]' },
    },
  ]);
  await until('the next task is seen', () => seen.includes(second[0]!.id));
});

it('lets a client load its lists anew when a task was deleted whose end it has not seen', async () => {
  const clock = new MovableClock();
  const broker = await testBroker({ clock, retentionMs: 60_000, purgeMs: 20 });
  const { client, submit } = await target(broker.client());
  const before = await listen(broker.url, broker.ownerToken);
  const { id } = await submit();
  await until('the task is told', () => isQueued(before.events, id));
  const seen = numbered(before.events).at(-1)!.seq;
  before.socket.terminate();
  await client.cancelTask(id);
  const informed = await listen(broker.url, broker.ownerToken, { from: seen });
  expect(hello(informed.events)).toMatchObject({ complete: true });
  await until('the end is told', () => statesOf(informed.events, id).includes('cancelled'));
  const end = numbered(informed.events).at(-1)!.seq;

  clock.pass(61_000);
  await until('the task is deleted', async () => (await client.listTasks()).items.length === 0);
  const late = await listen(broker.url, broker.ownerToken, { from: seen });
  expect(hello(late.events)).toMatchObject({ complete: false });
  const punctual = await listen(broker.url, broker.ownerToken, { from: end });
  expect(hello(punctual.events)).toMatchObject({ complete: true });
  const all = await listen(broker.url, broker.ownerToken, { from: 0 });
  expect(statesOf(all.events, id)).toEqual([]);
});
