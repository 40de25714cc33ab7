/**
 * VS Code as a person uses it: what is on the screen, and the keys and clicks that get there. Every wait is for
 * something that can be seen.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Frame, Locator, Page } from 'playwright-core';
import { root } from '../../../scripts/editor/vscode.ts';
import { until } from '../../support/until.ts';

export type ViewName = 'Endpoints' | 'Functions' | 'Tasks';

export class Editor {
  readonly page: Page;
  /** What the policies of VS Code's pages, the panel's among them, refused. */
  readonly violations: string[] = [];
  readonly #url: string;

  constructor(page: Page, url: string) {
    this.page = page;
    this.#url = url;
    page.setDefaultTimeout(15_000);
    page.on('console', message => {
      if (message.text().includes('Content Security Policy')) this.violations.push(message.text());
    });
  }

  async open(folder: string): Promise<void> {
    await this.page.goto(`${this.#url}/?folder=${encodeURIComponent(folder)}`);
    await this.page.locator('.monaco-workbench .part.statusbar').waitFor({ timeout: 60_000 });
  }

  /** Runs a command of the palette by its title. */
  async command(title: string): Promise<void> {
    await this.#pick(['F1'], `>${title}`, this.rows.filter({ hasText: title }).first());
  }

  async theme(name: string): Promise<void> {
    await this.command('Preferences: Color Theme');
    await this.input.fill(name);
    await this.rows.filter({ hasText: name }).first().click();
  }

  /** Opens a file on the left, wherever the focus is. */
  async openFile(name: string): Promise<void> {
    const row = this.rows.filter({ has: this.page.locator('.label-name', { hasText: name }) }).first();
    await this.#pick(['Control+1', 'Control+P'], name, row);
    await this.page.locator(`.tabs-container .tab.active[data-resource-name="${name}"]`).waitFor();
    await this.page.locator('.monaco-editor .view-lines .view-line').first().waitFor();
  }

  /** Asks the quick input that `keys` open, and clicks a row; again from the start where it closed on the way. */
  async #pick(keys: string[], text: string, row: Locator): Promise<void> {
    await until(`there is a row for ${text}`, async () => {
      await this.#ask(keys);
      await this.input.fill(text);
      return await row.click({ timeout: 4000 }).then(
        () => true,
        () => false,
      );
    });
  }

  /** Opens the quick input. Keys pressed while the panel has the focus take a way round, and are lost at times. */
  async #ask(keys: string[]): Promise<void> {
    await until(`the quick input opens on ${keys}`, async () => {
      for (const key of keys) await this.page.keyboard.press(key);
      return await appears(this.input, 2000);
    });
  }

  /** Brings a line (from 1) of the open file to the middle of the screen. */
  async goTo(line: number): Promise<void> {
    await this.#ask(['Control+G']);
    await this.input.fill(`:${line}`);
    await this.page.keyboard.press('Enter');
    await this.statusBar(new RegExp(`^Ln ${line},`)).waitFor();
  }

  /** The input and the rows of the quick pick that is open. */
  get input(): Locator {
    return this.page.locator('.quick-input-widget input.input').first();
  }
  get rows(): Locator {
    return this.page.locator('.quick-input-list .monaco-list-row');
  }

  /** Types into an input box whose prompt holds some text. */
  async answer(prompt: string, text: string): Promise<void> {
    await this.page.locator('.quick-input-widget', { hasText: prompt }).waitFor();
    await this.input.fill(text);
    await this.page.keyboard.press('Enter');
  }

  lens(text: string | RegExp): Locator {
    return this.page.locator('.monaco-editor .codelens-decoration a', { hasText: text }).first();
  }

  lenses(): Promise<string[]> {
    return this.page.locator('.monaco-editor .codelens-decoration a').allInnerTexts();
  }

  /** The line of the open file that holds this text. */
  line(text: string | RegExp): Locator {
    return this.page.locator('.monaco-editor .view-line', { hasText: text }).first();
  }

  /** Texts at the ends of lines. They are style, not content: the browser computes what it draws. */
  lineEnds(): Promise<string[]> {
    return this.page.evaluate(() =>
      [...document.querySelectorAll('.monaco-editor .view-line span[class*="ced-"]')]
        .map(element => getComputedStyle(element, '::after').content)
        .filter(content => content && content !== 'none' && content !== 'normal')
        .map(content => JSON.parse(content) as string)
        .filter(text => text.trim() !== ''),
    );
  }

  async lineEnd(text: RegExp, withinMs = 30_000): Promise<string> {
    return await until(
      `a line ends with ${text}`,
      async () => {
        const ends = await this.lineEnds();
        return (
          ends.find(end => text.test(end)) ?? Promise.reject(new Error(`the lines end with ${JSON.stringify(ends)}`))
        );
      },
      { withinMs },
    );
  }

  async noLineEnd(text: RegExp): Promise<void> {
    await until(`no line ends with ${text}`, async () => !(await this.lineEnds()).some(end => text.test(end)));
  }

  /**
   * Opens the context menu and clicks an item. A menu that has just opened swallows clicks, so it is clicked until the
   * menu is gone.
   */
  async contextMenu(target: Locator, item: string): Promise<void> {
    await target.click({ button: 'right' });
    await this.#clickMenu(item);
  }

  async #clickMenu(item: string): Promise<void> {
    const entry = this.page.locator('.monaco-menu .action-item', { hasText: item }).first();
    await entry.waitFor();
    await until(
      `the menu took the click on ${item}`,
      async () => {
        if ((await entry.count()) === 0) return true;
        await entry.click({ timeout: 500 }).catch(() => {});
        return (await entry.count()) === 0;
      },
      { everyMs: 150 },
    );
  }

  /** Shows the Runabout container of the activity bar. */
  async container(): Promise<void> {
    await this.page.locator('.activitybar .action-item a.action-label[aria-label^="Runabout"]').click();
    await this.page.locator('.sidebar .composite.title', { hasText: /runabout/i }).waitFor();
  }

  view(name: ViewName): Locator {
    return this.page.locator(`.sidebar .pane:has(.pane-header[aria-label^="${name}"])`);
  }

  viewRows(name: ViewName): Locator {
    return this.view(name).locator('.monaco-list-row');
  }

  /** Waits for a row of a view whose text matches, and returns it. */
  async viewRow(name: ViewName, text: RegExp): Promise<Locator> {
    const row = this.viewRows(name).filter({ hasText: text }).first();
    await row.waitFor();
    return row;
  }

  toast(text: string | RegExp): Locator {
    return this.page.locator('.notifications-toasts .notification-list-item', { hasText: text }).first();
  }

  /** Underlined problems in the open file, by their hover and the Problems view's count. */
  problems(): Locator {
    return this.page.locator('.monaco-editor .squiggly-error');
  }

  statusBar(text: RegExp): Locator {
    return this.page.locator('.statusbar-item', { hasText: text }).first();
  }

  /** Points at some text of the editor and returns what the hover says, once it says `expected`. */
  async hover(text: Locator, expected: RegExp): Promise<string> {
    const hover = this.page.locator('.monaco-hover:not(.hidden)').filter({ hasText: expected }).first();
    await until(`the hover says ${expected}`, async () => {
      // A hover comes once for each time the pointer arrives.
      await this.page.mouse.move(0, 0);
      await text.hover();
      return await appears(hover, 4000);
    });
    return (await hover.allInnerTexts())[0]!;
  }

  /** The page of the result panel: a frame in a frame. */
  panel(): Promise<Frame> {
    return until('the result panel is there', async () => {
      for (const frame of this.page.frames()) {
        if (
          await frame
            .locator('main h1')
            .isVisible()
            .catch(() => false)
        )
          return frame;
      }
      return undefined;
    });
  }

  /** A picture of the window, kept as output of CI. */
  async screenshot(name: string): Promise<void> {
    const folder = join(root, 'out/screenshots');
    mkdirSync(folder, { recursive: true });
    await this.page.screenshot({ path: join(folder, `${name}.png`) });
  }
}

function appears(locator: Locator, withinMs: number): Promise<boolean> {
  return locator.waitFor({ timeout: withinMs }).then(
    () => true,
    () => false,
  );
}
