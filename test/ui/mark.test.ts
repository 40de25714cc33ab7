/** The grammar, in the real editor with its real TypeScript grammar. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import type { Editor } from './support/editor.ts';
import { keepFailures, type Setup, setUp } from './support/setup.ts';

let setup: Setup;
let editor: Editor;

beforeAll(async () => {
  setup = await setUp();
  editor = await setup.window();
});
afterAll(() => setup?.close());
keepFailures(() => editor);

/** The colours of the pieces that a line is drawn in, by their text. */
const colours = (text: string) =>
  editor
    .line(text)
    .evaluate(line =>
      Object.fromEntries(
        [...line.querySelectorAll('span span')].map(piece => [
          piece.textContent?.trim(),
          getComputedStyle(piece).color,
        ]),
      ),
    );

test('the mark and its settings stand out from other tags and from prose', async () => {
  await editor.openFile('report.ts');
  // Grammars are loaded when they are needed: until then the line is drawn plain.
  const mark = await until('the setting is a piece of its own', async () => {
    const found = await colours('@remote timeout');
    return 'timeout' in found && found;
  });
  const tag = await colours('@param unit');
  expect(mark['@remote']).not.toBe(tag['@param']);
  expect(mark.timeout).not.toBe(tag['*']);
});
