import * as z from 'zod';
import {
  CreatedEndpoint,
  EndpointPage,
  type EndpointQuery,
  EndpointRecord,
  EndpointStatus,
} from '../protocol/client-broker/endpoints.ts';
import {
  FunctionPage,
  type FunctionQuery,
  FunctionRecord,
  RegisteredFunction,
  type RegisterFunction,
  VersionPage,
} from '../protocol/client-broker/functions.ts';
import { CreatedUser, WhoAmI } from '../protocol/client-broker/principals.ts';
import {
  type SubmitTask,
  SubmittedIds,
  SubmittedTasks,
  TaskHistory,
  TaskOutput,
  TaskPage,
  type TaskQuery,
  TaskRecord,
  TaskResult,
} from '../protocol/client-broker/tasks.ts';
import { RunaboutError } from '../protocol/errors/error.ts';
import type { ErrorCode } from '../protocol/errors/registry.ts';
import { type Digest, digestOf } from '../protocol/ids.ts';
import { limits } from '../protocol/limits.ts';
import { isTerminal } from '../protocol/tasks/states.ts';
import { decodeValue, encodeValue } from '../protocol/values/codec.ts';
import { fromJsonPayload, type JsonPayload, type Payload, toJsonPayload } from '../protocol/values/payload.ts';
import { type EventHandlers, EventStream } from './events.ts';
import { type CallOptions, type Connection, Http } from './http.ts';

/** Uploads above this many bytes are sent only where they are missing. */
const ASK_ABOVE = 64 * 1024;

/** Errors of a broker that is away, and comes back. */
const PASSING: readonly ErrorCode[] = ['broker-unreachable', 'broker-stopping'];

/**
 * The one client of the broker: what the extension, the language server and the CLI use. Every method throws a
 * RunaboutError; `broker-unreachable` when there is no broker, the broker's own code otherwise.
 */
export class BrokerClient {
  readonly connection: Connection;
  readonly #http: Http;

  /** @param userAgent names the program in the broker's log, for example `runabout-cli/0.1.0` */
  constructor(connection: Connection, userAgent = 'runabout') {
    this.connection = connection;
    this.#http = new Http(connection, userAgent);
  }

  whoAmI(options?: CallOptions): Promise<WhoAmI> {
    return this.#http.json(WhoAmI, 'whoami', options);
  }

  createUser(name: string): Promise<CreatedUser> {
    return this.#http.json(CreatedUser, 'users', { method: 'POST', json: { name } });
  }

  // Functions

  /** Uploads a bundle or a source map, unless the broker has it. */
  async uploadBundle(bytes: Uint8Array, options?: CallOptions): Promise<Digest> {
    return await this.#upload('bundles', bytes, options);
  }

  async downloadBundle(digest: Digest, options?: CallOptions): Promise<Uint8Array> {
    return await this.#http.bytes(`bundles/${digest}`, { ...options, timeoutMs: 120_000 });
  }

  hasBundle(digest: Digest, options?: CallOptions): Promise<boolean> {
    return this.#http.exists(`bundles/${digest}`, options);
  }

