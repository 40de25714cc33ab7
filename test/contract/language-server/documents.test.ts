import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { after, Editor } from '../../support/editor.ts';
import { folder } from '../../support/folder.ts';
import { until } from '../../support/until.ts';

const MEAN = `import { sum } from './sum.ts';

/**
 * Mean of some numbers.
 * @param xs the numbers
 * @remote endpoint=lab
 * @example mean([1, 2, 3])
 * @example mean([])
 */
export function mean(xs: number[]): number {
  return sum(xs) / xs.length;
}

export function unmarked() {}
`;

function project(): { root: string; file: string } {
  const root = folder('editor');
  writeFileSync(join(root, 'package.json'), '{ "name": "stats", "type": "module" }');
  writeFileSync(join(root, 'sum.ts'), 'export const sum = (xs: number[]) => xs.reduce((a, b) => a + b, 0);\n');
  writeFileSync(join(root, 'mean.ts'), MEAN);
  return { root, file: join(root, 'mean.ts') };
}

const start = (root: string) =>
  Editor.start({ folders: [root], initializationOptions: { clientCommands: true, storagePath: join(root, '.state') } });

test('a marked function has a stable number of lenses, an unmarked one none', async () => {
  const { root, file } = project();
  const editor = await start(root);
  const uri = await editor.open(file, MEAN);
  expect(await editor.titles(uri)).toEqual([
    'Run on lab',
    'Run on…',
    'push',
    'not run yet',
    'mean([1, 2, 3])',
    'mean([])',
  ]);
  expect((await editor.lenses(uri)).map(({ range }) => range.start.line)).toEqual(Array(6).fill(9));
  expect((await editor.lenses(uri))[4]!.command).toEqual({
    title: 'mean([1, 2, 3])',
    command: 'runabout.run',
    arguments: [{ uri, name: 'mean', example: 0 }],
  });
});

test('the state of a document has the shape the extension reads, and comes after a change', async () => {
  const { root, file } = project();
  const editor = await start(root);
  const uri = await editor.open(file, MEAN);
  const state = (await editor.connection.sendRequest('runabout/document', { uri })) as { functions: object[] };
  expect(state.functions).toEqual([
    {
      name: 'mean',
      registryName: 'stats/mean#mean',
      kind: 'sync',
      range: { start: { line: 9, character: 0 }, end: { line: 11, character: 1 } },
      nameRange: { start: { line: 9, character: 16 }, end: { line: 9, character: 20 } },
      endpoint: 'lab',
      runnable: true,
      takesArguments: true,
      examples: ['mean([1, 2, 3])', 'mean([])'],
      pushState: 'unknown',
    },
  ]);
  await editor.change(uri, { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } }, '\n\n');
  const moved = await until('the state has moved', () => {
    const now = editor.states.get(uri);
    return now?.version === 2 && now;
  });
  expect(moved.functions[0]!.nameRange.start.line).toBe(11);
});

test('settings, captures and imports are diagnosed where they stand, with quick fixes', async () => {
  const { root, file } = project();
  const editor = await start(root);
  const text = MEAN.replace('endpoint=lab', 'endpont=lab timeout=30').replace('./sum.ts', './nowhere.ts');
  const uri = await editor.open(
    file,
    `${text}function outer() {\n  const secret = 1;\n  /** @remote */\n  function inner() { return secret; }\n}\n`,
  );
  const settled = () => editor.diagnostics.get(uri);
  const found = await until('the diagnostics are there', () => (settled()?.length ?? 0) >= 3 && settled());
  expect(found.map(({ code, range }) => [code, range.start.line])).toEqual([
    ['setting-unknown', 5],
    ['setting-malformed', 5],
    ['captures', 17],
  ]);
  expect(found[2]!.message).toContain('"secret"');

  const [actions] = await Promise.all([
    editor.connection.sendRequest('textDocument/codeAction', {
      textDocument: { uri },
      range: found[0]!.range,
      context: { diagnostics: found },
    }) as Promise<{ title: string; edit: { changes: Record<string, object[]> } }[]>,
  ]);
  expect(actions.map(({ title }) => title)).toEqual([
    'Change to "endpoint"',
    'Remove "endpont=lab"',
    'Unmark "mean" as remote',
  ]);

  await editor.replace(uri, MEAN.replace('./sum.ts', './nowhere.ts'));
  const imports = await until('the import is diagnosed', () => settled()?.find(({ code }) => code === 'bundle-failed'));
  expect(imports.message).toContain('"./nowhere.ts" cannot be found');
  expect(imports.range).toEqual({ start: { line: 0, character: 20 }, end: { line: 0, character: 34 } });

  await editor.replace(uri, MEAN);
  await until('all is well again', () => settled()?.length === 0);
});

