/**
 * The worker: a process that runs one task at a time, or several where the endpoint says so (a *shared* worker). The
 * manager starts it with the granted environment, its own process group, and two arguments: its scratch folder, and how
 * many tasks it runs at once.
 *
 * What a finished task left running is not the next task's: its output is dropped, and an exception or rejection of its
 * own retires the worker, since nobody knows what else it broke. So does a child process that is left behind.
 */
import { pathToFileURL } from 'node:url';
import { RunaboutError } from '../../protocol/errors/error.ts';
import type { ErrorCode } from '../../protocol/errors/registry.ts';
import type { WorkerCommand, WorkerRun, WorkerStop } from '../../protocol/manager-worker/messages.ts';
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
import { offerSignal } from './signal.ts';
import { captureStreams } from './streams.ts';

// Held from before any user's code ran.
const now = performance.now.bind(performance);
const { setTimeout, clearTimeout } = globalThis;
const own = new URL('.', import.meta.url).href;
const FRAMES = 50;
const LEFTOVER = 'Something that a finished task left behind threw.';

const [scratchFolder, tasksAtOnce] = [process.argv[2]!, Number(process.argv[3] ?? 1)];
const isShared = tasksAtOnce > 1;

interface Attempt extends Run {
  command: WorkerRun;
  /** When the function was called; the time before is loading. */
  calledAt: number;
  /** When it threw; what follows is not the function's time. */
  threwAt?: number;
  loadMs: number;
  /** It was told to stop; runs until it is dropped. */
  stopping?: NodeJS.Timeout;
}

const waiting: { command: WorkerRun; args: Uint8Array }[] = [];
const running = new Map<string, Attempt>();
const maps = new Map<string, PromiseWithResolvers<string | undefined>>();
let retiring = false;
/** Set while tasks run: the worker is to be replaced after the next of them that ends … */
let retireReason: string | undefined;
/** … or when none is left: what was dropped may still go on, and ends with the process. */
let hasDropped = false;

captureStreams();
guardExit(isShared ? exited : undefined);
offerSignal(listening);
Error.stackTraceLimit = FRAMES;
const environment = new Environment();
const scratch = new Scratch(scratchFolder, environment);
if (isShared) {
  const mine = () => current() as Attempt | undefined;
  environment.vary({
    RUNABOUT_TASK: () => mine()?.command.task,
    RUNABOUT_ATTEMPT: () => mine()?.command.attempt.toString(),
  });
}

listen((command: WorkerCommand, payload) => {
  switch (command.t) {
    case 'map':
      maps.get(command.digest)?.resolve(command.file);
      maps.delete(command.digest);
      return;
    case 'stop':
      stop(command);
      return;
    case 'run':
      if (isShared && retiring) return report({ t: 'return', task: command.task });
      waiting.push({ command, args: payload });
      next();
  }
});
report({ t: 'ready' });

function next(): void {
  while (!retiring && running.size < tasksAtOnce) {
    const head = waiting.shift();
    if (!head) return;
    begin(head.command, head.args);
  }
}

