import { equal, ok } from 'node:assert/strict';
import * as vscode from 'vscode';
import { commands } from '../../extension/ids.ts';
import { until } from '../support/until.ts';
import { cli, connected, extension } from './support/extension.ts';

describe('connection', () => {
  const state = (api: Awaited<ReturnType<typeof connected>>) => api.session.state.state;

  afterEach(async () => (await extension().activate()).connector.chooseLocal());

  it('a token is in the secret storage and nowhere else', async () => {
    const api = await connected();
    const connection = api.session.connection!;
    await api.connector.chooseRemote(connection);
    equal(state(api), 'connected');
    const configuration = JSON.stringify(vscode.workspace.getConfiguration());
    ok(!configuration.includes(connection.token));

    await vscode.commands.executeCommand(commands.disconnect);
    equal(state(api), 'none');
    equal(api.session.client, undefined);
    // What is stored decides, in this window and in every other.
    await api.connector.resolve();
    equal(state(api), 'none');
    await api.connector.chooseRemote(connection);
    api.session.use(undefined);
    await api.connector.resolve();
    await until('the stored connection is used', () => state(api) === 'connected');
  });

  it('a wrong token is refused, and a right one heals it in place', async () => {
    const api = await connected();
    const connection = api.session.connection!;
    await api.connector.chooseRemote({ ...connection, token: `${connection.token}x` });
    await until('the broker refuses it', () => state(api) === 'refused');
    await until('the status bar says so', () => api.statusText().includes('connect again'));
    await api.connector.chooseRemote(connection);
    await until('it is connected again', () => state(api) === 'connected');
    await until('the list is there again', () => api.rows('endpoints').length === 1);
  });

  it('a broker that goes away and comes back is followed, and the last lists stay', async () => {
    const api = await connected();
    await cli('down');
    await until('the broker is gone', () => state(api) === 'disconnected');
    equal(api.rows('endpoints')[0]?.label, 'laptop');
    // Another port, perhaps: the extension finds it.
    await cli('up', '--endpoint', 'laptop', '--port', '0');
    await until('it is connected again', () => state(api) === 'connected', { withinMs: 30_000 });
    await connected();
  }).timeout(90_000);
});