test('a change in an imported file is noticed', async () => {
  const { root, file } = project();
  const editor = await start(root);
  writeFileSync(join(root, 'sum.ts'), 'export const other = 1;\n');
  const uri = await editor.open(file, MEAN);
  await until('the export is missing', () => editor.diagnostics.get(uri)?.some(({ code }) => code === 'bundle-failed'));
  writeFileSync(join(root, 'sum.ts'), 'export const sum = (xs: number[]) => xs.length;\n');
  const changes = [{ uri: pathToFileURL(join(root, 'sum.ts')).href, type: 2 }];
  await editor.connection.sendNotification('workspace/didChangeWatchedFiles', { changes });
  await until('it is there again', () => editor.diagnostics.get(uri)?.length === 0);
});

test('hover, completion and marking', async () => {
  const { root, file } = project();
  const editor = await start(root);
  const uri = await editor.open(file, MEAN);
  const at = (position: object) => ({ textDocument: { uri }, position });
  const hover = (await editor.connection.sendRequest('textDocument/hover', at({ line: 9, character: 18 }))) as {
    contents: { value: string };
  };
  expect(hover.contents.value).toContain('mean(xs: number[]): number');
  expect(hover.contents.value).toContain('Mean of some numbers');
  expect(hover.contents.value).toContain('command:runabout.run?');
  expect(await editor.connection.sendRequest('textDocument/hover', at({ line: 13, character: 18 }))).toBeNull();

  await editor.replace(uri, MEAN.replace('@remote endpoint=lab', '@re'));
  const complete = async (position: object) =>
    ((await editor.connection.sendRequest('textDocument/completion', at(position))) as { label: string }[] | null)?.map(
      ({ label }) => label,
    );
  expect(await complete({ line: 5, character: 6 })).toEqual(['@remote']);
  await editor.replace(uri, MEAN.replace('endpoint=lab', 'endpoint=lab '));
  expect(await complete(after(MEAN, 'endpoint=lab') && { line: 5, character: 24 })).toEqual(['timeout=']);
  expect(await complete({ line: 10, character: 5 })).toBeUndefined();

  const line = { line: 13, character: 20 };
  const [mark] = (await editor.connection.sendRequest('textDocument/codeAction', {
    textDocument: { uri },
    range: { start: line, end: line },
    context: { diagnostics: [] },
  })) as { title: string; edit: { changes: Record<string, { newText: string }[]> } }[];
  expect(mark!.title).toBe('Mark "unmarked" as remote (@remote)');
  expect(mark!.edit.changes[uri]![0]!.newText).toBe('/** @remote */\n');
});

test('untitled documents, CRLF, faulty syntax, JavaScript and JSX', async () => {
  const { root } = project();
  const editor = await start(root);
  const untitled = await editor.open('untitled:Untitled-1', '/** @remote */\nconst f = () => 1;\n');
  expect(await editor.titles(untitled)).toHaveLength(4);
  const crlf = await editor.open(join(root, 'crlf.ts'), MEAN.replaceAll('\n', '\r\n'));
  expect((await editor.titles(crlf))[0]).toBe('Run on lab');
  const faulty = await editor.open(join(root, 'faulty.ts'), `const x = {{{;\n${MEAN}`);
  expect((await editor.titles(faulty))[0]).toBe('Run on lab');
  const jsx = await editor.open(join(root, 'view.jsx'), '/** @remote */\nexport const view = () => <b>{1}</b>;\n');
  expect(await editor.titles(jsx)).toHaveLength(4);
  // Nothing was thrown on the way.
  expect(editor.errorOutput).toBe('');
});

test('the arguments of a function: schema, template, signature', async () => {
  const { root, file } = project();
  const editor = await start(root);
  const uri = await editor.open(file, MEAN);
  const reply = await editor.execute('runabout.arguments', { uri, name: 'mean' });
  expect(reply).toMatchObject({
    takesArguments: true,
    template: '[\n  [0]\n]\n',
    remembered: false,
    signature: 'mean(xs: number[]): number',
    schema: { type: 'array', prefixItems: [{ title: 'xs', type: 'array', items: { type: 'number' } }] },
  });
});

