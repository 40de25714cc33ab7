import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { Blocks } from '../../../agent/managers/blocks.ts';
import type { BlockStatus, Provider } from '../../../agent/providers/provider.ts';
import { removeTree } from '../../../agent/remove-tree.ts';
import { newId } from '../../../protocol/ids.ts';
import { folder } from '../../support/folder.ts';
import { until } from '../../support/until.ts';

vi.mock('../../../agent/remove-tree.ts', { spy: true });

beforeEach(() => void vi.mocked(removeTree).mockReset());

/** Blocks whose managers are only names, which are their handles too. They live until they are in `ended`. */
function setUp({ count = 1, file = join(folder('blocks'), 'blocks.json') } = {}) {
  const submitted: string[] = [];
  const ended = new Set<string>();
  const dead: string[] = [];
  const warned: string[] = [];
  const provider: Provider = {
    submit: ({ manager }) => {
      submitted.push(manager);
      return Promise.resolve(manager);
    },
    status: (handle): Promise<BlockStatus> => Promise.resolve({ state: ended.has(handle) ? 'ended' : 'running' }),
    cancel: handle => Promise.resolve(void ended.add(handle)),
  };
  const managers = folder('managers');
  const blocks = new Blocks({
    ...{ provider, count, file, folder: managers },
    spec: { rendezvous: '', workers: 1, logLevel: 'info' },
    log: pino({ level: 'warn' }, { write: line => void warned.push(JSON.parse(line).msg) }),
    dead: manager => void dead.push(manager),
    allFound: () => {},
    problem: () => {},
  });
  onTestFinished(() => blocks.stop());
  return { blocks, submitted, ended, dead, warned, file, managers };
}

const storedIn = (file: string) =>
  JSON.parse(readFileSync(file, 'utf8')).map(({ manager }: { manager: string }) => manager);

test('what a dead manager left and cannot be removed is said, and a new manager is started', async () => {
  const { blocks, submitted, ended, dead, warned, file } = setUp();
  vi.mocked(removeTree).mockResolvedValue(new Error('ENOTEMPTY'));
  await blocks.start();
  ended.add(submitted[0]!);
  await until('there is a new one', () => submitted.length === 2);
  expect(dead).toEqual([submitted[0]]);
  expect(warned).toEqual(['A manager has died.', 'What a manager left could not be removed.']);
  await until('it is stored', () => storedIn(file)[0] === submitted[1]);
  await blocks.end(0);
  expect(existsSync(file)).toBe(false);
});

test('what cannot be removed does not keep an agent from starting', async () => {
  const { blocks, submitted, ended, warned, file, managers } = setUp();
  vi.mocked(removeTree).mockResolvedValue(new Error('EACCES'));
  const before = newId();
  mkdirSync(join(managers, before));
  ended.add(before);
  writeFileSync(file, JSON.stringify([{ manager: before, handle: before }]));
  await blocks.start();
  expect(storedIn(file)).toEqual(submitted);
  expect(new Set(warned)).toEqual(new Set(['What a manager left could not be removed.']));
});

test('the death of a manager is told when it cannot be stored, and the next change stores all', async () => {
  const path = join(folder('blocks'), 'missing');
  const { blocks, submitted, ended, dead, file } = setUp({ count: 2, file: join(path, 'blocks.json') });
  await blocks.start();
  expect(submitted).toHaveLength(2);
  ended.add(submitted[0]!);
  await until('there is a new one', () => submitted.length === 3);
  expect(dead).toEqual([submitted[0]]);
  mkdirSync(path);
  ended.add(submitted[1]!);
  await until('there is another', () => submitted.length === 4);
  await until('all are stored', () => storedIn(file).length === 2);
  expect(storedIn(file)).toEqual(submitted.slice(2));
});

test('a manager of the agent before may connect while a dead one is still being removed', async () => {
  const { blocks, submitted, ended, dead, file } = setUp({ count: 2 });
  const [gone, alive] = [newId(), newId()];
  ended.add(gone);
  writeFileSync(file, JSON.stringify([gone, alive].map(manager => ({ manager, handle: manager }))));
  const removal = Promise.withResolvers<undefined>();
  vi.mocked(removeTree).mockReturnValueOnce(removal.promise);
  const started = blocks.start();
  await until('the dead one is being removed', () => vi.mocked(removeTree).mock.calls.length === 1);
  expect([blocks.attached(gone), blocks.attached(alive)]).toEqual([false, true]);
  removal.resolve(undefined);
  await started;
  expect(dead).toEqual([]);
  expect(storedIn(file)).toEqual([alive, ...submitted]);
  expect(submitted).toHaveLength(1);
});
