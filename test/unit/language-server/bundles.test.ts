import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { Bundles } from '../../../language-server/documents/bundles.ts';
import { Documents } from '../../../language-server/documents/documents.ts';
import { OpenDocument } from '../../../language-server/documents/open-document.ts';
import { type BundleRequest, Bundler } from '../../../language-server/functions/index.ts';
import { folder } from '../../support/folder.ts';
import { until } from '../../support/until.ts';

const MODULE = `import { n } from './n.ts';
function shared() { return n; }
/** @remote */
export function a() { return 1; }
/** @remote */
export function b() { return shared() + 2; }
/** @remote */
export function c() { return shared() + 3; }
/** @remote */
export function last() { return shared(); }
`;

/** Bundles of an open document, made by the real bundler; `begun` and `made` have the functions in their order. */
function bench() {
  const root = folder('bundles');
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, 'package.json'), '{ "name": "p" }');
  writeFileSync(join(root, 'n.ts'), 'export const n = 1;\n');
  const file = join(root, 'a.ts');
  writeFileSync(file, MODULE);
  const { href: uri } = pathToFileURL(file);
  const document = new OpenDocument(TextDocument.create(uri, 'typescript', 1, MODULE), file, {
    isUntitled: false,
    dirty: false,
  });
  const documents = new Documents();
  documents.open = () => document;
  const bundler = new Bundler();
  const begun: string[] = [];
  const made: string[] = [];
  let before = async (_request: BundleRequest) => {};
  const changed: string[] = [];
  const bundles = new Bundles(
    documents,
    () => changed.push(made.at(-1)!),
    {
      bundle: async request => {
        begun.push(request.marked.name);
        await before(request);
        const bundle = await bundler.bundle(request);
        made.push(request.marked.name);
        return bundle;
      },
      dispose: () => bundler.dispose(),
    },
    { idleMs: 5, restMs: 30 },
  );
  onTestFinished(() => bundles.dispose());
  const edit = (words: string, instead: string) => {
    const start = document.text.indexOf(words);
    const range = document.rangeOf({ start, end: start + words.length });
    document.update([{ range, text: instead }], document.version + 1);
    bundles.edited(uri);
  };
  const digest = (name: string) => bundles.get(uri, name)?.bundle?.digest;
  return {
    ...{ bundles, document, uri, root, begun, made, changed, edit, digest },
    /** Waits until the function that stands last in the module was bundled again. */
    untilLast: async (times: number) =>
      await until('the last function is bundled', () => made.filter(name => name === 'last').length === times),
    hold: (hold: typeof before) => {
      before = hold;
    },
  };
}

test('opening bundles every function; an edit only those whose code may be another, the edited one first', async () => {
  const { bundles, uri, made, edit, untilLast } = bench();
  bundles.opened(uri);
  await untilLast(1);
  expect(made).toEqual(['a', 'b', 'c', 'last']);

  // Nobody but `a` has this in its bundle; what `last` reaches brings the end of the round to light.
  made.length = 0;
  edit('return 1', 'return 10');
  await until('the edited one is bundled', () => made.length > 0);
  edit('return n', 'return n + 0');
  await untilLast(1);
  expect(made).toEqual(['a', 'b', 'c', 'last']);

  made.length = 0;
  edit('+ 3', '+ 30');
  edit('return n + 0', 'return n');
  await untilLast(1);
  expect(made).toEqual(['c', 'b', 'last']);
});

test('a saved file is looked at, and what it changes is made anew', async () => {
  const { bundles, uri, root, made, changed, digest, untilLast } = bench();
  bundles.opened(uri);
  await untilLast(1);
  const before = ['a', 'b'].map(digest);
  writeFileSync(join(root, 'n.ts'), 'export const n = 1234;\n');
  changed.length = 0;
  bundles.filesChanged('some');
  await untilLast(2);
  await until('its digest is another', () => digest('b') !== before[1]);
  expect(digest('a')).toBe(before[0]);
  await until('the last one is shown anew', () => changed.includes('last'));
  // What did not change is not shown anew.
  expect(changed).not.toContain('a');
  expect(made).toHaveLength(8);
});

test('a run does not wait for what is bundled in the background, and that goes on afterwards', async () => {
  const { bundles, document, uri, begun, made, hold, untilLast } = bench();
  const held = Promise.withResolvers<BundleRequest>();
  hold(request => {
    if (request.marked.name !== 'b' || begun.length > 2) return Promise.resolve();
    held.resolve(request);
    // Only its signal gets it out of here.
    return new Promise((_, reject) => {
      request.signal!.addEventListener('abort', () => reject(request.signal!.reason));
    });
  });
  bundles.opened(uri);
  const { signal } = await held.promise;
  const bundle = await bundles.bundle(document, document.find('c')!, new AbortController().signal);
  expect(bundle.registryName).toBe('p/a#c');
  expect(signal!.aborted).toBe(true);
  await untilLast(1);
  expect(made).toEqual(['a', 'c', 'b', 'last']);
});

test('a key stops what is bundled in the background', async () => {
  const { bundles, uri, begun, edit, hold, untilLast } = bench();
  const held = Promise.withResolvers<BundleRequest>();
  hold(async request => {
    if (begun.length > 1) return;
    held.resolve(request);
    await new Promise(resolve => request.signal!.addEventListener('abort', resolve));
  });
  bundles.opened(uri);
  const { signal } = await held.promise;
  edit('return 1', 'return 11');
  expect(signal!.aborted).toBe(true);
  await untilLast(1);
  expect(begun).toEqual(['a', 'a', 'b', 'c', 'last']);
});
