// Holds the arrows of the architecture (docs/architecture.md): which folder may import which, and who may import the
// packages that only one part may know.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const mayImport = {
  protocol: [],
  client: ['protocol'],
  broker: ['protocol'],
  agent: ['protocol'],
  'language-server': ['client', 'protocol'],
  extension: ['client', 'protocol'],
  webview: ['protocol'],
  // Of the language server only what knows nothing of editors: the CLI finds and bundles functions the same way.
  cli: ['client', 'broker', 'agent', 'protocol', 'language-server/functions'],
};

/** Packages that one folder keeps to itself, so that they can be swapped there. */
const onlyIn = {
  vscode: 'extension/',
  'vscode-languageclient': 'extension/',
  'vscode-languageserver': 'language-server/',
  'ts-morph': 'language-server/',
  '@vscode/webview-ui-toolkit': 'webview/ui/',
  fastify: 'broker/',
  'node:sqlite': ['broker/', 'agent/'],
};

export function wrongArrows() {
  const wrong = [];
  for (const part of Object.keys(mayImport)) {
    for (const file of sources(join(root, part))) {
      const here = relative(root, file).split(sep).join('/');
      const text = readFileSync(file, 'utf8');
      for (const { specifier, typeOnly } of imports(text)) {
        const problem = specifier.startsWith('.')
          ? wrongFolder(part, file, specifier, typeOnly)
          : wrongPackage(here, specifier);
        if (problem) wrong.push(`${here}: ${problem}`);
      }
    }
  }
  return wrong;
}

function wrongFolder(part, file, specifier, typeOnly) {
  const target = relative(root, resolve(dirname(file), specifier))
    .split(sep)
    .join('/');
  const [folder] = target.split('/');
  if (folder === part || !Object.hasOwn(mayImport, folder)) return undefined;
  const allowed = mayImport[part].some(other => target === other || target.startsWith(`${other}/`));
  if (!allowed) return `${part}/ may not import ${target}`;
  if (part === 'webview' && !typeOnly) return `webview/ may import types only of ${target}`;
  return undefined;
}

function wrongPackage(here, specifier) {
  const name = specifier.startsWith('@') ? specifier.split('/').slice(0, 2).join('/') : specifier.split('/')[0];
  if (!Object.hasOwn(onlyIn, name)) return undefined;
  const homes = [onlyIn[name]].flat();
  return homes.some(home => here.startsWith(home)) ? undefined : `${name} may be imported in ${homes.join(', ')} only`;
}

function* imports(text) {
  const pattern =
    /(?:^|\n)\s*(import|export)\s+(type\s)?[^'"();]*?from\s+['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)\s*import\s+['"]([^'"]+)['"]/g;
  for (const match of text.matchAll(pattern)) {
    yield { specifier: match[3] ?? match[4] ?? match[5], typeOnly: match[2] !== undefined };
  }
}

function* sources(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (/\.tsx?$/.test(entry.name)) yield path;
  }
}