  registerFunction(request: RegisterFunction, options?: CallOptions): Promise<RegisteredFunction> {
    return this.#http.json(RegisteredFunction, 'functions', {
      method: 'POST',
      json: request,
      idempotent: true,
      ...options,
    });
  }

  listFunctions(query: FunctionQuery = {}, options?: CallOptions): Promise<z.infer<typeof FunctionPage>> {
    return this.#http.json(FunctionPage, 'functions', { query, ...options });
  }

  /** The caller's function of exactly this name. */
  async findFunction(name: string, options?: CallOptions): Promise<FunctionRecord | undefined> {
    return (await this.listFunctions({ name, limit: 1 }, options)).items[0];
  }

  getFunction(id: string, options?: CallOptions): Promise<FunctionRecord> {
    return this.#http.json(FunctionRecord, `functions/${id}`, options);
  }

  listVersions(id: string, options?: CallOptions): Promise<z.infer<typeof VersionPage>> {
    return this.#http.json(VersionPage, `functions/${id}/versions`, options);
  }

  async deleteFunction(id: string): Promise<void> {
    await this.#http.bytes(`functions/${id}`, { method: 'DELETE' });
  }

  // Endpoints

  createEndpoint(name: string, description?: string): Promise<CreatedEndpoint> {
    return this.#http.json(CreatedEndpoint, 'endpoints', {
      method: 'POST',
      json: { name, ...(description ? { description } : {}) },
    });
  }

  /** A new token for the agent; the old one stops working. */
  renewEndpointToken(id: string): Promise<CreatedEndpoint> {
    return this.#http.json(CreatedEndpoint, `endpoints/${id}/token`, { method: 'POST' });
  }

  listEndpoints(query: EndpointQuery = {}, options?: CallOptions): Promise<z.infer<typeof EndpointPage>> {
    return this.#http.json(EndpointPage, 'endpoints', { query, ...options });
  }

  async findEndpoint(name: string, options?: CallOptions): Promise<EndpointRecord | undefined> {
    return (await this.listEndpoints({ name, limit: 1 }, options)).items[0];
  }

  getEndpoint(id: string, options?: CallOptions): Promise<EndpointRecord> {
    return this.#http.json(EndpointRecord, `endpoints/${id}`, options);
  }

  endpointStatus(id: string, options?: CallOptions): Promise<EndpointStatus> {
    return this.#http.json(EndpointStatus, `endpoints/${id}/status`, options);
  }

  async deleteEndpoint(id: string): Promise<void> {
    await this.#http.bytes(`endpoints/${id}`, { method: 'DELETE' });
  }

  // Tasks

  /** Submits a batch; the answer comes after the durable commit, in the same order. */
  async submit(tasks: SubmitTask[], options?: CallOptions): Promise<TaskRecord[]> {
    return (
      await this.#http.json(SubmittedTasks, 'tasks', { method: 'POST', json: { tasks }, timeoutMs: 60_000, ...options })
    ).tasks;
  }

  /** As {@link submit}, for large batches: the answer has the ids alone. */
  async submitForIds(tasks: SubmitTask[], options?: CallOptions): Promise<string[]> {
    const call = { method: 'POST', json: { tasks }, query: { answer: 'ids' }, timeoutMs: 60_000, ...options } as const;
    return (await this.#http.json(SubmittedIds, 'tasks', call)).ids;
  }

  /**
   * The arguments of a task as they go into a submission. Large ones are uploaded first.
   * @throws RunaboutError `arguments-invalid` for what cannot be sent, or is over the cap
   */
  async encodeArguments(args: readonly unknown[], options?: CallOptions): Promise<JsonPayload> {
    let payload: Payload;
    try {
      payload = encodeValue(args);
    } catch (error) {
      throw new RunaboutError('arguments-invalid', `The arguments cannot be sent. ${(error as Error).message}`, {
        cause: error,
      });
    }
    const size = payload.bytes.length;
    if (size > limits.args) {
      throw new RunaboutError('arguments-invalid', `The arguments take ${size} bytes; ${limits.args} is the most.`);
    }
    if (size <= limits.inlinePayload) return toJsonPayload(payload);
    return { type: payload.type, blob: await this.#upload('blobs', payload.bytes, options), size };
  }

  listTasks(query: TaskQuery = {}, options?: CallOptions): Promise<z.infer<typeof TaskPage>> {
    return this.#http.json(TaskPage, 'tasks', { query, ...options });
  }

  getTask(id: string, options?: CallOptions): Promise<TaskRecord> {
    return this.#http.json(TaskRecord, `tasks/${id}`, options);
  }

  cancelTask(id: string): Promise<TaskRecord> {
    return this.#http.json(TaskRecord, `tasks/${id}/cancel`, { method: 'POST', idempotent: true });
  }

  /** As {@link cancelTask}, for a click that may come late: a task that has ended meanwhile is no error. */
  async cancelUnlessEnded(id: string): Promise<void> {
    try {
      await this.cancelTask(id);
    } catch (error) {
      if (!(error instanceof RunaboutError) || error.code !== 'task-ended') throw error;
    }
  }

  taskOutput(id: string, from = 0, options?: CallOptions): Promise<TaskOutput> {
    return this.#http.json(TaskOutput, `tasks/${id}/output`, { query: { from }, ...options });
  }

  taskHistory(id: string, options?: CallOptions): Promise<z.infer<typeof TaskHistory>> {
    return this.#http.json(TaskHistory, `tasks/${id}/history`, options);
  }

  taskResult(id: string, options?: CallOptions): Promise<TaskResult> {
    return this.#http.json(TaskResult, `tasks/${id}/result`, { timeoutMs: 120_000, ...options });
  }

  /** The encoded value of a result; a large one is fetched. */
  async valueBytes(value: JsonPayload, options?: CallOptions): Promise<Payload> {
    const inline = fromJsonPayload(value);
    if (inline) return inline;
    const { type, blob } = value as Extract<JsonPayload, { blob: string }>;
    return { type, bytes: await this.#http.bytes(`blobs/${blob}`, { ...options, timeoutMs: 120_000 }) };
  }

  /** The value of a result. */
  async decode(value: JsonPayload, options?: CallOptions): Promise<unknown> {
    return decodeValue(await this.valueBytes(value, options));
  }

  /** Waits until the task has ended, however long that takes: a lost connection is waited out, not passed on. */
  async waitForTask(id: string, { signal }: CallOptions = {}): Promise<TaskRecord> {
    for (let failures = 0; ; ) {
      signal?.throwIfAborted();
      try {
        const task = await this.#http.json(TaskRecord, `tasks/${id}/wait`, {
          query: { ms: 30_000 },
          timeoutMs: 45_000,
          signal,
        });
        if (isTerminal(task.state)) return task;
        failures = 0;
      } catch (error) {
        if (!(error instanceof RunaboutError) || !PASSING.includes(error.code)) throw error;
        failures += 1;
        const pause = Math.random() * Math.min(10_000, 250 * 2 ** failures);
        await new Promise(resolve => setTimeout(resolve, pause));
      }
    }
  }

  /** Live events, with reconnect and resume. Close it when done. */
  subscribe(handlers: EventHandlers, options: { output?: boolean } = {}): EventStream {
    return new EventStream(this.connection, handlers, options.output ?? false);
  }

  async openApi(): Promise<Record<string, unknown>> {
    return await this.#http.json(z.record(z.string(), z.unknown()), 'openapi.json');
  }

  async #upload(kind: 'bundles' | 'blobs', bytes: Uint8Array, options?: CallOptions): Promise<Digest> {
    const digest = digestOf(bytes);
    // Asking first would take longer than sending what is small.
    if (bytes.length <= ASK_ABOVE || !(await this.#http.exists(`${kind}/${digest}`, options))) {
      await this.#http.bytes(`${kind}/${digest}`, { method: 'PUT', bytes, timeoutMs: 120_000, ...options });
    }
    return digest;
  }
}
