/**
 * The result panel outside VS Code: the built page under the policy that VS Code gives it, with the colours of a theme,
 * and a stand-in for the one function that VS Code provides. What the page sends is kept for the test to read.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import type { FromPanel, ToPanel } from '../../../protocol/panel/messages.ts';
import { root } from '../../../scripts/editor/vscode.ts';
import { type Theme, themes } from './themes.ts';

export interface PanelPage {
  page: Page;
  post(message: ToPanel): Promise<void>;
  /** Makes the page anew with what it saved, as VS Code does when it was hidden. */
  reload(): Promise<void>;
  /** What the page sent so far. */
  sent(): Promise<FromPanel[]>;
  /** What `setState` was last called with. */
  saved(): Promise<unknown>;
  /** Violations of the content security policy, and errors of the page. */
  problems: string[];
}

/** Serves the page from source, so that a test needs no `dist/`. */
export async function servePanel() {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: { panel: 'webview/panel.ts' },
    outdir: 'dist',
    bundle: true,
    write: false,
    format: 'iife',
    target: 'chrome128',
    tsconfig: 'webview/tsconfig.json',
  });
  const file = (name: string) => outputFiles.find(each => each.path === join(root, 'dist', name))!.text;
  const script = file('panel.js');
  const style = file('panel.css');
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://localhost');
    if (pathname === '/panel.js') response.setHeader('content-type', 'text/javascript').end(script);
    else if (pathname === '/panel.css') response.setHeader('content-type', 'text/css').end(style);
    else response.setHeader('content-type', 'text/html').end(html((searchParams.get('theme') ?? 'dark') as Theme));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    open: (browser: Browser, theme: Theme = 'dark') => openPanel(browser, origin, theme),
    close: () => new Promise(resolve => server.close(resolve)),
  };
}

/** The toolkit makes one style element, empty, and fills it by script: its hash lets just that through. */
const emptyStyle = 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=';

/** VS Code puts its colours on the root element from outside the policy; here a nonce lets the same through. */
function html(theme: Theme): string {
  const colours = Object.entries(themes[theme].colours).map(([name, value]) => `--vscode-${name}:${value}`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'self' 'nonce-theme' '${emptyStyle}'; script-src 'nonce-n'; img-src 'self' data:">
<title>Result</title>
<style nonce="theme">:root{${colours.join(';')}} body{background:var(--vscode-editor-background)}</style>
<link rel="stylesheet" href="/panel.css">
</head>
<body class="${themes[theme].bodyClass}">
<script nonce="n">
window.sent = [];
window.acquireVsCodeApi = () => ({ postMessage: message => window.sent.push(message), getState: () => window.saved, setState: state => { window.saved = state; } });
</script>
<script nonce="n" src="/panel.js"></script>
</body>
</html>`;
}

async function openPanel(browser: Browser, origin: string, theme: Theme): Promise<PanelPage> {
  const page = await browser.newPage({ viewport: { width: 760, height: 640 } });
  page.setDefaultTimeout(10_000);
  const problems: string[] = [];
  page.on('console', message => message.type() === 'error' && problems.push(message.text()));
  page.on('pageerror', error => problems.push(String(error)));
  await page.goto(`${origin}/?theme=${theme}`);
  return {
    page,
    reload: async () => {
      const state = await page.evaluate(() => (window as unknown as { saved: unknown }).saved);
      await page.addInitScript(before => Object.assign(window, { saved: before }), state);
      await page.reload();
    },
    post: message => page.evaluate(data => window.postMessage(data), message),
    sent: () => page.evaluate(() => (window as unknown as { sent: FromPanel[] }).sent),
    saved: () => page.evaluate(() => (window as unknown as { saved: unknown }).saved),
    problems,
  };
}
