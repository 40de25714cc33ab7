import { afterAll, beforeAll, expect, test } from 'vitest';
import { up } from '../../scripts/editor/platform.ts';
import type { Editor } from './support/editor.ts';
import { keepFailures, type Setup, setUp } from './support/setup.ts';

let setup: Setup;
let editor: Editor;

beforeAll(async () => {
  setup = await setUp({ workspaceTrust: true });
  await up(setup.local, 'laptop');
  editor = await setup.window();
});
afterAll(() => setup?.close());
keepFailures(() => editor);

test('a folder that is not trusted can be read, and nothing of it is sent', async () => {
  await editor.statusBar(/Restricted Mode/).waitFor();
  await editor.openFile('moon.ts');
  await editor.lens(/^moonPhases\(2027\)/).click();
  await editor.toast(/needs a trusted workspace/).waitFor();
  const { text } = await setup.local.cli('task', 'list', '--json');
  expect(text).not.toContain('moonPhases');
  await editor.screenshot('not-trusted');
});

test('once it is trusted the same click runs it', async () => {
  await editor.page.keyboard.press('Escape');
  await editor.command('Workspaces: Manage Workspace Trust');
  await editor.page.locator('.workspace-trust-editor').getByRole('button', { name: 'Trust', exact: true }).click();
  await editor.openFile('moon.ts');
  await editor.lens(/^moonPhases\(2027\)/).click();
  await editor.rows.filter({ hasText: 'laptop' }).first().click();
  await editor.lineEnd(/^= \[\{ phase: 'new'/);
});
