/** The main job as a person does it: look at the examples, run one, read the result on its line. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { up } from '../../scripts/editor/platform.ts';
import { until } from '../support/until.ts';
import type { Editor } from './support/editor.ts';
import { keepFailures, type Setup, setUp } from './support/setup.ts';

let setup: Setup;
let editor: Editor;

beforeAll(async () => {
  setup = await setUp();
  // Long enough to be watched, and cancelled, on any machine.
  const pi = join(setup.folder, 'numbers/pi.ts');
  writeFileSync(pi, readFileSync(pi, 'utf8').replace('estimatePi(20, 2_000_000)', 'estimatePi(9_999, 1_000_000)'));
  // More than the editor decodes.
  const large = "/** @remote */\nexport const large = () => 'x'.repeat(17 * 1024 * 1024);\n";
  writeFileSync(join(setup.folder, 'numbers/large.ts'), large);
  await up(setup.local, 'laptop');
  editor = await setup.window();
});
afterAll(() => setup?.close());
keepFailures(() => editor);

test('marked functions carry lenses', async () => {
  await editor.openFile('report.ts');
  await editor.lens(/monthlyReport\(\)/).waitFor();
  const lenses = await editor.lenses();
  expect(lenses.filter(text => /Run/.test(text)).length).toBeGreaterThanOrEqual(2);
  await editor.screenshot('lenses');
});

