import { existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

/** The executable of a desktop VS Code: `$VSCODE_PATH`, else the one that `code` on the PATH belongs to. */
export function findDesktop(): string | undefined {
  const { VSCODE_PATH, PATH = '', DISPLAY, WAYLAND_DISPLAY } = process.env;
  if (VSCODE_PATH) return VSCODE_PATH;
  // A window needs a screen; without one the server and Chromium do.
  if (process.platform === 'linux' && !DISPLAY && !WAYLAND_DISPLAY) return undefined;
  for (const folder of PATH.split(delimiter)) {
    const launcher = ['code', 'code.cmd'].map(name => join(folder, name)).find(existsSync);
    if (!launcher) continue;
    const bin = dirname(realpathSync(launcher));
    const executables = ['../code', '../Code.exe', '../../../MacOS/Electron', '../../../MacOS/Code'];
    const found = executables.map(path => join(bin, path)).find(existsSync);
    if (found) return found;
  }
  return undefined;
}
