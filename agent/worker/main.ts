/**
 * The worker: one process that runs one task at a time. The manager starts it with the granted environment, its own
 * process group, and its scratch folder as the only argument.
 *
 * What a finished task left running is not the next task's: its output is dropped, and an exception or rejection of its
 * own retires the worker, since nobody knows what else it broke. So does a child process that is left behind.
 */
import { pathToFileURL } from 'node:url';
import { RunaboutError } from '../../protocol/errors/error.ts';
import type { ErrorCode } from '../../protocol/errors/registry.ts';
import type { WorkerCommand, WorkerRun } from '../../protocol/manager-worker/messages.ts';
import type { TaskError } from '../../protocol/tasks/error.ts';
import type { Payload } from '../../protocol/values/payload.ts';
import { hasLoadedEnough, loadedFunction, loadFunction } from './bundles.ts';
import { call } from './call.ts';
import { listen, report } from './channel.ts';
import { current, guardExit, isBusy, leave, type Run, within } from './context.ts';
import { Environment } from './environment.ts';
import { describeThrown, stackOf } from './errors/describe.ts';
import { readMap } from './errors/mapping.ts';
import { Scratch } from './scratch.ts';
import { captureStreams } from './streams.ts';

const now = performance.now.bind(performance);
const own = new URL('.', import.meta.url).href;
const FRAMES = 50;
const LEFTOVER = 'Something that a finished task left behind threw.';

captureStreams();
guardExit();
Error.stackTraceLimit = FRAMES;
const environment = new Environment();
const scratch = new Scratch(process.argv[2]!, environment);

interface Attempt extends Run {
  command: WorkerRun;
  /** When the function was called; the time before is loading. */
  calledAt: number;
  /** When it threw; what follows is not the function's time. */
  threwAt?: number;
  loadMs: number;
}

const waiting: { command: WorkerRun; args: Uint8Array }[] = [];
const maps = new Map<string, (file: string | undefined) => void>();
let attempt: Attempt | undefined;
let retiring = false;
/** Set while a task runs: the worker is to be replaced after it. */
let retireReason: string | undefined;

listen((command: WorkerCommand, payload) => {
  if (command.t === 'map') {
    maps.get(command.digest)?.(command.file);
    maps.delete(command.digest);
  } else {
    waiting.push({ command, args: payload });
    if (!attempt) next();
  }
});
report({ t: 'ready' });

function next(): void {
  const head = retiring ? undefined : waiting.shift();
  if (!head) return;
  // failpoint: worker.run.received
  const run: Attempt = { ended: false, command: head.command, calledAt: now(), loadMs: 0 };
  attempt = run;
  environment.grant('RUNABOUT_TASK', head.command.task);
  environment.grant('RUNABOUT_ATTEMPT', String(head.command.attempt));
  scratch.enter();
  void within(run, () => execute(run, head.args));
}

async function execute(run: Attempt, args: Uint8Array): Promise<void> {
  const { command } = run;
  let entry = loadedFunction(command.digest);
  if (!entry) {
    try {
      entry = await loadFunction(command.digest, command.file);
    } catch (error) {
      // A module that failed to load stays failed in this process, whatever the reason was.
      await fail(run, error, 'bundle-not-loadable', 'A bundle could not be loaded.');
      return;
    }
    run.loadMs = now() - run.calledAt;
    run.calledAt = now();
  }
  try {
    const value = await call(entry, args, command.type, command.kind.endsWith('generator'));
    finish(run, value);
  } catch (error) {
    await fail(run, error, 'function-threw');
  }
}

function finish(run: Attempt, value: Payload | TaskError, retire?: string): void {
  if (run.ended) return;
  const runMs = Math.max(0, (run.threwAt ?? now()) - run.calledAt);
  leave(run);
  const timings = { loadMs: run.loadMs, runMs };
  // failpoint: worker.result.sending
  if ('bytes' in value) report({ t: 'result', outcome: 'succeeded', type: value.type, ...timings }, value.bytes);
  else report({ t: 'result', outcome: 'failed', error: value, ...timings });
  // failpoint: worker.result.sent
  attempt = undefined;
  environment.restore();
  scratch.clear();
  if (retire ?? retireReason) leaveService((retire ?? retireReason)!);
  else if (hasLoadedEnough()) leaveService('It has loaded enough bundles.');
  else if (process.getActiveResourcesInfo().includes('ProcessWrap')) leaveService('A task left a child process.');
  else next();
}

async function fail(run: Attempt, thrown: unknown, code: ErrorCode, retire?: string): Promise<void> {
  if (run.ended) return;
  if (thrown instanceof RunaboutError) {
    const { code, message, hint } = thrown;
    finish(run, { code, message, hint }, retire);
    return;
  }
  run.threwAt ??= now();
  const bundle = pathToFileURL(run.command.file).href;
  const map = stackOf(thrown).includes(bundle) ? await mapFile(run.command.mapDigest) : undefined;
  finish(run, describeThrown(thrown, code, { bundle, own }, map ? readMap(map) : undefined), retire);
}

/** Source maps are large and seldom needed: the manager fetches one only for the first error of its bundle. */
function mapFile(digest: string | undefined): Promise<string | undefined> {
  if (!digest) return Promise.resolve(undefined);
  return new Promise(resolve => {
    maps.set(digest, resolve);
    report({ t: 'need-map', digest });
  });
}

/** Nothing is taken any more: the manager closes the channel and puts a new worker in this one's place. */
function leaveService(reason: string): void {
  if (retiring) return;
  retiring = true;
  report({ t: 'retire', reason });
}

function uncaught(error: unknown, event: 'uncaughtException' | 'unhandledRejection'): void {
  // The function handles such things itself.
  if (process.listenerCount(event) > 1) return;
  const run = attempt;
  if (run && current() === run)
    void within(run, () => fail(run, error, 'function-threw', 'A task threw outside of its call.'));
  else if (isBusy()) retireReason = LEFTOVER;
  else leaveService(LEFTOVER);
}

process.on('uncaughtException', error => uncaught(error, 'uncaughtException'));
process.on('unhandledRejection', error => uncaught(error, 'unhandledRejection'));
process.on('exit', code => report({ t: 'exiting', code }));
