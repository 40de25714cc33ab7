import { FileType, RelativePattern, Uri, workspace } from 'vscode';

/**
 * A file of the workspace by its path relative to some project in it (as stacks and the registry name files): at the
 * root of a folder, else the only or the shortest path that ends in it. `undefined` when the workspace has none.
 */
export async function findInWorkspace(file: string): Promise<Uri | undefined> {
  const path = file.replace(/\\/g, '/').replace(/^\.\//, '');
  if (path === '' || path.startsWith('node:') || path.split('/').includes('..')) return undefined;
  for (const folder of workspace.workspaceFolders ?? []) {
    const uri = path.startsWith('/') ? folder.uri.with({ path }) : Uri.joinPath(folder.uri, path);
    const inside = uri.path.startsWith(`${folder.uri.path}/`);
    if (inside && (await isFile(uri))) return uri;
  }
  if (path.startsWith('/')) return undefined;
  const literal = path.replace(/[[\]{}*?]/g, '[$&]');
  for (const folder of workspace.workspaceFolders ?? []) {
    const pattern = new RelativePattern(folder, `**/${literal}`);
    const found = await workspace.findFiles(pattern, '**/node_modules/**', 20);
    const [nearest] = found.sort((a, b) => a.path.length - b.path.length);
    if (nearest) return nearest;
  }
  return undefined;
}

async function isFile(uri: Uri): Promise<boolean> {
  try {
    return ((await workspace.fs.stat(uri)).type & FileType.File) !== 0;
  } catch {
    return false;
  }
}
