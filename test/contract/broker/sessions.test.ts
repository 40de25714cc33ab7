// The agent's side of the wire, message by message, over real sockets.
import { expect, it } from 'vitest';
import { systemClock } from '../../../broker/clock.ts';
import { digestOf, newId } from '../../../protocol/ids.ts';
import { limits } from '../../../protocol/limits.ts';
import { target, testBroker } from '../../support/broker.ts';
import { ended, RawAgent, succeeded } from '../../support/raw-agent.ts';
import { until } from '../../support/until.ts';

async function setup(options = {}) {
  const broker = await testBroker(options);
  const client = broker.client();
  const at = await target(client);
  const join = (more?: Parameters<typeof RawAgent.join>[2]) => RawAgent.join(broker.url, at.agentToken, more);
  const inState = (id: string, state: string) =>
    until(`task ${id} is ${state}`, async () => (await client.getTask(id)).state === state);
  return { broker, ...at, join, inState };
}

it('runs a task from submission to result', async () => {
  const { client, submit, join, endpoint, fn } = await setup();
  const agent = await join({ credit: 1 });
  const task = await submit();
  const { header, payload } = await agent.next('task');
  expect(header).toMatchObject({
    task: task.id,
    attempt: 1,
    digest: fn.latest.digest,
    name: 'src/a.ts#one',
    kind: 'sync',
    args: { type: 'application/json', size: 2 },
  });
  expect(payload.toString()).toBe('[]');
  agent.send({ t: 'accept', task: task.id, attempt: 1 });
  agent.send({ t: 'started', task: task.id, attempt: 1, ago: 0 });
  agent.send(...succeeded(task.id, 1, '42'));
  await agent.next('confirm', task.id);
  const done = await client.waitForTask(task.id);
  expect(done).toMatchObject({ state: 'succeeded', attempt: 1, value: { type: 'application/json', size: 2 } });
  const result = await client.taskResult(task.id);
  expect(await client.decode(result.value!)).toBe(42);
  expect((await client.endpointStatus(endpoint.id)).state).toBe('online');
  expect((await client.taskHistory(task.id)).entries.map(({ state }) => state)).toEqual([
    'queued',
    'leased',
    'running',
    'succeeded',
  ]);
});

it('never sends beyond the credit', async () => {
  const { submit, join } = await setup();
  for (let i = 0; i < 5; i++) await submit();
  const agent = await join({ credit: 2 });
  await agent.next('task');
  const second = (await agent.next('task')).header;
  await agent.settle();
  expect(agent.waiting).toEqual([]);
  agent.sendFrame({ t: 'credit', add: 1 }, succeeded(second.task as string, 1));
  await agent.next('task');
  await agent.next('confirm');
  await agent.settle();
  expect(agent.waiting).toEqual([]);
});

it('counts a run from when the agent says that it began, whether its start comes alone or with its end', async () => {
  const { submit, join, client } = await setup();
  const agent = await join({ credit: 2 });
  const [alone, together] = [await submit(), await submit()];
  await agent.next('task', alone.id);
  await agent.next('task', together.id);
  const claimed = Date.now();
  await until('40 ms are over', () => Date.now() - claimed > 40);
  agent.send({ t: 'started', task: alone.id, attempt: 1, ago: 40 });
  agent.sendFrame({ t: 'started', task: together.id, attempt: 1, ago: 40 }, succeeded(together.id, 1));
  await agent.next('confirm', together.id);
  agent.send(...succeeded(alone.id, 1));
  await agent.next('confirm', alone.id);
  for (const { id } of [alone, together]) {
    const { startedAt, endedAt } = await client.getTask(id);
    expect(endedAt! - startedAt!).toBeGreaterThanOrEqual(40);
  }
});

it('confirms a result that comes again, and calls others stale', async () => {
  const { submit, join } = await setup();
  const agent = await join({ credit: 1 });
  const { id } = await submit();
  await agent.next('task');
  agent.sendFrame({ t: 'started', task: id, attempt: 1, ago: 0 }, succeeded(id, 1));
  await agent.next('confirm', id);
  agent.send(...succeeded(id, 1));
  await agent.next('confirm', id);
  agent.send(...succeeded(id, 1, '2'));
  await agent.next('stale', id);
  agent.send(...succeeded(id, 2));
  await agent.next('stale', id);
  const unknown = newId();
  agent.send(...succeeded(unknown, 1));
  await agent.next('stale', unknown);
});

