/** What every test file of a person's kind starts from: VS Code with the packaged extension, and nothing else. */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterEach } from 'vitest';
import { launchChromium } from '../../../scripts/editor/chromium.ts';
import { type Platform, platform } from '../../../scripts/editor/platform.ts';
import { insideCheckout, runFolder } from '../../../scripts/editor/processes.ts';
import { type Server, type ServerOptions, startServer } from '../../../scripts/editor/server.ts';
import { root } from '../../../scripts/editor/vscode.ts';
import { Editor } from './editor.ts';

export interface Setup {
  /** The broker and the endpoint that `runabout up` would start, or the extension. Nothing runs yet. */
  local: Platform;
  /** A new window of a person who has never been here, on a copy of `examples/`. */
  window(): Promise<Editor>;
  /** The folder that windows open. */
  folder: string;
  close(): Promise<void>;
}

/** Keeps a picture of the window for each test of this file that fails. */
export function keepFailures(editor: () => Editor | undefined): void {
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') await editor()?.screenshot(`failed ${task.name.replace(/[^\w ]/g, '')}`);
  });
}

export async function setUp(options: Partial<Pick<ServerOptions, 'settings' | 'workspaceTrust'>> = {}): Promise<Setup> {
  const vsix = process.env.RUNABOUT_TEST_VSIX;
  const run = runFolder();
  if (!vsix || !run)
    throw new Error('These tests are started by scripts/editor/run.mjs, which packages the extension first.');
  const scratch = mkdtempSync(join(run, 'ui-'));
  const home = join(scratch, 'home');
  mkdirSync(home);
  mkdirSync(insideCheckout(run), { recursive: true });
  const copies = mkdtempSync(join(insideCheckout(run), 'ui-'));
  const folder = join(copies, 'examples');
  cpSync(join(root, 'examples'), folder, { recursive: true });
  const env = { ...process.env, RUNABOUT_HOME: home };
  let server: Server | undefined;
  let browser: Browser | undefined;
  const local = platform(home, env);
  const close = async () => {
    await browser?.close();
    await server?.stop();
    await local.cli('down');
    for (const path of [scratch, copies]) rmSync(path, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    server = await startServer({
      data: join(scratch, 'vscode'),
      vsix,
      env,
      ...options,
      // In a browser VS Code saves by itself, and tests edit.
      settings: { 'files.autoSave': 'off', ...options.settings },
    });
    browser = await launchChromium();
  } catch (error) {
    await close();
    throw error;
  }
  const { url } = server;
  const chromium = browser;
  return {
    local,
    folder,
    close,
    // A context of its own: secrets and state of VS Code live in the browser's profile.
    window: async () => {
      const page = await (await chromium.newContext({ viewport: { width: 1600, height: 900 } })).newPage();
      const editor = new Editor(page, url);
      await editor.open(folder);
      return editor;
    },
  };
}
