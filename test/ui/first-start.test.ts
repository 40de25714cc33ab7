import { afterAll, beforeAll, expect, test } from 'vitest';
import { findLocalBroker, localConnection } from '../../client/local.ts';
import { until } from '../support/until.ts';
import type { Editor } from './support/editor.ts';
import { keepFailures, type Setup, setUp } from './support/setup.ts';

let setup: Setup;
let editor: Editor;

beforeAll(async () => {
  setup = await setUp();
  editor = await setup.window();
});
afterAll(() => setup?.close());
keepFailures(() => editor);

test('the first look says what Runabout does and offers one thing to do', async () => {
  await editor.container();
  const welcome = editor.view('Endpoints').locator('.welcome-view-content');
  await welcome.getByText('Run functions on other machines, straight from the editor.').waitFor();
  expect(await welcome.locator('.monaco-button').allInnerTexts()).toEqual(['Start a Local Broker and Endpoint']);
  expect(await welcome.locator('a.monaco-link, p a').allInnerTexts()).toEqual([
    'Connect to a broker…',
    'Take the tour',
  ]);
  for (const view of ['Functions', 'Tasks'] as const)
    await editor
      .view(view)
      .locator('.welcome-view-content')
      .getByText(/Connect to a broker/)
      .waitFor();
  await editor.screenshot('first-start');
});

test('that one thing leads to an endpoint that is online', async () => {
  const welcome = editor.view('Endpoints').locator('.welcome-view-content');
  await welcome.getByRole('button', { name: 'Start a Local Broker and Endpoint' }).click();
  await editor.viewRow('Endpoints', /local.*online/);
  await editor.statusBar(/local/).waitFor();
  await editor
    .view('Functions')
    .getByText(/No functions yet/)
    .waitFor();
  await editor
    .view('Tasks')
    .getByText(/No tasks yet/)
    .waitFor();
  expect(findLocalBroker(setup.local.home)).toBeDefined();
  await editor.screenshot('first-endpoint');
});

test('a window that comes later finds the same broker by itself', async () => {
  const second = await setup.window();
  await second.container();
  await second.viewRow('Endpoints', /local.*online/);
  await second.page.close();
});

test('another broker is an address and a token away, and a wrong token says so', async () => {
  const { url, token } = localConnection(setup.local.home)!;
  await editor.command('Runabout: Disconnect');
  await editor.view('Endpoints').locator('.welcome-view-content .monaco-button').waitFor();

  await editor.command('Runabout: Connect…');
  await editor.answer('Address of the broker', url);
  await editor.answer('Token for', 'not-a-token');
  await editor.toast(/does not accept the token|token is not known/i).waitFor();
  await editor.page.keyboard.press('Escape');

  await editor.command('Runabout: Connect…');
  await editor.answer('Address of the broker', url);
  await editor.answer('Token for', token);
  // Straight on to an endpoint, when none is chosen yet.
  await until(
    'the endpoint is there',
    async () => (await editor.viewRows('Endpoints').filter({ hasText: 'local' }).count()) > 0,
  );
  await editor.viewRow('Endpoints', /local.*online/);
});