it('gives a failed task the error of the function', async () => {
  const { client, submit, join } = await setup();
  const agent = await join({ credit: 1 });
  const { id } = await submit();
  await agent.next('task');
  const error = {
    code: 'function-threw',
    name: 'RangeError',
    message: 'too far',
    stack: 'RangeError: too far\n  at f (src/a.ts:3:7)',
    frames: [{ name: 'f', file: 'src/a.ts', line: 3, column: 7 }],
    cause: { code: 'function-threw', message: 'deep down' },
  };
  agent.send(ended(id, 1, 'failed', error));
  await agent.next('confirm', id);
  expect((await client.taskResult(id)).error).toEqual(error);
  expect(await client.getTask(id)).toMatchObject({
    state: 'failed',
    error: { code: 'function-threw', name: 'RangeError', message: 'too far' },
  });
});

it('closes the older session of an endpoint with 4001 and goes on with the newer', async () => {
  const { client, submit, join, inState } = await setup();
  const first = await join({ credit: 1 });
  const { id } = await submit();
  await first.next('task');
  const second = await join({ have: [[id, 1, 'accepted']] });
  expect(await first.closing()).toMatchObject({ code: 4001 });
  second.sendFrame({ t: 'started', task: id, attempt: 1, ago: 0 });
  await inState(id, 'running');
  second.send(...succeeded(id, 1));
  await second.next('confirm', id);
  expect((await client.getTask(id)).attempt).toBe(1);
});

it('takes up a session again: keeps, drops and sends once more, without a new attempt', async () => {
  const { broker, agentToken, client, submit, join } = await setup();
  const first = await join({ credit: 2 });
  const [kept, again] = [(await submit()).id, (await submit()).id];
  await first.next('task', kept);
  await first.next('task', again);
  first.socket.terminate();
  const stranger = newId();
  const second = await RawAgent.connect(broker.url, agentToken);
  second.hello({
    session: first.session,
    have: [
      [kept, 1, 'started'],
      [stranger, 1, 'started'],
    ],
  });
  const welcome = await second.next('welcome');
  expect(welcome.header).toMatchObject({ proto: 1, epoch: 2, endpoint: { name: 'lab' } });
  expect(JSON.parse(welcome.payload.toString())).toEqual({ keep: [[kept, 1]], drop: [[stranger, 1]] });
  expect((await second.next('task', again)).header.attempt).toBe(1);
  expect((await client.getTask(kept)).state).toBe('running');
  second.send(...succeeded(kept, 1));
  await second.next('confirm', kept);
  expect((await client.taskHistory(kept)).entries.filter(({ state }) => state === 'leased')).toHaveLength(1);
});

it('takes back the tasks of an agent that falls silent, and closes what is left of its socket', async () => {
  const { client, submit, join, inState } = await setup({ leaseMs: 300, sweepMs: 50, retryFirstMs: 20 });
  const silent = await join({ credit: 1 });
  const { id } = await submit();
  await silent.next('task', id);
  await silent.closing();
  await inState(id, 'queued');
  const next = await join({ credit: 1 });
  expect((await next.next('task', id)).header.attempt).toBe(2);
  next.send(...succeeded(id, 1));
  await next.next('stale', id);
  next.send(...succeeded(id, 2));
  await next.next('confirm', id);
  const { entries } = await client.taskHistory(id);
  expect(entries.map(({ state, attempt }) => [state, attempt])).toEqual([
    ['queued', 0],
    ['leased', 1],
    ['queued', 1],
    ['leased', 2],
    ['succeeded', 2],
  ]);
  expect(entries[2]!.reason).toContain('lab');
});

it('keeps the tasks of an agent that beats, however short the lease', async () => {
  const { client, submit, join } = await setup({ leaseMs: 300, sweepMs: 20 });
  const agent = await join({ credit: 1 });
  const { id } = await submit();
  await agent.next('task', id);
  const end = Date.now() + 900;
  while (Date.now() < end) await agent.settle();
  agent.send(...succeeded(id, 1));
  await agent.next('confirm', id);
  expect((await client.getTask(id)).attempt).toBe(1);
});

it('puts back at once what an agent holds that says bye', async () => {
  const { client, submit, join, endpoint } = await setup();
  const first = await join({ credit: 1 });
  const { id } = await submit();
  await first.next('task', id);
  first.send({ t: 'bye' });
  expect(await first.closing()).toMatchObject({ code: 4000 });
  expect((await client.endpointStatus(endpoint.id)).state).toBe('offline');
  expect(await client.getTask(id)).toMatchObject({ state: 'queued', wait: { reason: 'endpoint-offline' } });
  const second = await join({ credit: 1 });
  expect((await second.next('task', id)).header.attempt).toBe(2);
});

