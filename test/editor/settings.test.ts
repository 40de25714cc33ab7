import { ok } from 'node:assert/strict';
import * as vscode from 'vscode';
import { commands, settings } from '../../extension/ids.ts';
import { until } from '../support/until.ts';
import { connected, lenses, open, start, task } from './support/extension.ts';

describe('settings', () => {
  afterEach(async () => {
    for (const name of [settings.lenses, settings.inlineResults])
      await vscode.workspace.getConfiguration().update(name, undefined, vscode.ConfigurationTarget.Workspace);
  });

  it('lenses can be turned off and on', async () => {
    await connected();
    const editor = await open('src/figures.ts');
    await until('there are lenses', async () => (await lenses(editor)).length > 0);
    await vscode.commands.executeCommand(commands.toggleLenses);
    await until('the lenses are gone', async () => (await lenses(editor)).length === 0);
    await vscode.commands.executeCommand(commands.toggleLenses);
    await until('there are lenses again', async () => (await lenses(editor)).length > 0);
  });

  it('results at the ends of lines can be turned off, and cleared', async () => {
    const api = await connected();
    const editor = await open('src/figures.ts');
    const uri = editor.document.uri.toString();
    await task(api, await start(editor, 'mean', [[3]]));
    const shown = () => api.inlineTexts(uri).length > 0;
    await until('a result is shown', shown);
    await vscode.commands.executeCommand(commands.toggleInlineResults);
    await until('no result is shown', () => !shown());
    await vscode.commands.executeCommand(commands.toggleInlineResults);
    await until('a result is shown again', shown);
    await vscode.commands.executeCommand(commands.clearResults);
    ok(!shown());
  });
});
