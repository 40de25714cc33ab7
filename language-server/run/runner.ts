import type { z } from 'zod';
import type { BrokerClient } from '../../client/client.ts';
import type { EndpointRecord } from '../../protocol/client-broker/endpoints.ts';
import type { RegisteredFunction } from '../../protocol/client-broker/functions.ts';
import type { TaskRecord } from '../../protocol/client-broker/tasks.ts';
import type {
  ArgumentsReply,
  FunctionRef,
  PushReply,
  RunArguments,
  RunReply,
} from '../../protocol/editor-server/messages.ts';
import { RunaboutError } from '../../protocol/errors/error.ts';
import type { OpenDocument } from '../documents/open-document.ts';
import {
  argumentsFromJson,
  argumentsTemplate,
  type Bundle,
  formatArguments,
  isRunnable,
  jsonForm,
  type Marked,
  markedNamed,
  pushFunction,
  type Schema,
  versionDetails,
} from '../functions/index.ts';
import type { Session } from '../session.ts';
import type { Memory } from './memory.ts';
import type { Person } from './person.ts';

/** A submitted task with the function it is of. */
export interface Started extends z.infer<typeof RunReply> {
  record: TaskRecord;
  name: string;
}

/**
 * Runs and pushes functions: bundle, push when the broker's newest version is another, submit. What is missing comes
 * from memory, or from the person when the client leaves asking to us.
 */
export class Runner {
  readonly #session: Session;
  readonly #memory: Memory;
  readonly #person: Person | undefined;

  /** @param person absent: the client asks before it calls, so what is missing is an error */
  constructor(session: Session, memory: Memory, person: Person | undefined) {
    this.#session = session;
    this.#memory = memory;
    this.#person = person;
  }

  async run(request: RunArguments, signal: AbortSignal): Promise<Started> {
    const client = this.#session.link.require();
    const { document, marked } = await this.#find(request);
    const name = document.nameInRegistry(marked);
    // A function that was edited will be pushed: its parameters are described while it is bundled.
    if (this.#session.states.of(document, marked).edited) this.#schema(document, marked).catch(() => undefined);
    // All at once: in a warm, unchanged session each of them is at hand.
    const [bundle, endpoint, args] = await Promise.all([
      this.#session.bundles.bundle(document, marked, signal),
      this.#endpoint(request, marked),
      this.#arguments(request, document, marked, name),
      this.#session.remote.load(name),
    ]);
    signal.throwIfAborted();
    const encoded = await client.encodeArguments(args.values, { signal });
    const submit = async () => {
      const version = await this.#pushed(client, document, marked, bundle, signal);
      signal.throwIfAborted();
      const { timeoutMs } = marked.settings;
      const [task] = await client.submit([
        { function: version, endpoint: endpoint.id, args: encoded, ...(timeoutMs ? { timeoutMs } : {}) },
      ]);
      return task!;
    };
    const record = await submit().catch(error => {
      if (!(error instanceof RunaboutError) || error.code !== 'not-found') throw error;
      // The function was deleted, or the broker is a new one: what we knew of it is void.
      this.#session.remote.forget(name);
      this.#session.endpoints.reset();
      return submit();
    });
    await this.#session.remote.load(name);
    this.#session.remote.submitted(record);
    this.#memory.used(endpoint);
    if (args.json) this.#memory.rememberArguments(name, args.json);
    return { task: record.id, endpoint: { id: endpoint.id, name: endpoint.name }, record, name: marked.name };
  }

  async push(ref: FunctionRef, signal: AbortSignal): Promise<PushReply> {
    const client = this.#session.link.require();
    const { document, marked } = await this.#find(ref);
    const bundle = await this.#session.bundles.bundle(document, marked, signal);
    const { function: record, version, created } = await this.#push(client, document, marked, bundle, signal);
    return { function: record.name, version: version.version, digest: version.digest, created };
  }

  /** What to ask a person for before a run. */
  async arguments(ref: FunctionRef): Promise<ArgumentsReply> {
    const { document, marked } = await this.#find(ref);
    const schema = await this.#schema(document, marked);
    const remembered = this.#memory.argumentsOf(document.nameInRegistry(marked));
    return {
      takesArguments: marked.takesArguments,
      schema,
      template: remembered ?? argumentsTemplate(schema),
      remembered: remembered !== undefined,
      signature: `${marked.name}${marked.signature}`,
    };
  }

  async #find({ uri, name }: FunctionRef): Promise<{ document: OpenDocument; marked: Marked }> {
    const document = this.#session.documents.get(uri);
    if (!document) throw new RunaboutError('function-not-found', `${uri} is neither open nor a file.`);
    const marked = markedNamed(document.marks, name, document.file);
    // Why it cannot run is said by name.
    if (!isRunnable(marked)) await this.#session.captures.check(document);
    return { document, marked };
  }

