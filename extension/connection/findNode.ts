import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { t } from '../l10n.ts';

const run = promisify(execFile);

/** A program that runs Node.js, and the environment it needs for that. */
export interface NodeProgram {
  path: string;
  env: Record<string, string>;
}

export const LEAST_NODE = '24.15';

/** Whether what the probe said (`v24.21.0`) is a Node.js the broker and the agent run on. */
export function suffices(version: string): boolean {
  const [, major = 0, minor = 0] = /^v(\d+)\.(\d+)\.\S*$/.exec(version)?.map(Number) ?? [];
  return major > 24 || (major === 24 && minor >= 15);
}

// Electron's Node can leave modules out: ask for the one the broker needs.
const PROBE = 'console.log(process.version, process.getBuiltinModule?.("node:sqlite") ? "" : "without node:sqlite")';

/**
 * A Node.js that the broker and the agent run on: the one of the setting, else the one this extension runs on, else
 * `node` on the PATH.
 * @throws RunaboutError that says what each of them is
 */
export async function findNode(configured: string): Promise<NodeProgram> {
  const candidates: { what: string; node: NodeProgram }[] = configured
    ? [{ what: t('the setting runabout.nodePath ({0})', configured), node: { path: configured, env: {} } }]
    : [
        { what: t("VS Code's own"), node: { path: process.execPath, env: { ELECTRON_RUN_AS_NODE: '1' } } },
        { what: t('node on the PATH'), node: { path: 'node', env: {} } },
      ];
  const found: string[] = [];
  for (const { what, node } of candidates) {
    const version = await probe(node);
    if (suffices(version)) return node;
    found.push(`${what}: ${version}`);
  }
  throw new RunaboutError(
    'endpoint-config',
    t('A local broker needs Node.js {0} or newer. Found {1}.', LEAST_NODE, found.join('; ')),
    { hint: t('Install Node.js 24, or set runabout.nodePath.') },
  );
}

async function probe({ path, env }: NodeProgram): Promise<string> {
  try {
    const { stdout } = await run(path, ['-e', PROBE], { env: { ...process.env, ...env }, timeout: 10_000 });
    return stdout.trim();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? t('not found') : t('does not start');
  }
}