it('tries an attempt again that the agent lost, after a pause, and fails it as poison when workers die', async () => {
  const { client, submit, join, inState } = await setup({ retryFirstMs: 20 });
  const agent = await join({ credit: 9 });
  const { id } = await submit();
  for (const attempt of [1, 2]) {
    expect((await agent.next('task', id)).header.attempt).toBe(attempt);
    agent.send({ t: 'lost', task: id, attempt, reason: 'The worker died of signal 11.', workerDied: true });
  }
  await inState(id, 'failed');
  expect((await client.taskResult(id)).error).toMatchObject({ code: 'task-poison' });
});

it('ends an at-most-once task as lost when its attempt is', async () => {
  const { client, submit, join, inState } = await setup();
  const agent = await join({ credit: 1 });
  const { id } = await submit({ maxAttempts: 1 });
  await agent.next('task', id);
  agent.send({ t: 'lost', task: id, attempt: 1, reason: 'The manager is gone.', workerDied: false });
  await inState(id, 'lost');
  expect((await client.taskResult(id)).error).toMatchObject({
    code: 'task-lost',
    message: expect.stringContaining('The manager is gone.'),
  });
});

it('tells the agent to stop a cancelled task, and also one that was away meanwhile', async () => {
  const { client, submit, join, inState } = await setup();
  const agent = await join({ credit: 2 });
  const [first, second] = [(await submit()).id, (await submit()).id];
  await agent.next('task', first);
  await agent.next('task', second);
  expect(await client.cancelTask(first)).toMatchObject({ state: 'cancelling' });
  expect((await agent.next('cancel', first)).header.attempt).toBe(1);
  agent.send(ended(first, 1, 'cancelled'));
  await agent.next('confirm', first);
  expect(await client.getTask(first)).toMatchObject({ state: 'cancelled', error: { code: 'task-cancelled' } });
  await expect(client.cancelTask(first)).resolves.toMatchObject({ state: 'cancelled' });

  agent.socket.terminate();
  await client.cancelTask(second);
  const back = await join({ have: [[second, 1, 'started']] });
  await back.next('cancel', second);
  back.send(ended(second, 1, 'cancelled'));
  await inState(second, 'cancelled');
});

it('tells an agent of cancels that come while it connects', async () => {
  const { broker, client, submit, join, agentToken } = await setup();
  const first = await join({ credit: 20 });
  const ids: string[] = [];
  for (let i = 0; i < 20; i++) ids.push((await submit()).id);
  for (const id of ids) await first.next('task', id);
  first.socket.terminate();
  const second = await RawAgent.connect(broker.url, agentToken);
  const cancels = ids.slice(0, 10).map(id => client.cancelTask(id));
  second.hello({ have: ids.map(id => [id, 1, 'started']) });
  cancels.push(...ids.slice(10).map(id => client.cancelTask(id)));
  await Promise.all(cancels);
  for (const id of ids) await second.next('cancel', id);
});

it('expires a queued task at its deadline', async () => {
  const { client, submit } = await setup({ sweepMs: 20 });
  const { id } = await submit({ deadline: Date.now() + 50 });
  expect((await client.waitForTask(id)).state).toBe('expired');
});

it('keeps output as a tail and passes it on live, and the reason of a wait', async () => {
  const { client, submit, join } = await setup();
  const live: string[] = [];
  const stream = client.subscribe(
    {
      output: ({ chunks }) => live.push(...chunks.map(({ text }) => text ?? 'item')),
      state: state => state === 'connected' && live.push('ready'),
    },
    { output: true },
  );
  try {
    await until('the stream is there', () => live.includes('ready'));
    const agent = await join({ credit: 1 });
    const { id } = await submit();
    await agent.next('task', id);
    agent.send({ t: 'preparing', task: id, attempt: 1, text: 'Starting a worker.' });
    await until('the text is there', async () => (await client.getTask(id)).wait?.text === 'Starting a worker.');
    const output = { t: 'output', task: id, attempt: 1, at: 5 };
    agent.sendFrame(
      { t: 'started', task: id, attempt: 1, ago: 0 },
      [{ ...output, seq: 0, stream: 'stdout' }, Buffer.from('a')],
      [{ ...output, seq: 1, stream: 'item', type: 'application/json' }, Buffer.from('[1]')],
      [{ ...output, seq: 2, stream: 'stderr' }, Buffer.from('b')],
      succeeded(id, 1),
    );
    await agent.next('confirm', id);
    const { chunks } = await client.taskOutput(id);
    expect(chunks.map(({ stream: s, text, value }) => [s, text ?? value])).toEqual([
      ['stdout', 'a'],
      ['item', { type: 'application/json', text: '[1]' }],
      ['stderr', 'b'],
    ]);
    expect((await client.taskOutput(id, 2)).chunks).toHaveLength(1);
    await until('the output came live', () => live.length === 4);
    expect(live).toEqual(['ready', 'a', 'item', 'b']);
  } finally {
    stream.close();
  }
});