  /** The version of the broker with this digest, pushed if its newest is another. */
  async #pushed(client: BrokerClient, document: OpenDocument, marked: Marked, bundle: Bundle, signal: AbortSignal) {
    const remote = await this.#session.remote.load(bundle.registryName);
    if (remote?.id && remote.latest?.digest === bundle.digest) return { id: remote.id, version: remote.latest.version };
    const { function: record, version } = await this.#push(client, document, marked, bundle, signal);
    return { id: record.id, version: version.version };
  }

  async #push(
    client: BrokerClient,
    document: OpenDocument,
    marked: Marked,
    bundle: Bundle,
    signal: AbortSignal,
  ): Promise<RegisteredFunction> {
    const details = this.#schema(document, marked).then(schema => versionDetails(bundle, marked, schema));
    const registered = await pushFunction(client, { bundle, details }, { signal });
    this.#session.remote.pushed(registered.function);
    return registered;
  }

  #schema(document: OpenDocument, marked: Marked): Promise<Schema> {
    const overlays = this.#session.documents.overlays();
    return this.#session.compiler.schemaOf(document.file, document.text, marked, overlays);
  }

  async #endpoint(request: RunArguments, marked: Marked): Promise<Pick<EndpointRecord, 'id' | 'name'>> {
    const { endpoints } = this.#session;
    if (request.endpoint) return await endpoints.find(request.endpoint);
    if (!request.pick) {
      if (marked.settings.endpoint) return await endpoints.find(marked.settings.endpoint);
      const chosen = this.#memory.endpoint;
      if (chosen) return await endpoints.find(chosen.id);
    }
    if (!this.#person) {
      throw new RunaboutError('request-invalid', 'No endpoint was chosen.', {
        hint: 'Choose one, or name one at the mark: @remote endpoint=NAME.',
      });
    }
    const chosen = await this.#person.chooseEndpoint(endpoints, this.#memory, marked.name);
    // "Run on…" is for this once; a first choice holds.
    if (!request.pick) this.#memory.choose({ id: chosen.id, name: chosen.name });
    return chosen;
  }

  /** The values to call with, and their JSON text to remember. */
  async #arguments(
    { args, example }: RunArguments,
    document: OpenDocument,
    marked: Marked,
    registryName: string,
  ): Promise<{ values: unknown[]; json?: string }> {
    if (example !== undefined) {
      const found = marked.examples[example];
      if (found) return { values: found.args, json: formatArguments(found.args.map(jsonForm)) };
      throw new RunaboutError('request-invalid', `"${marked.name}" has no example ${example + 1}.`);
    }
    if (args) return await this.#checked(args, document, marked);
    if (!marked.takesArguments) return { values: [] };
    const remembered = this.#memory.argumentsOf(registryName);
    if (remembered !== undefined) return await this.#checked(parseArguments(remembered), document, marked);
    const schema = await this.#schema(document, marked);
    if (((schema.minItems as number | undefined) ?? 0) === 0) return { values: [] };
    if (!this.#person) return await this.#checked([], document, marked);
    this.#memory.rememberArguments(registryName, argumentsTemplate(schema));
    return await this.#person.editArguments(this.#memory.argumentsFile(registryName), `"${marked.name}"`);
  }

  async #checked(
    args: unknown[],
    document: OpenDocument,
    marked: Marked,
  ): Promise<{ values: unknown[]; json?: string }> {
    if (args.length === 0 && !marked.takesArguments) return { values: [] };
    const values = argumentsFromJson(args, await this.#schema(document, marked));
    return { values, json: formatArguments(args) };
  }
}

function parseArguments(json: string): unknown[] {
  try {
    const args: unknown = JSON.parse(json);
    if (Array.isArray(args)) return args;
  } catch (error) {
    throw new RunaboutError(
      'arguments-invalid',
      `The arguments of the last run are not JSON: ${(error as Error).message}.`,
    );
  }
  throw new RunaboutError('arguments-invalid', 'The arguments of the last run are not an array.');
}
