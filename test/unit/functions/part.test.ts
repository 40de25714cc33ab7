import { expect, test } from 'vitest';
import {
  findMarks,
  markedNamed,
  parseSource,
  partsOf,
  reparseSource,
} from '../../../language-server/functions/index.ts';
import { bundle, bundler, project } from './support/bundles.ts';

const MODULE = `import { sep } from 'node:path';

interface Row { at: number }

const scale = 3;

const twice = (x: number) => x * 2;

function helper(row: Row) { return twice(row.at) + sep.length; }

class Box { held = helper({ at: 1 }); }

class Counted { static count = 0; }

/** @remote */
export function mine(x: number) { return new Box().held * x * scale; }

function unrelated() { return 'unrelated'; }

/** @remote */
export function other() { return unrelated(); }
`;

function partOf(text: string, name = 'mine'): string | undefined {
  const source = parseSource(text, 'a.ts');
  const marks = findMarks(source);
  return partsOf(source, marks.functions).get(markedNamed(marks, name, 'a.ts'));
}

test.each([
  ['another marked function', 'return unrelated()', "return unrelated() + '!'"],
  ['what only another function reaches', "return 'unrelated'", "return 'changed'"],
  ['a comment in another function', "return 'unrelated';", "return 'unrelated'; /* why */"],
  ['the end of the module', 'return unrelated(); }', 'return unrelated(); }\nfunction more() {}'],
])('the part of a function and its bundle stay when what changes is %s', async (_, before, after) => {
  const changed = MODULE.replace(before, after);
  expect(changed).not.toBe(MODULE);
  expect(partOf(changed)).toBe(partOf(MODULE));
  const root = project({ 'a.ts': MODULE });
  const first = await bundle(root, 'a.ts', 'mine', bundler, MODULE);
  const second = await bundle(root, 'a.ts', 'mine', bundler, changed);
  expect(second.digest).toBe(first.digest);
  const mappings = ({ map }: typeof first) => JSON.parse(Buffer.from(map).toString()).mappings;
  expect(mappings(second)).toBe(mappings(first));
});

test.each([
  ['the function', 'held * x', 'held + x'],
  ['what it reaches by way of others', 'x * 2', 'x * 4'],
  ['a class it makes', 'at: 1', 'at: 2'],
  ['a constant', 'scale = 3', 'scale = 4'],
  ['what runs with the module', 'count = 0', 'count = 1'],
  ['an import', "import { sep } from 'node:path'", "import { delimiter as sep } from 'node:path'"],
  ['a line above it, for the source map', 'const scale', '\nconst scale'],
  ['a new statement that runs', 'const scale', 'globalThis.x = 1; const scale'],
  ['a pragma', 'interface Row', '/** @jsx h */ interface Row'],
])('the part of a function is another when what changes is %s', (_, before, after) => {
  const changed = MODULE.replace(before, after);
  expect(changed).not.toBe(MODULE);
  expect(partOf(changed)).not.toBe(partOf(MODULE));
});

test('after edits that take over most of the tree, parts are those of a fresh parse', () => {
  let text = MODULE;
  let source = parseSource(text, 'a.ts');
  partsOf(source, findMarks(source).functions);
  const edits: [string, string][] = [
    ['x * 2', 'x * 22'],
    ["'unrelated'", "'un' + 'related'"],
    ['const scale = 3;\n', ''],
    ['class Counted {', 'class Counted extends Box {'],
    ['interface Row', 'let late = 1;\ninterface Row'],
  ];
  for (const [before, after] of edits) {
    const start = text.indexOf(before);
    text = text.slice(0, start) + after + text.slice(start + before.length);
    source = reparseSource(source, text, { start, removed: before.length, inserted: after.length });
    const marks = findMarks(source);
    const parts = partsOf(source, marks.functions);
    for (const marked of marks.functions) expect(parts.get(marked)).toBe(partOf(text, marked.name));
  }
});

test('a module that another one imports back is bundled whatever changes in it', async () => {
  const text =
    "import { back } from './b.ts';\n/** @remote */\nexport function f() { return back(); }\nexport function g() { return 1; }\n";
  const root = project({ 'a.ts': text, 'b.ts': "import { g } from './a.ts';\nexport const back = () => g();\n" });
  const first = await bundle(root, 'a.ts', 'f', bundler, text);
  expect(first.importedBack).toBe(true);
  const alone = await bundle(project({ 'a.ts': MODULE }), 'a.ts', 'mine');
  expect(alone.importedBack).toBe(false);
});