test('the schema of arguments follows edits of the head, of a type it names, and of the file that declares it', async () => {
  const { root } = project();
  const text = `import type { Unit } from './unit.ts';
interface Row { at: number }
/** @remote */
export function convert(row: Row, unit: Unit) { return [row, unit]; }
`;
  const unit = (of: string) => writeFileSync(join(root, 'unit.ts'), `export type Unit = ${of};\n`);
  unit("'C'");
  const file = join(root, 'convert.ts');
  writeFileSync(file, text);
  const editor = await start(root);
  const uri = await editor.open(file, text);
  const types = async () => {
    const { schema } = await editor.execute<{ schema: { prefixItems: object[] } }>('runabout.arguments', {
      uri,
      name: 'convert',
    });
    return JSON.stringify(schema.prefixItems);
  };
  const first = await types();
  await editor.replace(uri, text.replace('return [row, unit]', 'return { row, unit }'));
  expect(await types()).toBe(first);
  await editor.replace(uri, text.replace('at: number', 'at: string'));
  const second = await types();
  expect(second).toContain('"at":{"type":"string"}');
  await editor.replace(uri, text.replace('row: Row', 'row: boolean'));
  expect(await types()).toContain('"type":"boolean"');

  await editor.replace(uri, text);
  expect(await types()).toBe(first);
  unit('number');
  await editor.connection.sendNotification('workspace/didChangeWatchedFiles', {
    changes: [{ uri: pathToFileURL(join(root, 'unit.ts')).href, type: 2 }],
  });
  expect(await types()).not.toBe(first);
});

test('without a broker a run says so; wrong calls are refused with a code', async () => {
  const { root, file } = project();
  const editor = await start(root);
  const uri = await editor.open(file, MEAN);
  const failure = (command: string, argument: unknown) =>
    editor.execute(command, argument).then(
      () => undefined,
      (error: { message: string; data: { code: string } }) => [error.data?.code, error.message],
    );
  expect(await failure('runabout.run', { uri, name: 'mean' })).toEqual([
    'token-missing',
    expect.stringContaining('no connection'),
  ]);
  expect(await failure('runabout.arguments', { uri, name: 'mena' })).toEqual([
    'function-not-found',
    expect.any(String),
  ]);
  expect(await failure('runabout.run', { uri })).toEqual(['request-invalid', expect.stringContaining('name')]);
  expect(await failure('runabout.arguments', { uri: 'file:///nowhere/x.ts', name: 'x' })).toEqual([
    'function-not-found',
    expect.any(String),
  ]);
  expect(await failure('runabout.nothing', {})).toEqual([undefined, expect.stringContaining('runabout.nothing')]);
});

test('only a client without commands of its own gets them announced', async () => {
  const { root } = project();
  const own = await start(root);
  expect(own.result.capabilities.executeCommandProvider).toBeUndefined();
  const plain = await Editor.start({ folders: [root], env: { RUNABOUT_HOME: join(root, 'home') } });
  expect(plain.result.capabilities.executeCommandProvider!.commands).toContain('runabout.run');
  await until('there is no connection', () => plain.connectionStates.at(-1)?.state === 'none');
});

test('two folders with projects of their own', async () => {
  const [one, two] = [project(), project()];
  mkdirSync(join(two.root, 'deep'));
  writeFileSync(join(two.root, 'deep', 'package.json'), '{ "name": "@other/deep" }');
  const editor = await Editor.start({ folders: [one.root, two.root], initializationOptions: { clientCommands: true } });
  const names = async (file: string) => {
    const uri = await editor.open(file, '/** @remote */\nexport const f = () => 1;\n');
    return (
      (await editor.connection.sendRequest('runabout/document', { uri })) as { functions: { registryName: string }[] }
    ).functions[0]!.registryName;
  };
  expect(await names(join(one.root, 'a.ts'))).toBe('stats/a#f');
  expect(await names(join(two.root, 'deep', 'b.ts'))).toBe('@other/deep/b#f');
});

test('the server ends cleanly when it is told to, and by itself when its editor is gone', async () => {
  const { root } = project();
  expect(await (await start(root)).stop()).toBe(0);
  const orphan = await start(root);
  orphan.process.stdin!.end();
  await until('the orphan has ended', () => orphan.process.exitCode !== null || orphan.process.signalCode !== null);
});