it('stores large values as blobs: uploaded by the agent, or sent inline', async () => {
  const { broker, client, submit, join, agentToken } = await setup();
  const agent = await join({ credit: 2 });
  const [inline, uploaded] = [(await submit()).id, (await submit()).id];
  await agent.next('task', inline);
  await agent.next('task', uploaded);
  const json = JSON.stringify('x'.repeat(limits.inlinePayload));
  agent.send(...succeeded(inline, 1, json));
  await agent.next('confirm', inline);
  const first = await client.taskResult(inline);
  expect(first.value).toMatchObject({ blob: digestOf(json), size: json.length });
  expect(await client.decode(first.value!)).toBe(JSON.parse(json));

  const bytes = Buffer.from(JSON.stringify('y'.repeat(limits.inlinePayload)));
  const put = await fetch(`${broker.url}/v1/blobs/${digestOf(bytes)}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${agentToken}`, 'content-type': 'application/octet-stream' },
    body: bytes,
  });
  expect(put.status).toBe(204);
  const value = { type: 'application/json', blob: digestOf(bytes), size: bytes.length };
  agent.send({ ...succeeded(uploaded, 1)[0], value });
  await agent.next('confirm', uploaded);
  expect(await client.decode((await client.taskResult(uploaded)).value!)).toBe(JSON.parse(bytes.toString()));
});

it('lets an agent read what its tasks name, and nothing else', async () => {
  const { broker, client, fn, endpoint, agentToken } = await setup();
  const agent = broker.client(agentToken);
  const args = await client.encodeArguments(['z'.repeat(limits.inlinePayload)]);
  const secret = await client.uploadBundle(Buffer.from('another function'));
  const { blob } = args as { blob: string };
  expect(await agent.hasBundle(fn.latest.digest)).toBe(false);
  await client.submit([{ function: { id: fn.id }, endpoint: endpoint.id, args }]);
  expect(await agent.hasBundle(fn.latest.digest)).toBe(true);
  expect((await agent.valueBytes(args)).bytes.length).toBe((args as { size: number }).size);
  await expect(agent.downloadBundle(secret)).rejects.toMatchObject({ code: 'not-found' });
  expect(digestOf((await agent.valueBytes(args)).bytes)).toBe(blob);
});

it('closes the session with 4003 when the token is renewed or the endpoint deleted', async () => {
  const { broker, client, endpoint, agentToken, submit, join } = await setup();
  const agent = await join();
  const { id } = await submit();
  const early = await RawAgent.connect(broker.url, agentToken);
  const { token } = await client.renewEndpointToken(endpoint.id);
  expect(await agent.closing()).toMatchObject({ code: 4003 });
  early.hello();
  expect(await early.closing()).toMatchObject({ code: 4003 });
  const next = await RawAgent.join(broker.url, token);
  await client.deleteEndpoint(endpoint.id);
  expect(await next.closing()).toMatchObject({ code: 4003 });
  expect(await client.getTask(id)).toMatchObject({ state: 'cancelled', error: { code: 'endpoint-deleted' } });
  await expect(broker.client(token).whoAmI()).rejects.toMatchObject({ code: 'token-invalid' });
});

it('says bye when the broker stops', async () => {
  const { broker, join } = await setup();
  const agent = await join();
  await broker.close();
  expect(await agent.closing()).toMatchObject({ code: 4000 });
});

it('goes on when its clock was ahead for less than the time between two sweeps', async () => {
  let offset = 0;
  const clock = { now: () => Date.now() + offset, after: systemClock.after };
  const { submit, join, inState } = await setup({ sweepMs: 500, retryFirstMs: 10, retryMostMs: 20, clock });
  const agent = await join({ credit: 2 });
  const task = await submit();
  await agent.next('task');
  offset = 3_600_000;
  agent.send({ t: 'lost', task: task.id, attempt: 1, reason: 'the manager died', workerDied: false });
  await inState(task.id, 'queued');
  offset = 0;
  expect((await agent.next('task')).header).toMatchObject({ task: task.id, attempt: 2 });
});

it('goes on when its clock is set back', async () => {
  let offset = 0;
  const clock = { now: () => Date.now() + offset, after: systemClock.after };
  const { submit, join } = await setup({ sweepMs: 20, retryFirstMs: 10, retryMostMs: 20, clock });
  const agent = await join({ credit: 2 });
  const task = await submit();
  await agent.next('task');
  agent.send({ t: 'lost', task: task.id, attempt: 1, reason: 'the manager died', workerDied: false });
  offset = -3_600_000;
  expect((await agent.next('task')).header).toMatchObject({ task: task.id, attempt: 2 });
});
