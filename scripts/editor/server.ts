/** Starts one VS Code server on a free port, with a data folder of its own. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { stopGroup } from './processes.ts';
import { installVscode } from './vscode.ts';

export interface ServerOptions {
  /** An empty folder for everything the server writes. */
  data: string;
  /** Packaged extensions to install first. */
  vsix?: string | string[];
  /**
   * Lets a page name an extension and its tests. It also hides notifications and dialogs, so a person's tests go
   * without.
   */
  smokeTestDriver?: boolean;
  /** Whether folders have to be trusted first, as on a desktop. */
  workspaceTrust?: boolean;
  /** Environment of the server, and so of the extension. */
  env?: NodeJS.ProcessEnv;
  settings?: Record<string, unknown>;
}

export interface Server {
  port: number;
  url: string;
  stop(): Promise<void>;
}

/** A quiet editor: nothing that asks the network, and nothing that takes room on the screenshots. */
const quiet = {
  'workbench.startupEditor': 'none',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.enableExperiments': false,
  'chat.disableAIFeatures': true,
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'telemetry.telemetryLevel': 'off',
  'git.enabled': false,
  'editor.minimap.enabled': false,
  'window.commandCenter': false,
  'typescript.disableAutomaticTypeAcquisition': true,
};

export async function startServer(options: ServerOptions): Promise<Server> {
  const program = join(await installVscode(), 'out/server-main.js');
  const { data } = options;
  const extensions = join(data, 'extensions');
  const folders = ['--server-data-dir', data, '--user-data-dir', data, '--extensions-dir', extensions];
  const common = [program, '--accept-server-license-terms', ...folders, '--telemetry-level', 'off'];
  const env = { ...process.env, ...options.env };

  const settings = {
    ...quiet,
    'security.workspace.trust.enabled': options.workspaceTrust ?? false,
    ...options.settings,
  };
  await mkdir(join(data, 'User'), { recursive: true });
  await mkdir(extensions, { recursive: true });
  await writeFile(join(data, 'User/settings.json'), JSON.stringify(settings, null, 2));
  const install = [options.vsix ?? []].flat().flatMap(vsix => ['--install-extension', vsix]);
  if (install.length > 0) await promisify(execFile)(process.execPath, [...common, ...install], { env });

  const child = spawn(
    process.execPath,
    [
      ...common,
      '--host',
      '127.0.0.1',
      '--port',
      '0',
      '--without-connection-token',
      ...(options.workspaceTrust ? [] : ['--disable-workspace-trust']),
      ...(options.smokeTestDriver ? ['--enable-smoke-test-driver'] : []),
    ],
    // Its own process group, so that the extension hosts end with it.
    { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const port = await listening(child, join(data, 'server.log'));
  return { port, url: `http://127.0.0.1:${port}`, stop: () => stopGroup(child) };
}

/** The port, as the server prints it; its output goes on into `log`. */
async function listening(child: ChildProcess, log: string): Promise<number> {
  const file = createWriteStream(log);
  child.stderr!.pipe(file, { end: false });
  child.stdout!.pipe(file, { end: false });
  return new Promise((resolve, reject) => {
    createInterface(child.stdout!).on('line', line => {
      const port = /listening on (\d+)/.exec(line)?.[1];
      if (port) resolve(Number(port));
    });
    child.once('error', reject);
    child.once('exit', code =>
      reject(new Error(`The VS Code server ended with ${code} before it listened: see ${log}`)),
    );
  });
}
