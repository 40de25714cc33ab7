import { expect, test } from 'vitest';
import type { TextEdit } from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { OpenDocument } from '../../../language-server/documents/open-document.ts';
import { codeActions } from '../../../language-server/features/code-actions.ts';

/** Applies the action that marks or unmarks what stands at `|`, and returns its title and the new text. */
function toggled(written: string): [string, string] | undefined {
  const offset = written.indexOf('|');
  const text = written.replace('|', '');
  const document = new OpenDocument(TextDocument.create('file:///p/a.ts', 'typescript', 1, text), '/p/a.ts', {
    isUntitled: false,
    dirty: false,
  });
  const action = codeActions(document, { start: offset, end: offset }, []).find(({ kind }) => kind === 'refactor');
  if (!action) return undefined;
  const edits = action.edit!.changes!['file:///p/a.ts'] as TextEdit[];
  return [action.title, TextDocument.applyEdits(TextDocument.create('file:///p/a.ts', 'typescript', 1, text), edits)];
}

test.each([
  ['function f|() {}', '/** @remote */\nfunction f() {}'],
  ['export const f = () => {\n  return 1|;\n};', '/** @remote */\nexport const f = () => {\n  return 1;\n};'],
  ['// plain\nfunction f|() {}', '// plain\n/** @remote */\nfunction f() {}'],
  ['class S {\n  static f|() {}\n}', 'class S {\n  /** @remote */\n  static f() {}\n}'],
  ['/** Adds. */\nfunction f|() {}', '/**\n * Adds.\n * @remote\n */\nfunction f() {}'],
  ['/***/\nfunction f|() {}', '/**\n * @remote\n */\nfunction f() {}'],
  [
    '/**\n * Adds.|\n * @param a one\n */\nfunction f(a) {}',
    '/**\n * Adds.\n * @param a one\n * @remote\n */\nfunction f(a) {}',
  ],
  [
    'class S {\n  /**\n   * Adds.\n   */\n  static f|() {}\n}',
    'class S {\n  /**\n   * Adds.\n   * @remote\n   */\n  static f() {}\n}',
  ],
  ['/** Adds,\n * slowly. */\nfunction f|() {}', '/** Adds,\n * slowly. \n * @remote\n */\nfunction f() {}'],
  ['function f|() {}\r\nconst a = 1;\r\n', '/** @remote */\r\nfunction f() {}\r\nconst a = 1;\r\n'],
])('marks %j', (before, after) => {
  expect(toggled(before)).toEqual([expect.stringMatching(/^Mark "/), after]);
});

test.each([
  ['/** @remote| */\nfunction f() {}', 'function f() {}'],
  ['class S {\n  /** @remote timeout=1s */\n  static f|() {}\n}', 'class S {\n  static f() {}\n}'],
  [
    '/**\n * Adds.\n * @remote endpoint=lab\n * @param a one\n */\nfunction f|(a) {}',
    '/**\n * Adds.\n * @param a one\n */\nfunction f(a) {}',
  ],
  ['/**\r\n * Adds.\r\n * @remote\r\n */\r\nfunction f|() {}', '/**\r\n * Adds.\r\n */\r\nfunction f() {}'],
  ['/**\n * @remote\n */\nfunction f|() {}', 'function f() {}'],
])('unmarks %j', (before, after) => {
  expect(toggled(before)).toEqual([expect.stringMatching(/^Unmark "/), after]);
});

test.each(['const a = 1|;', 'class S { f|() {} }', 'let f = () => 1|;', 'const o = { f() { return 1|; } };'])(
  'offers nothing for %j',
  text => expect(toggled(text)).toBeUndefined(),
);

test('marking and unmarking give the text back', () => {
  for (const text of ['function f|() {}', '/**\n * Adds.\n */\nfunction f|() {}']) {
    const marked = toggled(text)![1];
    const again = toggled(marked.replace('function f', 'function f|'))!;
    expect(again[1]).toBe(text.replace('|', ''));
  }
});
