import { expect, test } from 'vitest';
import { LiveList, type Page } from '../../../extension/lists/liveList.ts';

interface Item {
  id: string;
  text: string;
}
const item = (id: string, text = 'old'): Item => ({ id, text });
const list = () => new LiveList<Item>((a, b) => a.id.localeCompare(b.id));

/** A page that arrives when the test says. */
function pending() {
  let resolve!: (page: Page<Item>) => void;
  let reject!: (error: Error) => void;
  const page = new Promise<Page<Item>>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { load: () => page, resolve, reject };
}

test('what events changed while a page was on its way is newer than the page', async () => {
  const items = list();
  const page = pending();
  const loaded = items.load(page.load);
  items.put(item('a', 'new'));
  items.put(item('c', 'made'));
  items.remove('b');
  page.resolve({ items: [item('a'), item('b'), item('d')] });
  await loaded;
  expect(items.all()).toEqual([item('a', 'new'), item('c', 'made'), item('d')]);
});

test('the last good data stays when a later load fails', async () => {
  const items = list();
  await items.load(async () => ({ items: [item('a')] }));
  await items.load(async () => {
    throw new Error('no network');
  });
  expect(items.status).toBe('failed');
  expect(items.problem?.message).toContain('no network');
  expect(items.all()).toEqual([item('a')]);
});

test('an answer that a newer question overtook is dropped', async () => {
  const items = list();
  const slow = pending();
  const first = items.load(slow.load);
  await items.load(async () => ({ items: [item('new')] }));
  slow.resolve({ items: [item('old')] });
  await first;
  expect(items.all()).toEqual([item('new')]);
});

test('a list that was cleared takes no late answer', async () => {
  const items = list();
  const slow = pending();
  const loaded = items.load(slow.load);
  items.clear();
  slow.resolve({ items: [item('a')] });
  await loaded;
  expect(items.all()).toEqual([]);
  expect(items.status).toBe('idle');
});

test('pages follow each other', async () => {
  const items = list();
  const cursors: (string | undefined)[] = [];
  const pages: Record<string, Page<Item>> = { first: { items: [item('a')], next: 'n' }, n: { items: [item('b')] } };
  const load = async (cursor: string | undefined) => {
    cursors.push(cursor);
    return pages[cursor ?? 'first']!;
  };
  await items.load(load);
  expect(items.hasMore).toBe(true);
  await items.load(load, true);
  expect(cursors).toEqual([undefined, 'n']);
  expect(items.hasMore).toBe(false);
  expect(items.all()).toHaveLength(2);
});

test('what the broker has deleted by now is not shown any more', async () => {
  let deleted = '';
  const items = new LiveList<Item>(
    (a, b) => (a.id < b.id ? -1 : 1),
    ({ id }) => id === deleted,
  );
  await items.load(async () => ({ items: [item('a'), item('b')] }));
  deleted = 'a';
  expect(items.all()).toEqual([item('b')]);
  expect(items.get('a')).toBeUndefined();
});
