import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Memory } from '../../../language-server/run/memory.ts';
import { folder } from '../../support/folder.ts';

const endpoint = (id: string) => ({ id, name: `name-${id}` });

test('the choice and the order of use outlive the process', () => {
  const storage = join(folder('memory'), 'not-made-yet');
  const memory = new Memory(storage, '');
  expect(memory.endpoint).toBeNull();
  memory.choose(endpoint('a'));
  memory.used(endpoint('b'));
  memory.used(endpoint('a'));
  const again = new Memory(storage, '');
  expect(again.endpoint).toEqual(endpoint('a'));
  expect(again.recent.map(({ id }) => id)).toEqual(['a', 'b']);
  again.choose(null);
  expect(new Memory(storage, '').endpoint).toBeNull();
});

test('arguments are kept by function, each in a file only this user can read', () => {
  const storage = folder('memory');
  const memory = new Memory(storage, '');
  memory.rememberArguments('p/a#f', '[1]');
  memory.rememberArguments('p/a-f', '[2]');
  expect(new Memory(storage, '').argumentsOf('p/a#f')).toBe('[1]');
  expect(memory.argumentsOf('p/a-f')).toBe('[2]');
  expect(memory.argumentsOf('p/a#g')).toBeUndefined();
  for (const name of readdirSync(join(storage, 'arguments'))) {
    expect(statSync(join(storage, 'arguments', name)).mode & 0o777).toBe(0o600);
  }
});

test('what was put away outlives the process, the newest of it', () => {
  const storage = folder('memory');
  expect(new Memory(storage, '').cleared).toEqual([]);
  const tasks = Array.from({ length: 1_500 }, (_, i) => `task-${String(i).padStart(4, '0')}`);
  new Memory(storage, '').rememberCleared(tasks.toReversed());
  expect(new Memory(storage, '').cleared).toEqual(tasks.slice(500));
  writeFileSync(join(storage, 'cleared.json'), '[1');
  expect(new Memory(storage, '').cleared).toEqual([]);
});

test('what is too large is not remembered; a damaged file is forgotten', () => {
  const storage = folder('memory');
  const memory = new Memory(storage, '');
  memory.rememberArguments('p/a#f', JSON.stringify(['x'.repeat(2 * 1024 * 1024)]));
  expect(memory.argumentsOf('p/a#f')).toBeUndefined();
  writeFileSync(join(storage, 'endpoint.json'), '{ "endpoint"');
  expect(new Memory(storage, '').endpoint).toBeNull();
});
