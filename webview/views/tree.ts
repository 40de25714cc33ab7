/** A value as a tree: the ARIA tree pattern, with branches that are built when they are opened. */
import type { ViewNode } from '../../protocol/panel/messages.ts';
import { el } from '../dom.ts';
import { plural } from '../format.ts';
import './tree.css';

/** Branches with at most this many entries stand open at first, down to the second level. */
const OPEN_ENTRIES = 20;

export function valueTree(root: ViewNode): HTMLElement {
  const tree = el('div', { class: 'tree', role: 'tree', 'aria-label': 'Value' });
  tree.append(treeItem(undefined, root, 1, 1, 1));
  const first = tree.querySelector<HTMLElement>('[role=treeitem]')!;
  first.tabIndex = 0;
  if (root.kind === 'branch') setOpen(first, true);
  if (root.kind === 'branch' && root.entries.length <= OPEN_ENTRIES) {
    for (const item of childItems(first)) {
      const node = nodes.get(item);
      if (node?.kind === 'branch' && node.entries.length <= OPEN_ENTRIES) setOpen(item, true);
    }
  }
  tree.addEventListener('click', event => {
    const item = (event.target as Element).closest<HTMLElement>('[role=treeitem]');
    if (!item || !(event.target as Element).closest('.tree-row')) return;
    focus(tree, item);
    // A click that ends a selection of text is not meant to fold anything.
    if (getSelection()?.isCollapsed !== false) setOpen(item, !isOpen(item));
  });
  tree.addEventListener('keydown', event => {
    const item = (event.target as Element).closest<HTMLElement>('[role=treeitem]');
    if (item && onKey(tree, item, event.key)) event.preventDefault();
  });
  return tree;
}

const nodes = new WeakMap<Element, ViewNode>();

function treeItem(key: string | undefined, node: ViewNode, level: number, position: number, size: number): HTMLElement {
  const label = key === undefined ? undefined : el('span', { class: 'tree-key' }, key);
  const row = el('div', { class: 'tree-row' }, label, label && ': ', ...valueText(node));
  row.style.setProperty('--level', String(level));
  const item = el(
    'div',
    {
      role: 'treeitem',
      tabindex: -1,
      'aria-level': level,
      'aria-posinset': position,
      'aria-setsize': size,
      'aria-expanded': node.kind === 'branch' && node.entries.length + node.omitted > 0 ? 'false' : undefined,
    },
    row,
  );
  nodes.set(item, node);
  return item;
}

function valueText(node: ViewNode): Node[] {
  if (node.kind === 'leaf')
    return [el('span', { class: `tree-value type-${node.type.toLowerCase().replace(/[^a-z]/g, '')}` }, node.text)];
  return [el('span', { class: 'tree-label' }, node.label)];
}

const isOpen = (item: Element) => item.getAttribute('aria-expanded') === 'true';

const childItems = (item: Element) => item.querySelectorAll<HTMLElement>(':scope > [role=group] > [role=treeitem]');

function setOpen(item: HTMLElement, open: boolean): void {
  const node = nodes.get(item);
  if (!item.hasAttribute('aria-expanded') || node?.kind !== 'branch') return;
  item.setAttribute('aria-expanded', String(open));
  let group = item.querySelector<HTMLElement>(':scope > [role=group]');
  if (!group && open) {
    const level = Number(item.getAttribute('aria-level')) + 1;
    const size = node.entries.length;
    group = el(
      'div',
      { role: 'group' },
      ...node.entries.map(({ key, value }, i) => treeItem(key, value, level, i + 1, size)),
      node.omitted > 0 && omitted(node.omitted, level),
    );
    item.append(group);
  }
  if (group) group.hidden = !open;
}

function omitted(count: number, level: number): HTMLElement {
  const note = el('div', { class: 'tree-row note' }, `… ${plural(count, 'more entry', 'more entries')} not shown`);
  note.style.setProperty('--level', String(level));
  return note;
}

function focus(tree: HTMLElement, item: HTMLElement): void {
  for (const other of tree.querySelectorAll('[role=treeitem][tabindex="0"]')) other.setAttribute('tabindex', '-1');
  item.tabIndex = 0;
  item.focus({ preventScroll: true });
  item.querySelector('.tree-row')?.scrollIntoView({ block: 'nearest' });
}

/** Whether the key meant something here. */
function onKey(tree: HTMLElement, item: HTMLElement, key: string): boolean {
  const visible = [...tree.querySelectorAll<HTMLElement>('[role=treeitem]')].filter(each => !each.closest('[hidden]'));
  const at = visible.indexOf(item);
  const go = (to: HTMLElement | null | undefined) => {
    if (to) focus(tree, to);
    return true;
  };
  switch (key) {
    case 'ArrowDown':
      return go(visible[at + 1]);
    case 'ArrowUp':
      return go(visible[at - 1]);
    case 'Home':
      return go(visible[0]);
    case 'End':
      return go(visible.at(-1));
    case 'ArrowRight':
      if (isOpen(item)) return go(childItems(item)[0]);
      setOpen(item, true);
      return true;
    case 'ArrowLeft':
      if (!isOpen(item)) return go(item.parentElement?.closest<HTMLElement>('[role=treeitem]'));
      setOpen(item, false);
      return true;
    case 'Enter':
    case ' ':
      setOpen(item, !isOpen(item));
      return true;
    default:
      return false;
  }
}
