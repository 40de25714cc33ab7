import { type QuickPickItem, window } from 'vscode';
import type { Disposable, Event } from '../emitter.ts';

export interface LivePickOptions<T extends QuickPickItem> {
  title: string;
  placeholder: string;
  items: () => T[];
  busy: () => boolean;
  /** The items or whether they are complete may have changed. */
  onDidChange: Event<unknown>[];
  /** Which item stands out at first. */
  isCurrent?: (item: T) => boolean;
}

/** A quick pick that opens at once and fills as its items arrive. `undefined` when the person closes it. */
export function livePick<T extends QuickPickItem>(options: LivePickOptions<T>): Promise<T | undefined> {
  const pick = window.createQuickPick<T>();
  pick.title = options.title;
  pick.placeholder = options.placeholder;
  pick.matchOnDescription = true;
  pick.matchOnDetail = true;
  let touched = false;
  const draw = () => {
    const active = pick.activeItems[0]?.label;
    pick.busy = options.busy();
    pick.items = options.items();
    const stands = (item: T) => (touched ? item.label === active : options.isCurrent?.(item));
    const item = pick.items.find(stands);
    if (item) pick.activeItems = [item];
  };
  return new Promise(resolve => {
    const disposables: Disposable[] = [
      ...options.onDidChange.map(event => event(draw)),
      pick.onDidChangeValue(() => {
        touched = true;
      }),
      pick.onDidAccept(() => {
        const [item] = pick.selectedItems;
        if (!item) return;
        resolve(item);
        pick.hide();
      }),
      pick.onDidHide(() => {
        resolve(undefined);
        for (const disposable of disposables) disposable.dispose();
        pick.dispose();
      }),
    ];
    draw();
    pick.show();
  });
}
