import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectOf, registryName } from '../../../language-server/functions/index.ts';
import { FunctionName } from '../../../protocol/client-broker/common.ts';
import { folder } from '../../support/folder.ts';

test('the nearest package.json is the project, by its name or its folder', () => {
  const root = folder('project');
  mkdirSync(join(root, 'inner', 'src'), { recursive: true });
  writeFileSync(join(root, 'package.json'), '{ "name": "@acme/outer" }');
  expect(projectOf(join(root, 'inner', 'src', 'a.ts'))).toEqual({ root, name: '@acme/outer' });
  writeFileSync(join(root, 'inner', 'package.json'), '{}');
  expect(projectOf(join(root, 'inner', 'src', 'a.ts'))).toEqual({ root: join(root, 'inner'), name: 'inner' });
  writeFileSync(join(root, 'inner', 'package.json'), '{ "name": ');
  expect(projectOf(join(root, 'inner', 'src', 'a.ts')).name).toBe('inner');
});

test.each([
  ['p', '/p/src/a.ts', 'mean', 'p/src/a#mean'],
  ['@acme/p', '/p/a.test.tsx', 'Stats.mean', '@acme/p/a.test#Stats.mean'],
  ['p', '/p/my file (1).ts', 'f', 'p/my-file--1-#f'],
  ['-p', '/p/größe.ts', 'größe', 'p/größe#größe'],
  ['p', '/p/index.ts', 'default', 'p/index#default'],
])('%s %s#%s is %s', (name, file, fn, expected) => {
  expect(registryName({ root: '/p', name }, file, fn)).toBe(expected);
});

test('a name that is too long is cut at its beginning, and stays valid', () => {
  const name = registryName({ root: '/p', name: 'p' }, `/p/${'deep/'.repeat(80)}a.ts`, 'f');
  expect(name.length).toBeLessThanOrEqual(256);
  expect(name.endsWith('deep/a#f')).toBe(true);
  expect(FunctionName.safeParse(name).success).toBe(true);
});
