import { deepEqual, equal, ok } from 'node:assert/strict';
import * as vscode from 'vscode';
import { commands, EXTENSION_ID, views } from '../../extension/ids.ts';
import { until } from '../support/until.ts';
import { connected, extension, lenses, open } from './support/extension.ts';

describe('activation', () => {
  it('is quick, and exports nothing to other extensions but in tests', async () => {
    equal(extension().id, EXTENSION_ID);
    const before = performance.now();
    await extension().activate();
    const ms = performance.now() - before;
    console.log(`\u2060    activated in ${ms.toFixed(0)} ms`);
    ok(ms < 2000, `activation took ${ms} ms`);
  });

  it('registers exactly the commands that package.json announces', async () => {
    const announced = (extension().packageJSON.contributes.commands as { command: string }[]).map(each => each.command);
    const registered = (await vscode.commands.getCommands(true)).filter(id => /^runabout\.[A-Za-z]+$/.test(id));
    deepEqual(announced.toSorted(), Object.values(commands).toSorted());
    deepEqual(
      announced.filter(id => !registered.includes(id)),
      [],
    );
  });

  it('finds the broker of this machine, and shows its endpoint', async () => {
    const api = await connected();
    const row = await until('the endpoint has a row', () =>
      api.rows('endpoints').find(({ description }) => String(description).startsWith('online · ')),
    );
    equal(row.label, 'laptop');
    deepEqual((await api.session.requireClient().whoAmI()).principal.kind, 'owner');
  });

  it('has a view of each list', async () => {
    for (const id of [views.endpoints, views.functions, views.tasks])
      await vscode.commands.executeCommand(`${id}.focus`);
  });

  it('starts its language server with the first file that can hold a mark', async () => {
    const editor = await open('src/figures.ts');
    const titles = await until('there are lenses', async () => {
      const found = await lenses(editor);
      return found.length > 0 ? found : undefined;
    });
    ok(
      titles.some(title => title.includes('Run')),
      titles.join(' | '),
    );
  });
});
