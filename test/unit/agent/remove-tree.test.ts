import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { removeTree } from '../../../agent/remove-tree.ts';
import { folder } from '../../support/folder.ts';

const NOBODY = 65534;

/** Removes it as somebody whom permissions stop: not as root. */
function removeAsUser(path: string): void {
  const module = new URL('../../../agent/remove-tree.ts', import.meta.url).href;
  const script = `
    const { removeTree } = await import(${JSON.stringify(module)});
    if (process.getuid() === 0) process.setuid(${NOBODY});
    const error = await removeTree(process.argv[1]);
    if (error) throw error;`;
  execFileSync(process.execPath, ['--input-type=module', '-e', script, path]);
}

function own(...paths: string[]): void {
  if (process.getuid!() === 0) for (const path of paths) chownSync(path, NOBODY, NOBODY);
}

test('read-only folders are removed, and what links in them lead to is left as it is', () => {
  const base = folder();
  const [tree, outside] = [join(base, 'tree'), join(base, 'outside')];
  const inner = join(tree, 'a', 'b');
  for (const path of [outside, inner]) {
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, 'file'), 'x');
  }
  symlinkSync(outside, join(inner, 'link'));
  own(base, tree, join(tree, 'a'), inner, outside);
  for (const path of [outside, inner, join(tree, 'a')]) chmodSync(path, 0o500);
  // Not even readable.
  chmodSync(tree, 0);

  removeAsUser(tree);
  expect(existsSync(tree)).toBe(false);
  expect(existsSync(join(outside, 'file'))).toBe(true);
  expect(statSync(outside).mode & 0o777).toBe(0o500);
  chmodSync(outside, 0o700);
});

test('a folder that is not there is fine, and what cannot be removed is returned', async () => {
  const base = folder();
  expect(await removeTree(join(base, 'none'))).toBeUndefined();
  expect(await removeTree(join(base, 'x'.repeat(300)))).toMatchObject({ code: 'ENAMETOOLONG' });
});
