import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { repository } from '../support/cli.ts';

/** Runs a bench at a size that takes seconds: what is tested is that it runs, and says what it should. */
async function bench(name: string, ...options: string[]) {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(repository, 'bench', 'main.ts'), name, ...options],
    { cwd: repository },
  );
  const lines = stdout.trim().split('\n');
  expect(lines, 'one line of JSON on standard output').toHaveLength(1);
  return JSON.parse(lines[0]!);
}

const positive = expect.toSatisfy((value: number) => value > 0, 'more than 0');

test('bench core: bulk and one by one, beside a peer and the raw transport', async () => {
  const figures = await bench('core', '--tasks', '200', '--sequential', '5');
  expect(figures).toMatchObject({
    bench: 'core',
    bulk: { tasks: 200, tasksPerSecond: positive },
    sequential: { calls: 5, p50Ms: positive, p99Ms: positive },
    ws: { messagesPerSecond: positive },
    ratio: { bulkToWs: positive, p50ToWs: positive },
  });
  // A machine without Redis says so instead.
  if (figures.peer.missing) expect(figures.peer.missing).toContain('redis-server');
  else
    expect(figures).toMatchObject({
      peer: { concurrent: { tasksPerSecond: positive } },
      ratio: { bulkToBullmq: positive },
    });
});

test('bench batch: a cost for each size, beside a batch of one and raw HTTP', async () => {
  const figures = await bench('batch', '--tasks', '8', '--largest', '4');
  expect(figures.sizes.map(({ batch }: { batch: number }) => batch)).toEqual([1, 2, 4]);
  for (const size of figures.sizes) {
    expect(size).toMatchObject({ calls: 8, submitUs: positive, resultUs: positive, ratio: { submitToHttp: positive } });
  }
  expect(figures.sizes[0].ratio.resultToBatchOf1).toBe(1);
});

test('bench backlog: the rates with much queued beside those with nothing queued', async () => {
  const figures = await bench(
    'backlog',
    '--queued',
    '300',
    '--endpoints',
    '20',
    '--tasks',
    '50',
    '--calls',
    '3',
    '--rounds',
    '2',
  );
  for (const scenario of [figures.oneEndpoint, figures.manyEndpoints]) {
    expect(scenario).toMatchObject({
      fillPerSecond: positive,
      full: { submit: { perSecond: positive }, claim: { perSecond: positive }, complete: { perSecond: positive } },
      ratio: { submit: { perSecond: positive }, claim: { perSecond: positive }, eventP50: positive },
    });
  }
});

test('bench recovery: a killed manager and a killed broker, and everything ends all the same', async () => {
  // More than is worked off until the client, 100 ms late at this pace, has heard of the first and killed the broker.
  const [queued, before] = ['10000', '200'];
  const figures = await bench(
    'recovery',
    '--seconds',
    '0.5',
    '--task-ms',
    '10',
    '--queued',
    queued,
    '--before',
    before,
  );
  expect(figures.manager).toMatchObject({ managers: 2, before: { p50Ms: positive }, after: { worstMs: positive } });
  expect(figures.broker).toMatchObject({ queued: 10_000, listensMs: positive, firstEndMs: positive });
});

test('bench scale: as many tasks at once as there are workers, and what each costs', async () => {
  const figures = await bench('scale', '--workers', '8,40', '--processes', '2', '--tasks', '200', '--fewest', '100');
  expect(figures.sizes).toMatchObject([
    { workers: 8, noOps: { tasks: 100, tasksPerSecond: positive }, running: { atOnce: 8 } },
    { workers: 40, noOps: { tasks: 200, tasksPerSecond: positive }, running: { atOnce: 40 } },
  ]);
  expect(figures.sizes[1].ratio.noOpsToFirst).toBeGreaterThan(0);
});
