import { readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { CancellationTokenSource } from 'vscode-languageserver-protocol/node';
import type { InitializationOptions, PushReply, RunReply } from '../../../protocol/editor-server/messages.ts';
import { decodeValue } from '../../../protocol/values/codec.ts';
import { type TestBroker, testBroker } from '../../support/broker.ts';
import { Editor } from '../../support/editor.ts';
import { folder } from '../../support/folder.ts';
import { ended, RawAgent, succeeded } from '../../support/raw-agent.ts';
import { until } from '../../support/until.ts';

const SCALE = `/**
 * Some numbers, larger.
 * @remote timeout=30s
 * @example scale([1, 2], 10)
 * @example scale([3])
 */
export function scale(xs: number[], by = 2): number[] {
  return xs.map(x => x * by);
}

/** @remote */
export const today = (day: Date) => day;

/** @remote */
export const nothing = () => 1;
`;

interface Bench {
  broker: TestBroker;
  editor: Editor;
  agent: RawAgent;
  uri: string;
  root: string;
  state: (name?: string) => NonNullable<ReturnType<Editor['states']['get']>>['functions'][number] | undefined;
}

/** An editor that is connected to a broker with one endpoint, `lab`, whose agent does what a test says. */
async function bench(options: InitializationOptions = {}): Promise<Bench> {
  const broker = await testBroker();
  const root = folder('runs');
  const { token } = await broker.client().createEndpoint('lab');
  const agent = await RawAgent.join(broker.url, token, { credit: 8 });
  return { broker, agent, root, ...(await startEditor(broker, root, options)) };
}

/** An editor on this folder, with what the server kept of an earlier one. */
async function startEditor(broker: TestBroker, root: string, options: InitializationOptions = {}) {
  writeFileSync(join(root, 'package.json'), '{ "name": "runs", "type": "module" }');
  writeFileSync(join(root, 'scale.ts'), SCALE);
  const editor = await Editor.start({
    folders: [root],
    env: { RUNABOUT_HOME: join(root, 'home') },
    initializationOptions: {
      clientCommands: true,
      storagePath: join(root, '.state'),
      connection: { url: broker.url, token: broker.ownerToken },
      ...options,
    },
  });
  const uri = await editor.open(join(root, 'scale.ts'), SCALE);
  const state = (name = 'scale') => editor.states.get(uri)?.functions.find(fn => fn.name === name);
  await until('the registry was asked', () => state()?.pushState === 'new');
  return { editor, uri, state };
}

/** The arguments of the next task the agent gets, and its fence. */
async function nextTask(agent: RawAgent, task: string) {
  const { header, payload } = await agent.next('task', task);
  const { argsType } = header as unknown as { argsType?: 'application/json' };
  return { attempt: header.attempt, header, payload, argsType };
}

test('a run pushes once, submits, and its result reaches lens, hover and state', async () => {
  const { editor, agent, uri, state, broker } = await bench();
  const run = (more: object) =>
    editor.execute<RunReply>('runabout.run', { uri, name: 'scale', endpoint: 'lab', ...more });
  const { task, endpoint } = await run({ example: 0 });
  expect(endpoint.name).toBe('lab');
  const { attempt, payload } = await nextTask(agent, task);
  expect(JSON.parse(payload.toString())).toEqual([[1, 2], 10]);
  expect((await broker.client().getTask(task)).timeoutMs).toBe(30_000);

  agent.send(...succeeded(task, attempt, '[10,20]'));
  const shown = await until(
    'the result is there',
    () => state()?.run?.state === 'succeeded' && state()!.run!.text !== '' && state()!.run,
  );
  expect(shown).toMatchObject({ task, text: '[10, 20]', stale: false, endpoint: { name: 'lab' } });
  expect(state()).toMatchObject({ pushState: 'pushed', version: 1 });
  expect(await editor.titles(uri)).toEqual([
    'Run',
    'Run on…',
    'v1',
    expect.stringMatching(/^= \[10, 20\]/),
    'scale([1, 2], 10)',
    'scale([3])',
    ...['Run', 'Run on…', 'new', 'not run yet'],
    ...['Run', 'Run on…', 'new', 'not run yet'],
  ]);
  const hover = await editor.connection.sendRequest('textDocument/hover', {
    textDocument: { uri },
    position: { line: 6, character: 18 },
  });
  expect((hover as { contents: { value: string } }).contents.value).toMatch(
    /succeeded\*\* on lab[\s\S]*\[10, 20\][\s\S]*Open result/,
  );
  expect(editor.lensRefreshes).toBeGreaterThan(0);

  // Unchanged: the same version runs again, with the arguments of the last run.
  const again = await run({});
  expect(JSON.parse((await nextTask(agent, again.task)).payload.toString())).toEqual([[1, 2], 10]);
  const [record] = (await broker.client().listFunctions({ name: 'runs/scale#scale' })).items;
  expect(record!.latest).toMatchObject({
    version: 1,
    details: { kind: 'sync', description: 'Some numbers, larger.', source: { file: 'scale.ts', line: 7 } },
  });
  expect(record!.latest.details.parameters).toMatchObject({
    minItems: 1,
    prefixItems: [{ title: 'xs' }, { title: 'by', default: 2 }],
  });
});

test('an edit of the function makes the result stale and the push state "changed"; a comment does not', async () => {
  const { editor, agent, uri, state } = await bench();
  const { task } = await editor.execute<RunReply>('runabout.run', { uri, name: 'scale', endpoint: 'lab', args: [[1]] });
  agent.send(...succeeded(task, (await nextTask(agent, task)).attempt, '[2]'));
  await until('the result is there', () => state()?.run?.text === '[2]');

  await editor.replace(uri, SCALE.replace('return xs', '// larger\n  return   xs'));
  await until(
    'the comment was bundled',
    () => state()?.run?.stale === false && state()?.pushState === 'pushed' && state()!.range.end.line === 9,
  );

  await editor.replace(uri, SCALE.replace('x * by', 'x + by'));
  await until('it is stale', () => state()?.run?.stale && state()?.pushState === 'changed');
  expect((await editor.titles(uri))[3]).toContain('code has changed since');
  const reply = await editor.execute<PushReply>('runabout.push', { uri, name: 'scale' });
  expect(reply).toMatchObject({ function: 'runs/scale#scale', version: 2, created: true });
  await until('it is pushed', () => state()?.pushState === 'pushed' && state()?.version === 2);
});

test('arguments in JSON are checked and made real', async () => {
  const { editor, agent, uri } = await bench();
  const run = (name: string, args: unknown[]) =>
    editor.execute<RunReply>('runabout.run', { uri, name, endpoint: 'lab', args });
  const { task } = await run('today', ['2026-01-31T12:00:00Z']);
  const { payload } = await nextTask(agent, task);
  expect(decodeValue({ type: 'application/msgpack', bytes: payload })).toEqual([new Date('2026-01-31T12:00:00Z')]);
  await expect(run('scale', [['x']])).rejects.toMatchObject({
    message: 'The argument "xs.0" must be number.',
    data: { code: 'arguments-invalid', path: 'xs.0' },
  });
  await expect(run('nothing', [1])).rejects.toMatchObject({ data: { code: 'arguments-invalid' } });
});

test('what a run lacks is an error in a client that asks itself', async () => {
  const { editor, uri } = await bench();
  await expect(editor.execute('runabout.run', { uri, name: 'nothing' })).rejects.toMatchObject({
    data: { code: 'request-invalid' },
  });
  await expect(editor.execute('runabout.run', { uri, name: 'nothing', endpoint: 'lap' })).rejects.toMatchObject({
    data: { code: 'not-found', hint: 'Did you mean "lab"?' },
  });
  const before = editor.lensRefreshes;
  await editor.execute('runabout.chooseEndpoint', {
    endpoint: {
      id: (await editor.execute<RunReply>('runabout.run', { uri, name: 'nothing', endpoint: 'lab' })).endpoint.id,
      name: 'lab',
    },
  });
  await until(
    'the lenses were drawn anew',
    async () => (await editor.titles(uri))[0] === 'Run on lab' && editor.lensRefreshes > before,
  );
  expect((await editor.execute<RunReply>('runabout.run', { uri, name: 'nothing' })).endpoint.name).toBe('lab');
});

test('a failed run stands on the local line its frames name, and leaves with the next edit', async () => {
  const { editor, agent, uri, state } = await bench();
  const { task } = await editor.execute<RunReply>('runabout.run', { uri, name: 'scale', endpoint: 'lab', args: [[1]] });
  const { attempt } = await nextTask(agent, task);
  const frames = [
    { name: 'map', file: 'node:internal', line: 1, column: 1 },
    { name: 'scale', file: 'scale.ts', line: 8, column: 10 },
  ];
  agent.send(
    ended(task, attempt, 'failed', { code: 'function-threw', name: 'TypeError', message: 'no number', frames }),
  );
  const [found] = await until('the error is on its line', () => {
    const list = editor.diagnostics.get(uri);
    return list && list.length > 0 && list;
  });
  expect(found).toMatchObject({
    code: 'function-threw',
    source: 'runabout',
    range: { start: { line: 7, character: 2 } },
  });
  expect(found!.message).toContain('TypeError: no number');
  expect(state()!.run).toMatchObject({ state: 'failed', text: 'TypeError: no number', errorAt: { uri, line: 7 } });

  await editor.replace(uri, SCALE.replace('x * by', 'x - by'));
  await until('the error has gone', () => editor.diagnostics.get(uri)?.length === 0);
  expect(state()!.run!.errorAt).toBeUndefined();
});

test('tasks started elsewhere, waits and output are shown; cancel reaches the agent', async () => {
  const { editor, agent, uri, state, broker } = await bench();
  const client = broker.client();
  await editor.execute('runabout.push', { uri, name: 'nothing' });
  const fn = (await client.findFunction('runs/scale#nothing'))!;
  const lab = (await client.findEndpoint('lab'))!;
  const [task] = await client.submit([
    { function: { id: fn.id }, endpoint: lab.id, args: await client.encodeArguments([]) },
  ]);
  await until('the task is shown', () => state('nothing')?.run?.task === task!.id);
  const { attempt } = await nextTask(agent, task!.id);
  agent.send({ t: 'started', task: task!.id, attempt, ago: 0 });
  await until('it runs', () => state('nothing')?.run?.state === 'running');
  await editor.execute('runabout.cancel', { task: task!.id });
  await agent.next('cancel', task!.id);
  agent.send(ended(task!.id, attempt, 'cancelled'));
  await until('it is cancelled', () => state('nothing')?.run?.state === 'cancelled');
});

test('a cancel that comes late is no error; of a task that never was it is one', async () => {
  const { editor, agent, uri, state } = await bench();
  const { task } = await editor.execute<RunReply>('runabout.run', { uri, name: 'nothing', endpoint: 'lab' });
  agent.send(...succeeded(task, (await nextTask(agent, task)).attempt, '7'));
  await until('the result is there', () => state('nothing')?.run?.text === '7');
  expect(await editor.execute('runabout.cancel', { task })).toBeNull();
  await expect(editor.execute('runabout.cancel', { task: task.replace(/^./, '1') })).rejects.toThrow();
});

test('results that are cleared leave state, lens and hover, and a later run shows again', async () => {
  const { editor, agent, uri, state } = await bench();
  const run = async (value: string) => {
    const { task } = await editor.execute<RunReply>('runabout.run', { uri, name: 'nothing', endpoint: 'lab' });
    agent.send(...succeeded(task, (await nextTask(agent, task)).attempt, value));
    await until('the result is there', () => state('nothing')?.run?.text === value);
    return task;
  };
  const hover = async () => {
    const at = { textDocument: { uri }, position: { line: 14, character: 14 } };
    return JSON.stringify(await editor.connection.sendRequest('textDocument/hover', at));
  };
  const task = await run('123456');
  expect(await hover()).toContain('123456');
  await editor.execute('runabout.clearResults', null);
  await until('the result is gone', () => state('nothing')!.run === undefined);
  expect(await hover()).not.toContain('123456');
  const lens = (await editor.lenses(uri)).find(({ command }) => command!.title === 'last result');
  expect(lens!.command!.arguments).toEqual([{ task }]);
  await run('654321');
  expect((await editor.titles(uri)).at(-1)).toContain('654321');
});

test('results that are cleared stay away when the server starts again', async () => {
  const { broker, root, editor, agent, uri, state } = await bench();
  const { task } = await editor.execute<RunReply>('runabout.run', { uri, name: 'nothing', endpoint: 'lab' });
  agent.send(...succeeded(task, (await nextTask(agent, task)).attempt, '123456'));
  await until('the result is there', () => state('nothing')?.run?.text === '123456');
  await editor.execute('runabout.clearResults', null);
  const again = await startEditor(broker, root);
  await until('the run is known', async () => (await again.editor.titles(again.uri)).includes('last result'));
  expect(again.state('nothing')!.run).toBeUndefined();
});

test('an error in a file that is opened later stands under the address the editor gives it', async () => {
  const { editor, agent, uri, root, state } = await bench();
  writeFileSync(join(root, 'helper.ts'), 'export const half = (x: number) => {\n  throw new Error(String(x));\n};\n');
  symlinkSync(root, `${root}-link`);
  onTestFinished(() => rmSync(`${root}-link`));
  const text = SCALE.replace('() => 1', '() => half(1)').replace('/**', "import { half } from './helper.ts';\n/**");
  await editor.replace(uri, text);
  const { task } = await editor.execute<RunReply>('runabout.run', { uri, name: 'nothing', endpoint: 'lab' });
  const frames = [{ name: 'half', file: 'helper.ts', line: 2, column: 9 }];
  const error = { code: 'function-threw', name: 'Error', message: '1', frames };
  agent.send(ended(task, (await nextTask(agent, task)).attempt, 'failed', error));
  await until('the error has a place', () => state('nothing')?.run?.errorAt?.line === 1);
  const helper = await editor.open(join(`${root}-link`, 'helper.ts'), readFileSync(join(root, 'helper.ts'), 'utf8'));
  expect(helper).toContain('-link');
  await until('it is the address of the open document', () => state('nothing')!.run!.errorAt?.uri === helper);
  await until('the diagnostic has moved there', () => editor.diagnostics.get(helper)?.length === 1);
});

test('after a restart the last result is asked for again; after a deletion the function is new', async () => {
  const first = await bench();
  const { task } = await first.editor.execute<RunReply>('runabout.run', {
    uri: first.uri,
    name: 'nothing',
    endpoint: 'lab',
  });
  first.agent.send(...succeeded(task, (await nextTask(first.agent, task)).attempt, '7'));
  await until('the result is there', () => first.state('nothing')?.run?.text === '7');
  await first.editor.stop();

  const connection = { url: first.broker.url, token: first.broker.ownerToken };
  const editor = await Editor.start({ folders: [first.root], initializationOptions: { clientCommands: true } });
  const uri = await editor.open(join(first.root, 'scale.ts'), SCALE);
  await editor.connection.sendRequest('runabout/connect', connection);
  const state = () => editor.states.get(uri)?.functions.find(({ name }) => name === 'nothing');
  await until(
    'the result is back',
    () => state()?.run?.text === '7' && state()!.pushState === 'pushed' && !state()!.run!.stale,
  );

  await first.broker.client().deleteFunction((await first.broker.client().findFunction('runs/scale#nothing'))!.id);
  await until('it is new', () => state()?.pushState === 'new');
  expect((await editor.execute<RunReply>('runabout.run', { uri, name: 'nothing', endpoint: 'lab' })).task).not.toBe(
    task,
  );

  await editor.connection.sendRequest('runabout/connect', null);
  await until('nothing is known any more', () => state()?.pushState === 'unknown' && state()!.run === undefined);
});

test('a refused token is said', async () => {
  const { editor, broker } = await bench();
  await editor.connection.sendRequest('runabout/connect', { url: broker.url, token: 'rt_not_a_token' });
  await until('it is refused', () => editor.connectionStates.at(-1)?.state === 'refused');
  expect(editor.connectionStates.at(-1)!.problem).toContain('token');

  // A person who connects again means it, also with the same token.
  const before = editor.connectionStates.length;
  await editor.connection.sendRequest('runabout/connect', { url: broker.url, token: 'rt_not_a_token' });
  await until('it was tried again', () =>
    editor.connectionStates.slice(before).some(({ state }) => state === 'refused'),
  );
});

test('an editor without own commands: the person is asked, arguments open as a file, progress and the result are shown', async () => {
  const { editor, agent, uri, root } = await bench({ clientCommands: false });
  await expect(editor.execute('runabout.run', { uri, name: 'scale' })).rejects.toMatchObject({
    data: { code: 'arguments-invalid' },
  });
  const file = fileURLToPath(editor.shownDocuments[0]!);
  expect(file.startsWith(join(root, '.state'))).toBe(true);
  expect(readFileSync(file, 'utf8')).toBe('[\n  [0],\n  2\n]\n');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  writeFileSync(file, '[[5], 3]');

  const { task, endpoint } = await editor.execute<RunReply>('runabout.run', { uri, name: 'scale' });
  expect(endpoint.name).toBe('lab');
  expect(editor.messages.some(message => message.startsWith('Run scale on which endpoint'))).toBe(true);
  const { attempt, payload } = await nextTask(agent, task);
  expect(JSON.parse(payload.toString())).toEqual([[5], 3]);
  agent.send({ t: 'started', task, attempt, ago: 0 });
  await until('progress runs', () =>
    editor.progress.some(({ kind, message }) => kind === 'report' && message?.startsWith('running')),
  );
  agent.send(...succeeded(task, attempt, '[15]'));
  await until('the result is shown', () => editor.messages.some(message => message.startsWith('scale on lab = [15]')));
  expect(editor.progress.at(-1)!.kind).toBe('end');
  await editor.execute('runabout.showResult', { task });
  await until('the value is shown', () => editor.messages.at(-1) === 'runs/scale#scale on lab = [15]');

  // Cancelling the progress cancels the task.
  const second = await editor.execute<RunReply>('runabout.run', { uri, name: 'scale' });
  const next = await nextTask(agent, second.task);
  agent.send({ t: 'started', task: second.task, attempt: next.attempt, ago: 0 });
  const begun = await until('progress has begun', () => editor.progress.filter(({ kind }) => kind === 'begin')[1]);
  await editor.connection.sendNotification('window/workDoneProgress/cancel', { token: begun.token });
  await agent.next('cancel', second.task);
});

test('the panel of a client is asked to show a result', async () => {
  const { editor, uri } = await bench();
  const { task } = await editor.execute<RunReply>('runabout.run', { uri, name: 'nothing', endpoint: 'lab' });
  await editor.execute('runabout.showResult', { task });
  expect(editor.shownTasks).toEqual([task]);
});

test('a request that is cancelled submits nothing', async () => {
  const { editor, uri, broker } = await bench();
  const source = new CancellationTokenSource();
  const run = editor.connection.sendRequest(
    'workspace/executeCommand',
    { command: 'runabout.run', arguments: [{ uri, name: 'scale', endpoint: 'lab', args: [[1]] }] },
    source.token,
  );
  source.cancel();
  await expect(run).rejects.toMatchObject({ code: -32800 });
  expect((await broker.client().listTasks()).items).toEqual([]);
});

test('an editor without own commands uses the connection of the terminal', async () => {
  const broker = await testBroker();
  const env = { RUNABOUT_URL: broker.url, RUNABOUT_TOKEN: broker.ownerToken, RUNABOUT_HOME: folder('home') };
  const editor = await Editor.start({ env });
  await until('it is connected', () => editor.connectionStates.at(-1)?.state === 'connected');
});

test('lenses are answered while a function is bundled and pushed', async () => {
  const { editor, root } = await bench();
  symlinkSync(fileURLToPath(new URL('../../../node_modules', import.meta.url)), join(root, 'node_modules'));
  // The first bundle with a large package takes its time.
  const text = "import * as z from 'zod';\n/** @remote */\nexport const check = (x: unknown) => z.string().parse(x);\n";
  const file = join(root, 'check.ts');
  writeFileSync(file, text);
  const uri = await editor.open(file, text);
  const answers: string[] = [];
  const pushed = editor
    .execute<PushReply>('runabout.push', { uri, name: 'check' })
    .then(() => void answers.push('pushed'));
  for (let key = 0; key < 5; key++) {
    await editor.change(uri, { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } }, '\n');
    const [lens] = await editor.lenses(uri);
    // Of the text as it is by then.
    expect(lens!.range.start.line).toBe(3 + key);
    answers.push('lenses');
  }
  await pushed;
  expect(answers).toEqual([...Array(5).fill('lenses'), 'pushed']);
});
