import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, parse, relative, sep } from 'node:path';
import { FunctionName } from '../../protocol/client-broker/common.ts';

/** The project a file belongs to: the folder of the nearest package.json, else the file's own. */
export interface Project {
  root: string;
  /** The package's name, else the folder's. */
  name: string;
}

export function projectOf(file: string): Project {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest)) return { root: folder, name: packageName(manifest) ?? basename(folder) };
    if (folder === parse(folder).root) return { root: dirname(file), name: basename(dirname(file)) };
  }
}

const names = new Map<string, { mtimeMs: number; name: string | undefined }>();

function packageName(manifest: string): string | undefined {
  const { mtimeMs } = statSync(manifest);
  const known = names.get(manifest);
  if (known?.mtimeMs === mtimeMs) return known.name;
  let name: string | undefined;
  try {
    const parsed: unknown = JSON.parse(readFileSync(manifest, 'utf8'));
    const given = (parsed as { name?: unknown } | null)?.name;
    if (typeof given === 'string' && given !== '') name = given;
  } catch {
    // A manifest that is being edited: the folder's name will do.
  }
  names.set(manifest, { mtimeMs, name });
  return name;
}

/** The path of a file inside its project, with `/`. */
export function pathInProject(project: Project, file: string): string {
  return relative(project.root, file).split(sep).join('/');
}

/**
 * The name of a function in the registry: `project/path/file#fn`, without the file's extension. Characters that the
 * registry does not take become `-`; a name that is too long keeps its end, which tells functions apart.
 */
export function registryName(project: Project, file: string, name: string): string {
  const path = pathInProject(project, file);
  const full = `${project.name}/${path.slice(0, path.length - extname(path).length)}#${name}`
    .replace(/[^\p{L}\p{N}_$@./#:-]/gu, '-')
    .replace(/^[^\p{L}\p{N}_$@]+/u, '');
  return FunctionName.parse(full.length <= 256 ? full : full.slice(-256).replace(/^[^\p{L}\p{N}_$@]+/u, ''));
}
