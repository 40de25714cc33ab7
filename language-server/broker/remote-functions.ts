import type { BrokerClient } from '../../client/client.ts';
import type { BrokerEvent, OutputEvent } from '../../protocol/client-broker/events.ts';
import type { FunctionRecord, FunctionVersion } from '../../protocol/client-broker/functions.ts';
import type { TaskRecord } from '../../protocol/client-broker/tasks.ts';
import type { TaskError } from '../../protocol/tasks/error.ts';
import { isTerminal } from '../../protocol/tasks/states.ts';
import { decodeValue } from '../../protocol/values/codec.ts';
import { fromJsonPayload, type JsonPayload } from '../../protocol/values/payload.ts';
import { preview } from '../../protocol/values/preview.ts';

/** The newest task of a function, and what is known of how it went. */
export interface RemoteRun {
  task: TaskRecord;
  /** The last lines it printed or yielded. */
  output: string[];
  /** The value in one line, once it has come. */
  value?: string;
  /** The whole error, once it has come. */
  error?: TaskError;
}

/** What the broker knows of a function of ours. */
export interface RemoteFunction {
  id: string | undefined;
  latest: FunctionVersion | undefined;
  run: RemoteRun | undefined;
}

/** Whether all is known of how a run ended: the value or the error follows the record; a task that was stopped has none. */
export function isComplete({ task, value, error }: RemoteRun): boolean {
  if (!isTerminal(task.state)) return false;
  return value !== undefined || error !== undefined || (task.state !== 'succeeded' && task.state !== 'failed');
}

/** A result above this is not fetched for a line of text. */
const PREVIEW_BYTES = 512 * 1024;
const OUTPUT_LINES = 12;

/**
 * The functions and tasks of the broker that belong to marked functions here, by registry name: asked for once, then
 * kept by the broker's events. So a task that was started elsewhere shows up too.
 */
export class RemoteFunctions {
  readonly #client: () => BrokerClient | undefined;
  readonly #changed: (name: string) => void;
  readonly #known = new Map<string, RemoteFunction>();
  readonly #loading = new Map<string, Promise<RemoteFunction | undefined>>();
  /** What happened while something was loading: it may be newer than the answer, and is told again after it. */
  readonly #meanwhile: BrokerEvent[] = [];
  /** Tasks whose results a person has put away. */
  readonly #cleared = new Set<string>();
  #generation = 0;

  constructor(client: () => BrokerClient | undefined, changed: (name: string) => void) {
    this.#client = client;
    this.#changed = changed;
  }

  /** What is known now; `undefined`: not asked yet, or no broker. */
  get(name: string): RemoteFunction | undefined {
    return this.#known.get(name);
  }

