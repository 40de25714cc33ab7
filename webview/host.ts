import type { FromPanel, ToPanel } from '../protocol/panel/messages.ts';

/** What VS Code keeps of the page, and gives to the extension when the window comes back. */
export interface SavedState {
  task: string;
  /** The tab that the person chose for this task, if they did. */
  tab?: string | undefined;
}

declare function acquireVsCodeApi(): {
  postMessage(message: FromPanel): void;
  setState(state: SavedState): void;
  getState(): SavedState | undefined;
};

const api = acquireVsCodeApi();

export const send = (message: FromPanel) => api.postMessage(message);

export const save = (state: SavedState) => api.setState(state);

/** What the page saved before it was hidden, or before the window was closed. */
export const saved = () => api.getState();

/** Only the extension can post here: the page's policy allows no frames. */
export function receive(handler: (message: ToPanel) => void): void {
  window.addEventListener('message', event => handler(event.data as ToPanel));
}
