/**
 * The only file that knows @vscode/webview-ui-toolkit. The toolkit is archived since January 2025: everything else uses
 * the functions below, so that another library takes its place by changing this folder. Tables, trees and plots are
 * plain HTML with VS Code's own colours and do not need it; nor do the badge and the spinner, since the toolkit's have
 * style attributes in their templates, which the page's policy refuses.
 */
import {
  provideVSCodeDesignSystem,
  vsCodeButton,
  vsCodeCheckbox,
  vsCodePanels,
  vsCodePanelTab,
  vsCodePanelView,
} from '@vscode/webview-ui-toolkit';
import { el } from '../dom.ts';
import './components.css';

provideVSCodeDesignSystem().register(
  vsCodeButton(),
  vsCodeCheckbox(),
  vsCodePanels(),
  vsCodePanelTab(),
  vsCodePanelView(),
);

const component = (tag: string) => document.createElement(tag);

export interface ButtonOptions {
  label: string;
  primary?: boolean;
  onPress: () => void;
}

export function button({ label, primary = false, onPress }: ButtonOptions): HTMLElement {
  const element = component('vscode-button');
  element.setAttribute('appearance', primary ? 'primary' : 'secondary');
  element.textContent = label;
  element.addEventListener('click', onPress);
  return element;
}

export function checkbox(label: string, onChange: (checked: boolean) => void): HTMLElement {
  const element = component('vscode-checkbox') as HTMLElement & { checked: boolean };
  element.textContent = label;
  element.addEventListener('change', () => onChange(element.checked));
  return element;
}

/** A ring that turns while something goes on, and stands still for who wants no motion; the text beside it says what. */
export const spinner = (): HTMLElement => el('span', { class: 'spinner', 'aria-hidden': 'true' });

export interface Tab {
  id: string;
  label: string;
  content: HTMLElement;
}

export interface Tabs {
  element: HTMLElement;
  select(id: string): void;
  /** A number beside the label of a tab; 0 shows none. */
  setCount(id: string, count: number): void;
}

/** Tabs over panels. `onSelect` hears of every change, by a person or by {@link Tabs.select}. */
export function tabs(items: Tab[], onSelect: (id: string) => void): Tabs {
  const element = component('vscode-panels') as HTMLElement & { activeid: string };
  const badges = new Map<string, HTMLElement>();
  for (const { id, label } of items) {
    const tab = component('vscode-panel-tab');
    tab.id = `tab-${id}`;
    const badge = el('span', { class: 'badge', hidden: true });
    badges.set(id, badge);
    tab.append(label, badge);
    element.append(tab);
  }
  for (const { id, content } of items) {
    const view = component('vscode-panel-view');
    view.id = `view-${id}`;
    view.append(el('div', { class: 'tab-content' }, content));
    element.append(view);
  }
  element.addEventListener('change', event => {
    if (event.target === element) onSelect(element.activeid.replace(/^tab-/, ''));
  });
  return {
    element,
    select: id => {
      element.activeid = `tab-${id}`;
    },
    setCount: (id, count) => {
      const badge = badges.get(id)!;
      badge.textContent = count > 999 ? '999+' : String(count);
      badge.hidden = count === 0;
    },
  };
}
