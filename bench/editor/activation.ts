// How long the extension takes to start, as VS Code itself measures it: loading its code and the call of `activate`.
import type { Editor } from '../../test/ui/support/editor.ts';
import { quantile, round } from '../machine.ts';
import { bare, type VsCode } from './vscode.ts';

/** VS Code's own extension that starts with the same file. */
const TYPESCRIPT = 'JavaScript and TypeScript Language Features';

/**
 * - alone: the extension's view is opened in a quiet window, and nothing else starts
 * - together: a TypeScript file is opened, which starts every extension for it at once; they share the host's one thread
 * @param windows how many fresh windows of each kind, each with an extension host of its own
 */
export async function activation(vscode: VsCode, folder: string, windows: number) {
  const alone = await measure(vscode, folder, windows, async editor => {
    await editor.command(bare.start);
    await editor.container();
    return ['Runabout', bare.name];
  });
  const together = await measure(vscode, folder, windows, async editor => {
    await editor.openFile('small.ts');
    await editor.lens(/Run/).waitFor({ timeout: 60_000 });
    return ['Runabout', bare.name, TYPESCRIPT];
  });
  const [ours, peer] = alone as [Times, Times];
  return {
    windows,
    alone: { runabout: ours, bare: peer },
    together: { runabout: together[0], bare: together[1], typescript: together[2] },
    ratio: { aloneToBare: round(ours.p50Ms / Math.max(1, peer.p50Ms), 1) },
  };
}

interface Times {
  p50Ms: number;
  mostMs: number;
}

/** @param start starts extensions and returns their names */
async function measure(
  vscode: VsCode,
  folder: string,
  windows: number,
  start: (editor: Editor) => Promise<string[]>,
): Promise<Times[]> {
  const times: number[][] = [];
  for (let i = 0; i < windows; i++) {
    // High enough that the list of extensions is drawn whole.
    const editor = await vscode.window(folder, 2000);
    await idle(editor);
    const names = await start(editor);
    const shown = await running(editor, names);
    times.push(shown);
    await vscode.closeWindows();
  }
  return times[0]!.map((_, index) => {
    const all = times.map(shown => shown[index]!).sort((a, b) => a - b);
    return { p50Ms: quantile(all, 0.5), mostMs: all.at(-1)! };
  });
}

/** Waits until the page has had nothing to do for a second: the window's own start is over. */
async function idle(editor: Editor): Promise<void> {
  await editor.page.evaluate(
    () =>
      new Promise<void>(resolve => {
        let busy = performance.now();
        new PerformanceObserver(() => {
          busy = performance.now();
        }).observe({ entryTypes: ['longtask', 'resource'] });
        const timer = setInterval(() => {
          if (performance.now() - busy < 1000) return;
          clearInterval(timer);
          resolve();
        }, 50);
      }),
  );
}

/** What "Show Running Extensions" says of some extensions, in milliseconds. */
async function running(editor: Editor, names: string[]): Promise<number[]> {
  await editor.command('Developer: Show Running Extensions');
  const times: number[] = [];
  for (const name of names) {
    const row = editor.page.locator('.runtime-extensions-editor .monaco-list-row', { hasText: name }).first();
    const time = row.locator('.activation-time', { hasText: /\d+ms/ });
    times.push(Number(/(\d+)ms/.exec((await time.textContent()) ?? '')?.[1]));
  }
  return times;
}