  byTask(id: string): [string, RemoteFunction] | undefined {
    return [...this.#known].find(([, { run }]) => run?.task.id === id);
  }

  /** Asks the broker, unless it was asked. @throws RunaboutError when it does not answer */
  async load(name: string): Promise<RemoteFunction | undefined> {
    const known = this.#known.get(name);
    if (known) return known;
    let loading = this.#loading.get(name);
    if (!loading) {
      loading = this.#load(name).finally(() => {
        if (this.#loading.get(name) === loading) this.#loading.delete(name);
        if (this.#loading.size === 0) this.#meanwhile.length = 0;
      });
      this.#loading.set(name, loading);
    }
    return await loading;
  }

  async #load(name: string): Promise<RemoteFunction | undefined> {
    const client = this.#client();
    if (!client) return undefined;
    const generation = this.#generation;
    const found = await client.findFunction(name);
    const task = found && (await client.listTasks({ function: found.id, limit: 1 })).items[0];
    if (generation !== this.#generation) return undefined;
    const remote: RemoteFunction = {
      id: found?.id,
      latest: found?.latest,
      run: undefined,
    };
    this.#known.set(name, remote);
    if (task) this.#takeTask(name, remote, task);
    for (const event of this.#meanwhile) this.#apply(event);
    if (task && !isTerminal(task.state)) void this.#catchUp(name, remote);
    this.#changed(name);
    return remote;
  }

  /** Everything is asked for again: another broker, or events were missed. Returns the names that were known. */
  reset(): string[] {
    const names = [...this.#known.keys()];
    this.#generation += 1;
    this.#known.clear();
    this.#loading.clear();
    this.#meanwhile.length = 0;
    return names;
  }

  /** Asks again for results that could not be had when their tasks ended. */
  fetchMissing(): void {
    for (const [name, remote] of this.#known) {
      const { run } = remote;
      if (run && isTerminal(run.task.state) && run.value === undefined && run.error === undefined) {
        void this.#fetchResult(name, remote);
      }
    }
  }

  forget(name: string): void {
    this.#known.delete(name);
  }

  /** The results of these tasks were put away in an earlier life of the server. */
  restoreCleared(tasks: Iterable<string>): void {
    for (const task of tasks) this.#cleared.add(task);
  }

  /** Puts away the results that are known now; those of later runs show again. Returns all tasks that are put away. */
  clear(): ReadonlySet<string> {
    for (const [name, { run }] of this.#known) {
      if (!run || !isTerminal(run.task.state)) continue;
      this.#cleared.add(run.task.id);
      this.#changed(name);
    }
    return this.#cleared;
  }

  isCleared({ task }: RemoteRun): boolean {
    return this.#cleared.has(task.id);
  }

  /** A version that was pushed from here: known at once, without waiting for the event. */
  pushed(record: FunctionRecord): void {
    const remote = this.#known.get(record.name) ?? { id: undefined, latest: undefined, run: undefined };
    this.#known.set(record.name, remote);
    remote.id = record.id;
    // Events and answers may cross: the higher version is the newer.
    if (!remote.latest || record.latest.version >= remote.latest.version) remote.latest = record.latest;
    this.#changed(record.name);
  }

  event(event: BrokerEvent): void {
    if (this.#loading.size > 0) this.#meanwhile.push(event);
    this.#apply(event);
  }

  #apply(event: BrokerEvent): void {
    if (event.t === 'function' && this.#known.has(event.function.name)) this.pushed(event.function);
    if (event.t === 'task') this.#newer(event.task);
    if (event.t === 'function-deleted') {
      const entry = [...this.#known].find(([, { id }]) => id === event.id);
      if (!entry) return;
      entry[1].id = undefined;
      entry[1].latest = undefined;
      this.#changed(entry[0]);
    }
  }

  /** A task as the broker answered its submission. Events that overtook the answer are newer. */
  submitted(task: TaskRecord): void {
    if (this.#known.get(task.function.name)?.run?.task.id !== task.id) this.#newer(task);
  }

  /** A task record that is new or newer. */
  #newer(task: TaskRecord): void {
    const remote = this.#known.get(task.function.name);
    if (!remote) return;
    this.#takeTask(task.function.name, remote, task);
    this.#changed(task.function.name);
  }

  output({ task, chunks }: OutputEvent): void {
    const entry = this.byTask(task);
    if (!entry) return;
    const [name, { run }] = entry;
    const lines = chunks.flatMap(chunk => {
      if (chunk.text !== undefined) return chunk.text.split(/\r?\n/).filter(line => line.trim() !== '');
      return chunk.value ? [itemText(chunk.value)] : [];
    });
    run!.output = [...run!.output, ...lines].slice(-OUTPUT_LINES);
    this.#changed(name);
  }

  #takeTask(name: string, remote: RemoteFunction, task: TaskRecord): void {
    const { run } = remote;
    // Ids are ordered by time: an older task than the one that is shown stays out.
    if (run && task.id < run.task.id) return;
    if (run?.task.id === task.id) {
      if (isTerminal(run.task.state) && !isTerminal(task.state)) return;
      const ended = isTerminal(task.state) && !isTerminal(run.task.state);
      run.task = task;
      if (ended) void this.#fetchResult(name, remote);
      return;
    }
    remote.run = { task, output: [] };
    if (isTerminal(task.state)) void this.#fetchResult(name, remote);
  }

  /** The output that came before we listened. */
  async #catchUp(name: string, remote: RemoteFunction): Promise<void> {
    const { run } = remote;
    if (!run) return;
    try {
      const { chunks } = (await this.#client()?.taskOutput(run.task.id)) ?? { chunks: [] };
      if (remote.run === run && run.output.length === 0) this.output({ t: 'output', task: run.task.id, chunks });
    } catch {
      // The tail is a comfort; its absence is not worth a message.
    }
    this.#changed(name);
  }

  async #fetchResult(name: string, remote: RemoteFunction): Promise<void> {
    const { run } = remote;
    const client = this.#client();
    if (!run || !client) return;
    const { task } = run;
    if ((task.value?.size ?? 0) > PREVIEW_BYTES) {
      run.value = `${(task.value!.size / 1024 / 1024).toFixed(1)} MiB`;
    } else {
      try {
        const result = await client.taskResult(task.id);
        if (result.error) run.error = result.error;
        if (result.value) run.value = preview(await client.decode(result.value));
      } catch {
        // The record itself says how the task ended; the value is asked for again at the next connection.
      }
    }
    if (remote.run === run) this.#changed(name);
  }
}

/** What a generator yielded, in one line. The bytes come from another machine, and may be anything. */
function itemText(value: JsonPayload): string {
  const payload = fromJsonPayload(value);
  if (!payload) return '…';
  try {
    return preview(decodeValue(payload));
  } catch {
    return '…';
  }
}