test('right-click, pick the endpoint, give arguments, and the result stands at the end of the line', async () => {
  await editor.contextMenu(editor.line('export function monthlyReport'), 'Run on Remote Endpoint…');
  const row = editor.rows.filter({ hasText: 'laptop' }).first();
  await row.waitFor();
  await editor.screenshot('pick-endpoint');
  await row.click();

  // The function takes an argument: it is asked for in a document that knows its type.
  await editor.page.locator('.tabs-container .tab.active', { hasText: /monthlyReport/ }).waitFor();
  await editor.line('"C"').waitFor();
  await editor.screenshot('arguments');
  await editor.line('"arguments"').click();
  await editor.page.keyboard.press('Control+Enter');
  await editor.lineEnd(/^= \[.*2025-01/);
  await editor.page
    .locator('.tabs-container .tab.active', { hasText: /monthlyReport/ })
    .getByRole('button', { name: /^Close/ })
    .click();
  await editor.screenshot('result-on-line');
});

test('the hover gives the result, the endpoint and the way on', async () => {
  // After a menu VS Code shows no hover before the next click.
  await editor.line('const convert').click();
  const name = editor.line('export function monthlyReport').getByText('monthlyReport').last();
  const text = await editor.hover(name, /succeeded\son\slaptop/);
  expect(text).toContain('2025-01');
  await editor.screenshot('hover');
  await editor.page.keyboard.press('Escape');
});

test('the panel shows records as a table, beside the code', async () => {
  await editor.command('Runabout: Show Result');
  await editor.rows.filter({ hasText: 'monthlyReport' }).first().click();
  const panel = await editor.panel();
  await panel.getByRole('columnheader', { name: 'rainMm' }).waitFor();
  expect(await panel.getByRole('row').count()).toBe(13);
  expect(await panel.getByRole('heading', { level: 1 }).textContent()).toContain('monthlyReport');
  await editor.line('export function monthlyReport').waitFor();
  await editor.screenshot('panel-table');
});

test('an example is one click on its lens, and the open panel follows', async () => {
  await editor.lens(/monthlyReport\('F'\)/).click();
  await editor.lineEnd(/^= \[.*mean: \d\d\.\d/);
  const panel = await editor.panel();
  await panel.getByRole('tab', { name: /Output/ }).click();
  await panel.getByText(/readings, 12 months/).waitFor();
  await panel.getByRole('tab', { name: 'Details' }).click();
  await panel.getByText('Ran the function').waitFor();
  await editor.screenshot('panel-details');
});

test('numbers are a plot', async () => {
  await editor.openFile('walk.ts');
  await editor.lens(/randomWalk\(2000\)/).click();
  const panel = await editor.panel();
  await panel.getByRole('img', { name: /^Line plot of 2,000 numbers/ }).waitFor();
  await editor.lineEnd(/^= \[0, /);
  await editor.screenshot('panel-plot');
});

test('PNG bytes are a picture', async () => {
  await editor.openFile('mandelbrot.ts');
  await editor.lens(/mandelbrot\(480\)/).click();
  const panel = await editor.panel();
  await panel.getByText('480 × 320 pixels').waitFor();
  await editor.screenshot('panel-picture');
});

test('what a generator prints and yields arrives while it runs', async () => {
  await editor.openFile('pi.ts');
  await editor.lens(/estimatePi\(9_999/).click();
  const panel = await editor.panel();
  await panel.getByText(/round 2 of 9999/).waitFor();
  await panel
    .getByRole('status')
    .getByText(/^Running on laptop/)
    .waitFor();
  await panel.locator('.stream-item').first().waitFor();
  await editor.lineEnd(/^… /);
  await editor.screenshot('panel-running');

  // Its many lines hold nothing up: another file has its lenses.
  await editor.openFile('report.ts');
  await editor.goTo(24);
  await editor.lens('Run on laptop').waitFor();
  await editor.openFile('pi.ts');
  await panel.getByRole('button', { name: 'Cancel' }).click();
  await editor.lineEnd(/cancelled/);
});

test('a failed run puts the remote error on the local line, until that is edited', async () => {
  await editor.openFile('report.ts');
  await editor.goTo(55);
  await editor.lens(/repairedReport\(3\)/).click();
  await editor.lineEnd(/^✗ Error: The year cannot be reported$/);
  await editor.problems().first().waitFor();
  const panel = await editor.panel();
  const error = panel.getByRole('region', { name: 'Error' });
  await error.getByText('Caused by').first().waitFor();
  expect(await error.textContent()).toContain('Your function failed.');
  await editor.screenshot('error-on-line');

  await error
    .getByRole('button', { name: /readings\.ts:\d+/ })
    .first()
    .click();
  await editor.page.locator('.tabs-container .tab.active[data-resource-name="readings.ts"]').waitFor();

  await editor.openFile('report.ts');
  await editor.goTo(55);
  await editor.line('throw new Error').click();
  await editor.page.keyboard.press('End');
  await editor.page.keyboard.type(' // mended');
  await editor.noLineEnd(/^✗ Error: The year cannot be reported$/);
  await until('nothing is underlined', async () => (await editor.problems().count()) === 0);
  await editor.command('File: Revert File');
});

test('the sidebar shows the endpoint, the functions and the tasks with their states', async () => {
  await editor.container();
  await editor.viewRow('Endpoints', /laptop.*online/);
  await editor.viewRow('Functions', /monthlyReport/);
  await editor.viewRow('Tasks', /repairedReport.*failed/);
  await editor.viewRow('Tasks', /monthlyReport.*succeeded/);
  await editor.statusBar(/laptop/).waitFor();
  await editor.screenshot('sidebar');
});

test('the history of a task says when each state came and why', async () => {
  await editor.contextMenu(await editor.viewRow('Tasks', /estimatePi.*cancelled/), 'Show History');
  const panel = await editor.panel();
  const history = panel.getByRole('region', { name: 'History' });
  await history.getByRole('row', { name: /Queued .*Submitted by owner\./ }).waitFor();
  await history.getByRole('row', { name: /Running .* 1 A worker began with it\./ }).waitFor();
  await history.getByRole('row', { name: /Cancelling .*Somebody cancelled it\./ }).waitFor();
  await history.getByRole('row', { name: /Cancelled .*laptop stopped it\./ }).waitFor();
  expect(await panel.getByRole('heading', { level: 1 }).textContent()).toContain('estimatePi');
  for (const [name, theme] of [
    ['light', 'Light Modern'],
    ['dark', 'Dark Modern'],
  ] as const) {
    await editor.theme(theme);
    await until(`the panel is ${name}`, async () =>
      (await panel.locator('body').getAttribute('class'))?.includes(`vscode-${name}`),
    );
    await editor.screenshot(`panel-history-${name}`);
  }
});

test('a task that came from elsewhere shows up by itself', async () => {
  const rows = editor.viewRows('Tasks').filter({ hasText: /randomWalk.*succeeded/ });
  const before = await rows.count();
  const { status, text } = await setup.local.cli(
    'run',
    `${setup.folder}/numbers/walk.ts#randomWalk`,
    '--on',
    'laptop',
    '9',
  );
  expect(status, text).toBe(0);
  await until('there is one more', async () => (await rows.count()) === before + 1);
});

test('dates stay dates, and the panel follows to another file', async () => {
  await editor.openFile('moon.ts');
  await editor.command('View: Close Other Editors in Group');
  await editor.lens(/^moonPhases\(2027\)/).click();
  await editor.lineEnd(/^= \[\{ phase: 'new', at: 2027-01-07T/);
  const panel = await editor.panel();
  await panel.getByRole('cell', { name: /^2027-01-07T/ }).waitFor();
  expect(await panel.getByRole('columnheader').allTextContents()).toEqual(['phase', 'at', 'weekday']);
});

test.each([
  ['light', 'Light Modern'],
  ['high-contrast', 'Dark High Contrast'],
  ['dark', 'Dark Modern'],
])('everything stays to be read in %s', async (name, theme) => {
  await editor.theme(theme);
  const panel = await editor.panel();
  await until(`the panel is ${name} too`, async () =>
    (await panel.locator('body').getAttribute('class'))?.includes(`vscode-${name}`),
  );
  await editor.lineEnd(/^= \[\{ phase/);
  await editor.screenshot(`theme-${name}`);
});

test('the panel runs again, and opens the result as JSON', async () => {
  const rows = editor.viewRows('Tasks').filter({ hasText: /moonPhases.*succeeded/ });
  const before = await rows.count();
  await (await editor.panel()).getByRole('button', { name: 'Run again' }).click();
  await until('there is one more task', async () => (await rows.count()) === before + 1);
  await (await editor.panel()).getByRole('button', { name: 'Open as JSON' }).click();
  await editor.line('"weekday": "Thursday"').waitFor();
});

test('a result too large to copy or open is offered to be saved', async () => {
  await editor.openFile('large.ts');
  await editor.lens(/^Run on laptop/).click();
  await editor.lineEnd(/^= 17\.0 MiB/);
  for (const item of ['Copy Result', 'Open Result as JSON']) {
    await editor.contextMenu(await editor.viewRow('Tasks', /large.*succeeded/), item);
    const toast = editor.toast(/The result is 17\.8 MB, too large to copy or to open here/);
    await toast.waitFor();
    if (item === 'Copy Result') await editor.screenshot('too-large');
    await toast.getByRole('button', { name: 'Save to a File…' }).click();
    await editor.page.locator('.quick-input-widget', { hasText: 'Save the result' }).waitFor();
    await until('a name is proposed', async () => (await editor.input.inputValue()).endsWith('/examples/large.json'));
    await editor.page.keyboard.press(item === 'Copy Result' ? 'Escape' : 'Enter');
  }
  const saved = join(setup.folder, 'large.json');
  // A string in quotes, as it came.
  await until('the file is there', () => statSync(saved).size === 17 * 1024 * 1024 + 2);
});

test('the panel comes back with the window', async () => {
  await editor.page.reload();
  const panel = await editor.panel();
  // With the task that it showed when VS Code last saved the window, which it does from time to time.
  await panel
    .getByRole('status')
    .getByText(/^(Succeeded|Failed|Cancelled) on laptop · v1/)
    .waitFor();
  expect(await panel.getByRole('heading', { level: 1 }).textContent()).toMatch(/^runabout-examples\/\w+\/\w+#\w+$/);
  expect(editor.violations).toEqual([]);
});
