import { deepEqual, equal, match, ok } from 'node:assert/strict';
import * as vscode from 'vscode';
import { commands } from '../../extension/ids.ts';
import { until } from '../support/until.ts';
import { cli, connected, lenses, lineOf, open, replace, start, task } from './support/extension.ts';

describe('running a function', () => {
  it('only marked functions have lenses, on the line of their declaration', async () => {
    await connected();
    const editor = await open('src/figures.ts');
    const found = await until('there are lenses', async () => {
      const all = await vscode.commands.executeCommand<vscode.CodeLens[]>(
        'vscode.executeCodeLensProvider',
        editor.document.uri,
      );
      return all.length > 0 ? all : undefined;
    });
    const lines = new Set(found.map(({ range }) => range.start.line));
    const expected = ['function mean', 'function patience', 'const table'].map(text => lineOf(editor.document, text));
    deepEqual(
      [...lines].toSorted((a, b) => a - b),
      expected,
    );
  });

  it('shows the result at the end of the line, in the lens and in the hover', async () => {
    const api = await connected();
    const editor = await open('src/figures.ts');
    const uri = editor.document.uri.toString();
    const id = await start(editor, 'mean', [[10, 20]]);
    equal((await task(api, id)).state, 'succeeded');

    const line = lineOf(editor.document, 'function mean');
    const shown = await until('the result is on its line', () =>
      api.inlineTexts(uri).find(each => each.line === line && each.text.startsWith('= 288')),
    );
    match(shown.text, /^= 288\.15 · [\d.]+ m?s$/);
    await until('the lens tells it too', async () => (await lenses(editor)).find(title => title.includes('288.15')));
    const hovers = await vscode.commands.executeCommand<vscode.Hover[]>(
      'vscode.executeHoverProvider',
      editor.document.uri,
      new vscode.Position(line, editor.document.lineAt(line).text.indexOf('mean') + 1),
    );
    const text = hovers
      .flatMap(({ contents }) => contents.map(each => (each as vscode.MarkdownString).value))
      .join('\n');
    match(text, /288\.15/);
    match(text, /laptop/);
  });

  it('an example of the function is one click', async () => {
    const api = await connected();
    const editor = await open('src/figures.ts');
    const lens = await until('the example has a lens', async () => {
      const all = await vscode.commands.executeCommand<vscode.CodeLens[]>(
        'vscode.executeCodeLensProvider',
        editor.document.uri,
        100,
      );
      return all.find(({ command }) => command?.title.includes('mean([10, 20])'));
    });
    const [argument] = lens.command!.arguments as [Record<string, unknown>];
    const id = await vscode.commands.executeCommand<string>(lens.command!.command, { ...argument, endpoint: 'laptop' });
    const { state } = await task(api, id);
    equal(state, 'succeeded');
  });

  it('the panel has the value, its best view, the output and the timings', async () => {
    const api = await connected();
    const editor = await open('src/figures.ts');
    const id = await start(editor, 'table');
    await task(api, id);
    await vscode.commands.executeCommand(commands.showResult, { task: id });
    const state = await until('the panel shows the task', () =>
      api.panel.state?.task.id === id && api.panel.state.value ? api.panel.state : undefined,
    );
    deepEqual(state.value!.view, {
      kind: 'table',
      columns: ['city', 'people'],
      rows: [
        ['Delft', '106184'],
        ['Leiden', '127046'],
      ],
      omitted: 0,
    });
    ok(state.task.timings!.runMs >= 0);
    equal(
      vscode.window.activeTextEditor?.document.uri.toString(),
      editor.document.uri.toString(),
      'the code keeps the focus',
    );

    const noisy = await start(editor, 'mean', [[1]]);
    await until('the open panel follows to the next task', () =>
      api.panel.state?.task.id === noisy && api.panel.state.value ? true : undefined,
    );
    deepEqual(
      api.panel.state!.output.map(({ stream, text }) => ({ stream, text })),
      [{ stream: 'stdout', text: 'averaging 1 values\n' }],
    );
  });

  it('a result is dimmed once its function has changed', async () => {
    const api = await connected();
    const editor = await open('src/figures.ts');
    const uri = editor.document.uri.toString();
    await task(api, await start(editor, 'mean', [[0]]));
    await until('the result is fresh', () => api.inlineTexts(uri).find(({ tone }) => tone === 'result'));
    await replace(editor, '/ celsius.length;', '/ celsius.length + 1;');
    await until('the result is stale', () => api.inlineTexts(uri).find(({ tone }) => tone === 'stale'));
    await vscode.commands.executeCommand('workbench.action.files.revert');
    await until('the result is fresh again', () => api.inlineTexts(uri).find(({ tone }) => tone === 'result'));
  });

  it('a remote error stands on the local line it came from, until that is edited', async () => {
    const api = await connected();
    const editor = await open('src/figures.ts');
    const helper = vscode.Uri.joinPath(editor.document.uri, '../units.ts');
    const record = await task(api, await start(editor, 'mean', [[20, -300]]));
    equal(record.state, 'failed');
    equal(record.error?.code, 'function-threw');

    const units = await open('src/units.ts');
    const line = lineOf(units.document, 'throw new RangeError');
    const problem = await until('the line has a diagnostic', () =>
      vscode.languages.getDiagnostics(helper).find(each => each.range.start.line === line),
    );
    match(problem.message, /-300 °C is below absolute zero/);
    equal(problem.severity, vscode.DiagnosticSeverity.Error);
    const shown = await until('the line tells it too', () =>
      api.inlineTexts(helper.toString()).find(each => each.line === line),
    );
    equal(shown.text, '✗ RangeError: -300 °C is below absolute zero.');

    await replace(units, '273.15) throw', '273.16) throw');
    await until('the text is gone', () => api.inlineTexts(helper.toString()).length === 0);
    await until('the diagnostic is gone', () => vscode.languages.getDiagnostics(helper).length === 0);
    await vscode.commands.executeCommand('workbench.action.files.revert');
  });

  it('cancel stops a running task', async () => {
    const api = await connected();
    const editor = await open('src/figures.ts');
    const id = await start(editor, 'patience');
    await task(api, id, ({ state }) => state === 'running');
    await until('the status bar turns', () => api.statusText().includes('loading~spin'));
    await vscode.commands.executeCommand(commands.cancel, { task: id });
    const { state } = await task(api, id);
    equal(state, 'cancelled');
    await until('the line says so', () =>
      api.inlineTexts(editor.document.uri.toString()).find(({ text }) => text.includes('cancelled')),
    );
  });

  it('a task that the command line started is in the Tasks view by event', async () => {
    const api = await connected();
    const folder = vscode.workspace.workspaceFolders![0]!.uri.fsPath;
    const before = api.rows('tasks').length;
    const printed = await cli('run', `${folder}/src/figures.ts#table`, '--on', 'laptop', '--json');
    match(printed, /Leiden/);
    await until('its row is there', () => api.rows('tasks').length === before + 1);
    const row = await until('the row says how it ended', () =>
      api.rows('tasks').find(({ description }) => String(description).startsWith('succeeded · ')),
    );
    equal(row.label, 'table');
  });

  it('mistakes are diagnostics before anything is sent', async () => {
    await connected();
    const { document } = await open('src/mistakes.ts');
    const messages = await until('both mistakes are told', () => {
      const found = vscode.languages.getDiagnostics(document.uri).filter(({ source }) => source === 'runabout');
      return found.length >= 2 ? found.map(({ message }) => message) : undefined;
    });
    ok(
      messages.some(message => message.includes('endpont')),
      messages.join(' | '),
    );
    ok(
      messages.some(message => message.includes('factor')),
      messages.join(' | '),
    );
  });

  it('goes on after the language server is started anew', async () => {
    const api = await connected();
    await vscode.commands.executeCommand(commands.restartLanguageServer);
    const editor = await open('src/figures.ts');
    await until('there are lenses again', async () => (await lenses(editor)).length > 0);
    equal((await task(api, await start(editor, 'mean', [[7]]))).state, 'succeeded');
  });
});
