// The real VS Code in Chromium with the packaged extension, a real broker and a real endpoint.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launchChromium } from '../../scripts/editor/chromium.ts';
import { platform, up } from '../../scripts/editor/platform.ts';
import { startServer } from '../../scripts/editor/server.ts';
import { root } from '../../scripts/editor/vscode.ts';
import { Editor } from '../../test/ui/support/editor.ts';

export interface VsCode {
  /** `RUNABOUT_HOME` of the broker, the endpoint and the extension. */
  home: string;
  endpoint: string;
  /** A new window of a person who has never been here. */
  window(folder: string, height?: number): Promise<Editor>;
  /** Closes all windows, and with each its extension host. */
  closeWindows(): Promise<void>;
  stop(): Promise<void>;
}

/** The peer extension's name, as VS Code shows it, and its command. */
export const bare = { name: 'Bare Extension', start: 'Bare: Start' };

export async function startVsCode(): Promise<VsCode> {
  const scratch = mkdtempSync(join(tmpdir(), 'runabout-bench-editor-'));
  const home = join(scratch, 'home');
  mkdirSync(home);
  const env = { ...process.env, RUNABOUT_HOME: home };
  const local = platform(home, env);
  const stops = [async () => rmSync(scratch, { recursive: true, force: true, maxRetries: 5 })];
  const stop = async () => {
    for (const each of stops.reverse()) await each();
  };
  try {
    console.error('Packaging …');
    const vsix = packageOurs(scratch);
    const bareVsix = packageBare(scratch);
    console.error('Starting the broker, the endpoint and VS Code …');
    stops.push(async () => void (await local.cli('down')));
    await up(local, 'laptop');
    const server = await startServer({
      data: join(scratch, 'vscode'),
      vsix: [vsix, bareVsix],
      env,
      // In a dialog, the list of running extensions is drawn only as far as it fits.
      settings: { 'files.autoSave': 'off', 'workbench.editor.useModal': 'off' },
    });
    stops.push(server.stop);
    const browser = await launchChromium();
    stops.push(() => browser.close());
    return {
      home,
      endpoint: 'laptop',
      async window(folder, height = 900) {
        const page = await (await browser.newContext({ viewport: { width: 1600, height } })).newPage();
        const editor = new Editor(page, server.url);
        await editor.open(folder);
        return editor;
      },
      async closeWindows() {
        for (const context of browser.contexts()) await context.close();
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** As people get it: with esbuild's own program for this platform. */
function packageOurs(scratch: string): string {
  const out = join(scratch, 'runabout.vsix');
  const target = `${process.platform}-${process.arch}`;
  run([join(root, 'scripts/package.mjs'), '--no-build', '--target', target, '--out', out], root);
  return out;
}

function packageBare(scratch: string): string {
  const folder = join(scratch, 'bare');
  cpSync(join(root, 'bench/editor/bare-extension'), folder, { recursive: true });
  const out = join(scratch, 'bare.vsix');
  const flags = ['--no-dependencies', '--allow-missing-repository', '--skip-license', '--out', out];
  run([join(root, 'node_modules/@vscode/vsce/vsce'), 'package', ...flags], folder);
  return out;
}

function run(args: string[], cwd: string): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${args[0]} failed: ${stdout}${stderr}`);
}
