import { type LogOutputChannel, window } from 'vscode';

/** The one log of the extension; the language client writes to it too. Never give it a token. */
export function createLog(): LogOutputChannel {
  return window.createOutputChannel('Runabout', { log: true });
}
