// From the click on a lens to the result at the end of the line, in the real editor.
import { dirname } from 'node:path';
import esbuild from 'esbuild';
import { until } from '../../test/support/until.ts';
import type { Editor } from '../../test/ui/support/editor.ts';
import { quantile, round } from '../machine.ts';
import type { Project } from './project.ts';
import { roundTrip } from './round-trip.ts';
import type { VsCode } from './vscode.ts';

/** Between a result and the next click: what follows a run (lenses, lists, background bundles) is over. */
const REST_MS = 800;
/** Between keys, and from the last key to the click. */
const KEY_MS = 60;

export interface Clicks {
  clicks: number;
  p50Ms: number;
  p95Ms: number;
}

/** @param clicks how many are timed of each kind */
export async function click(vscode: VsCode, { folder, small }: Project, clicks: number) {
  const editor = await vscode.window(folder);
  await editor.openFile('small.ts');
  const run = `Run on ${vscode.endpoint}`;
  await editor.lens(/^Run$/).click();
  await editor.rows.filter({ hasText: vscode.endpoint }).first().click();
  await editor.lineEnd(/^= At .* v1/);
  await editor.lens(run).waitFor();
  await watchResults(editor);

  const unchanged = await repeat(clicks, () => clickAndWait(editor, run, textOf(1)));
  const raw = await roundTrip(vscode.home, clicks);
  const changed = await edits(editor, run, clicks);
  const esbuild = await rebuilds(small.file, small.text, clicks);
  await editor.openFile('bare.ts');
  await editor.lens('Show').waitFor();
  const bare = await repeat(clicks, () => clickAndWait(editor, 'Show', '^= bare \\d+$'));
  await vscode.closeWindows();
  const floor = bare.p50Ms + raw.p50Ms;
  return {
    unchanged,
    changed,
    bare,
    raw,
    esbuild,
    ratio: {
      unchangedToFloor: round(unchanged.p50Ms / floor, 2),
      changedToFloor: round(changed.p50Ms / (floor + esbuild.p50Ms), 2),
    },
  };
}

/** What the function of the small module returns in its version `n`, as it stands at the end of its line. */
const textOf = (n: number) => `^= At \\d+(\\.\\d+)? v${n} `;

/** Clicks again and again; the first few are not counted: both workers load the bundle, and every path is compiled. */
async function repeat(clicks: number, act: (i: number) => Promise<number>): Promise<Clicks> {
  for (let i = 0; i < 8; i++) await act(i);
  const times: number[] = [];
  for (let i = 0; i < clicks; i++) times.push(await act(i + 8));
  times.sort((a, b) => a - b);
  return { clicks, p50Ms: quantile(times, 0.5), p95Ms: quantile(times, 0.95) };
}

/** Changes the function's code to what it never was, then clicks. */
async function edits(editor: Editor, lens: string, clicks: number): Promise<Clicks> {
  let version = 1;
  return await repeat(clicks, async i => {
    await editor.line(`v${version}`).click();
    await editor.page.keyboard.press('End');
    for (let back = 0; back < 2; back++) await editor.page.keyboard.press('ArrowLeft');
    for (const _ of String(version)) await press(editor, 'Backspace');
    version = 100 + i;
    for (const digit of String(version)) await press(editor, digit);
    return await clickAndWait(editor, lens, textOf(version));
  });
}

/** esbuild alone, on the small module changed each time. */
async function rebuilds(file: string, text: string, count: number) {
  let version = 1;
  const context = await esbuild.context({
    stdin: { contents: `export { changing as default } from ${JSON.stringify(file)};`, resolveDir: dirname(file) },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    sourcemap: 'inline',
    plugins: [
      {
        name: 'unsaved',
        setup: build =>
          build.onLoad({ filter: /small\.ts$/ }, () => ({ contents: text.replace('v1', `v${version}`), loader: 'ts' })),
      },
    ],
  });
  try {
    return await repeat(count, async () => {
      version += 1;
      const started = performance.now();
      await context.rebuild();
      return performance.now() - started;
    });
  } finally {
    await context.dispose();
  }
}

async function press(editor: Editor, key: string): Promise<void> {
  await editor.page.keyboard.press(key);
  await new Promise(resolve => setTimeout(resolve, KEY_MS));
}

/** Milliseconds from the click to a result that was not there before. */
async function clickAndWait(editor: Editor, lens: string, pattern: string): Promise<number> {
  // VS Code draws lenses anew at times.
  const box = await until('the lens is on the screen', () => editor.lens(lens).boundingBox());
  await editor.page.evaluate(expected => window.expectResult(expected), pattern);
  await editor.page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  const ms = await editor.page.evaluate(() => window.shownAfter);
  await new Promise(resolve => setTimeout(resolve, REST_MS));
  return ms;
}

declare global {
  interface Window {
    /** Looks out for another text at the end of a line, of this pattern, after the next click. */
    expectResult(pattern: string): void;
    /** Milliseconds from that click to that text. */
    shownAfter: Promise<number>;
  }
}

/**
 * Watches the lines of the editor in the page itself. The text of a decoration is style, so at every change of the lines
 * the browser is asked what it draws.
 */
async function watchResults(editor: Editor): Promise<void> {
  await editor.page.evaluate(() => {
    const ends = () =>
      [...document.querySelectorAll('.monaco-editor .view-line span[class*="ced-"]')]
        .map(element => getComputedStyle(element, '::after').content)
        .filter(content => content.startsWith('"'))
        .map(content => JSON.parse(content) as string);
    window.expectResult = pattern => {
      const before = new Set(ends());
      const expected = new RegExp(pattern);
      let clicked: number | undefined;
      document.addEventListener('mouseup', ({ timeStamp }) => (clicked = timeStamp), { capture: true, once: true });
      window.shownAfter = new Promise((resolve, reject) => {
        const observer = new MutationObserver(() => {
          if (clicked === undefined || !ends().some(end => expected.test(end) && !before.has(end))) return;
          done();
          resolve(performance.now() - clicked);
        });
        const late = setTimeout(() => {
          done();
          reject(new Error(`No line ends with ${pattern}, but with ${ends()}; clicked: ${clicked !== undefined}`));
        }, 30_000);
        const done = () => {
          observer.disconnect();
          clearTimeout(late);
        };
        observer.observe(document.querySelector('.part.editor')!, { subtree: true, childList: true, attributes: true });
      });
      window.shownAfter.catch(() => {}); // Who waits for it hears of it.
    };
  });
}
