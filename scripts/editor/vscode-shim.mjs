#!/usr/bin/env node
// Stands where @vscode/test-electron expects the executable of a desktop VS Code: takes its arguments, runs the tests in
// the extension host of the VS Code server with Chromium as its window, and exits with their result (0 or 1; 2 when the
// tests did not run at all).
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format, parseArgs } from 'node:util';
import { launchChromium } from './chromium.ts';
import { startServer } from './server.ts';
import { root } from './vscode.ts';

const { values, positionals } = parseArgs({
  strict: false,
  allowPositionals: true,
  options: {
    extensionDevelopmentPath: { type: 'string', multiple: true },
    extensionTestsPath: { type: 'string' },
  },
});

/** How long the tests may take, in milliseconds: a window that never starts them looks just like slow ones. */
const withinMs = Number(process.env.EDITOR_TESTS_MS ?? 240_000);

const data = await mkdtemp(join(tmpdir(), 'runabout-editor-'));
await mkdir(join(root, 'out'), { recursive: true });
const windowLog = createWriteStream(join(root, 'out/editor-window.log'));
let server;
let browser;
let code = 2;
const stop = async () => {
  await browser?.close();
  await server?.stop();
  await rm(data, { recursive: true, force: true, maxRetries: 5 });
};
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop().then(() => process.exit(2)));
try {
  server = await startServer({ data, smokeTestDriver: true });
  browser = await launchChromium();
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  code = await runTests(page, server);
} catch (error) {
  console.error(error.message);
} finally {
  await stop();
}
process.exit(code);

function runTests(page, { port, url }) {
  const remote = path => `vscode-remote://127.0.0.1:${port}${path}`;
  const payload = [
    ...values.extensionDevelopmentPath.map(path => ['extensionDevelopmentPath', remote(path)]),
    ['extensionTestsPath', remote(values.extensionTestsPath)],
    ['skipWelcome', 'true'],
    ['skipReleaseNotes', 'true'],
  ];
  const query = new URLSearchParams({ payload: JSON.stringify(payload) });
  if (positionals[0]) query.set('folder', positionals[0]);

  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`The tests did not end within ${withinMs} ms.`)), withinMs);
    const finish = code => {
      clearTimeout(late);
      resolve(code);
    };
    // The whole console goes to a file, the marked lines of reporter.cjs to the terminal.
    const log = (_type, args) => {
      const text = format(...args);
      windowLog.write(`${text}\n`);
      if (text.startsWith('\u2060')) console.log(text.slice(1));
    };
    // Both before the page loads: the workbench looks for them once.
    Promise.all([page.exposeFunction('codeAutomationExit', finish), page.exposeFunction('codeAutomationLog', log)])
      .then(() => page.goto(`${url}/?${query}`))
      .catch(reject);
  });
}