function begin(command: WorkerRun, args: Uint8Array): void {
  const { task, attempt } = command;
  // failpoint: worker.run.received
  const run: Attempt = { ended: false, command, calledAt: now(), loadMs: 0, ...(isShared ? { task } : {}) };
  if (running.size === 0) scratch.enter();
  running.set(task, run);
  if (!isShared) {
    environment.grant('RUNABOUT_TASK', task);
    environment.grant('RUNABOUT_ATTEMPT', String(attempt));
  }
  void within(run, () => execute(run, args));
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

function finish(run: Attempt, value: Payload | TaskError | 'stopped', retire?: string): void {
  if (run.ended) return;
  const runMs = Math.max(0, (run.threwAt ?? now()) - run.calledAt);
  leave(run);
  running.delete(run.command.task);
  const { task, loadMs, stopping } = run;
  clearTimeout(stopping);
  const header = { t: 'result', task, loadMs, runMs } as const;
  // failpoint: worker.result.sending
  if (stopping || value === 'stopped') report({ ...header, outcome: 'stopped' });
  else if ('bytes' in value) report({ ...header, outcome: 'succeeded', type: value.type }, value.bytes);
  else report({ ...header, outcome: 'failed', error: value });
  // failpoint: worker.result.sent
  if (running.size === 0) retire ??= cleanUp();
  if (retire ?? retireReason) leaveService((retire ?? retireReason)!);
  else if (hasLoadedEnough()) leaveService('It has loaded enough bundles.');
  else if (running.size === 0 && hasDropped) leaveService('A task was dropped that may still go on.');
  else if (running.size === 0 && leftChildProcess()) leaveService('A task left a child process.');
  else next();
}

/** Returns why no other task can run here, if so: the one that has ended may have removed the folder of all. */
function cleanUp(): string | undefined {
  environment.restore();
  try {
    scratch.clear();
    return undefined;
  } catch {
    return 'There is no scratch folder for another task.';
  }
}

const leftChildProcess = () => process.getActiveResourcesInfo().includes('ProcessWrap');

async function fail(run: Attempt, thrown: unknown, code: ErrorCode, retire?: string): Promise<void> {
  if (run.ended) return;
  if (thrown instanceof RunaboutError) {
    const { code, message, hint } = thrown;
    finish(run, { code, message, hint }, retire);
    return;
  }
  run.threwAt ??= now();
  const bundle = pathToFileURL(run.command.file).href;
  const map = stackOf(thrown).includes(bundle) ? await mapFile(run) : undefined;
  finish(run, describeThrown(thrown, code, { bundle, own }, map ? readMap(map) : undefined), retire);
}

/** Ends one task of a shared worker: at once, or when it has had time to heed its signal. */
function stop({ task, graceMs }: WorkerStop): void {
  const run = running.get(task);
  if (!run || run.stopping) return;
  const { controller } = run;
  if (controller) {
    run.stopping = setTimeout(() => drop(run, 'stopped'), graceMs);
    within(run, () => controller.abort(new Error('The task was stopped.')));
  } else {
    drop(run, 'stopped');
  }
}

/** Ends a task whose function has not ended. */
function drop(run: Attempt, value: TaskError | 'stopped'): void {
  hasDropped = true;
  finish(run, value);
}

/** A task of a shared worker called `process.exit`: that ends the task, not the others. */
function exited(run: Run, code: number): void {
  const error = {
    code: 'function-exited',
    message: `The function called process.exit with code ${code}.`,
    hint: 'Return from the function instead.',
  };
  drop(run as Attempt, error);
}

/** A worker that runs one task at a time is stopped by SIGTERM, which would end a function that listens for nothing. */
function listening(controller: AbortController): void {
  if (!isShared) process.once('SIGTERM', () => controller.abort(new Error('The task was stopped.')));
}

/** Source maps are large and seldom needed: the manager fetches one only for the first error of its bundle. */
function mapFile({ task, command: { mapDigest: digest } }: Attempt): Promise<string | undefined> {
  if (!digest) return Promise.resolve(undefined);
  let asked = maps.get(digest);
  if (!asked) {
    asked = Promise.withResolvers();
    maps.set(digest, asked);
    report({ t: 'need-map', task, digest });
  }
  return asked.promise;
}

/**
 * Nothing is taken any more: the manager puts a new worker in this one's place, at once, or when the tasks of a shared
 * one have ended.
 */
function leaveService(reason: string): void {
  if (retiring) return;
  retiring = true;
  report({ t: 'retire', reason });
  if (isShared) for (const { command } of waiting.splice(0)) report({ t: 'return', task: command.task });
}

function uncaught(error: unknown, event: 'uncaughtException' | 'unhandledRejection'): void {
  // The function handles such things itself.
  if (process.listenerCount(event) > 1) return;
  const run = current() as Attempt | undefined;
  if (run) void within(run, () => fail(run, error, 'function-threw', 'A task threw outside of its call.'));
  else if (isBusy()) retireReason = LEFTOVER;
  else leaveService(LEFTOVER);
}

process.on('uncaughtException', error => uncaught(error, 'uncaughtException'));
process.on('unhandledRejection', error => uncaught(error, 'unhandledRejection'));
process.on('exit', code => report({ t: 'exiting', code }));
