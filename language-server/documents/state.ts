import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping';
import type { DocumentState, MarkedFunction, RunSummary } from '../../protocol/editor-server/messages.ts';
import type { Frame, TaskError } from '../../protocol/tasks/error.ts';
import { isTerminal } from '../../protocol/tasks/states.ts';
import type { RemoteFunction, RemoteFunctions, RemoteRun } from '../broker/remote-functions.ts';
import { type Bundle, isRunnable, type Marked } from '../functions/index.ts';
import type { Bundled, Bundles } from './bundles.ts';
import type { Documents } from './documents.ts';
import type { OpenDocument } from './open-document.ts';

/** All that is known of a marked function: its text, its bundle, and what the broker knows of it. */
export interface FunctionState {
  document: OpenDocument;
  marked: Marked;
  registryName: string;
  bundled: Bundled | undefined;
  remote: RemoteFunction | undefined;
  /** Its text has changed since it was bundled. */
  edited: boolean;
}

/** Puts together what lenses, hovers, diagnostics and the client's own displays show: they all show the same. */
export class States {
  readonly #documents: Documents;
  readonly #bundles: Bundles;
  readonly #remote: RemoteFunctions;
  /** What lenses, displays and the client ask for one after the other is put together once. */
  readonly #made = new WeakMap<OpenDocument, DocumentState>();

  constructor(documents: Documents, bundles: Bundles, remote: RemoteFunctions) {
    this.#documents = documents;
    this.#bundles = bundles;
    this.#remote = remote;
  }

  of(document: OpenDocument, marked: Marked): FunctionState {
    const bundled = this.#bundles.get(document.uri, marked.name);
    const name = document.nameInRegistry(marked);
    return {
      document,
      marked,
      registryName: name,
      bundled,
      remote: this.#remote.get(name),
      edited: bundled?.text !== undefined && bundled.text !== document.textOf(marked),
    };
  }

  document(document: OpenDocument): DocumentState {
    let state = this.#made.get(document);
    if (state?.version !== document.version) {
      const functions = document.marks.functions.map(marked => this.#toMessage(this.of(document, marked)));
      state = { uri: document.uri, version: document.version, functions };
      this.#made.set(document, state);
    }
    return state;
  }

  /** Something else than the text of a document has changed. */
  changed(document: OpenDocument): void {
    this.#made.delete(document);
  }

  #toMessage(state: FunctionState): MarkedFunction {
    const { document, marked } = state;
    const run = this.summary(state);
    return {
      name: marked.name,
      registryName: state.registryName,
      kind: marked.kind,
      range: document.rangeOf(marked.span),
      nameRange: document.rangeOf(marked.nameSpan),
      ...(marked.settings.endpoint ? { endpoint: marked.settings.endpoint } : {}),
      runnable: isRunnable(marked),
      takesArguments: marked.takesArguments,
      examples: marked.examples.map(({ text }) => text),
      ...pushState(state),
      ...(run ? { run } : {}),
    };
  }

  summary(state: FunctionState): RunSummary | undefined {
    const run = state.remote?.run;
    if (!run || this.#remote.isCleared(run)) return undefined;
    const { task } = run;
    const place = this.errorPlaces(state)[0];
    return {
      task: task.id,
      state: task.state,
      endpoint: task.endpoint,
      createdAt: task.createdAt,
      ...(task.endedAt && task.startedAt ? { durationMs: Math.max(0, task.endedAt - task.startedAt) } : {}),
      text: textOf(run),
      stale: isStale(state, run),
      ...(task.wait ? { wait: task.wait } : {}),
      ...(run.error ? { error: run.error } : {}),
      ...(place ? { errorAt: { uri: place.uri, line: place.line } } : {}),
    };
  }

  /**
   * Where the error of the last run came from in this workspace, then where its causes did. Nothing once the function
   * has changed: the lines would be wrong.
   */
  errorPlaces(state: FunctionState): { uri: string; line: number; error: TaskError }[] {
    const run = state.remote?.run;
    const bundle = state.bundled?.bundle;
    if (!run?.error || !bundle || this.#remote.isCleared(run) || isStale(state, run)) return [];
    const places: { uri: string; line: number; error: TaskError }[] = [];
    for (let error: TaskError | undefined = run.error; error; error = error.cause) {
      const place = (error.frames ?? []).map(frame => locate(frame, bundle)).find(found => found !== undefined);
      if (place) places.push({ uri: this.#documents.uriOf(place.file), line: place.line, error });
    }
    return places;
  }
}

function pushState({ bundled, remote, edited }: FunctionState): Pick<MarkedFunction, 'pushState' | 'version'> {
  const version = remote?.latest ? { version: remote.latest.version } : {};
  if (!remote || !bundled?.bundle) return { pushState: 'unknown', ...version };
  if (!remote.latest) return { pushState: 'new' };
  const same = !edited && !bundled.failure && bundled.bundle.digest === remote.latest.digest;
  return { pushState: same ? 'pushed' : 'changed', ...version };
}

function isStale({ bundled, edited }: FunctionState, { task }: RemoteRun): boolean {
  return edited || (bundled?.bundle !== undefined && bundled.bundle.digest !== task.function.digest);
}

/** The run in one line. */
function textOf({ task, output, value, error }: RemoteRun): string {
  if (task.state === 'succeeded') return value === '' ? "''" : (value ?? '');
  if (isTerminal(task.state)) {
    const shown = error ?? task.error;
    const text = shown ? [shown.name, shown.message].filter(Boolean).join(': ') : task.state;
    return text.split(/\r?\n/)[0]!.slice(0, 300);
  }
  return output.at(-1) ?? task.wait?.text ?? task.state;
}

const maps = new WeakMap<Uint8Array, TraceMap>();

/**
 * The user's own line of a frame; `undefined` for Node's and packages' frames. The digest of the task is that of the
 * local bundle here, so the local source map holds, also when only comments and blank lines have moved since.
 */
function locate(frame: Frame, bundle: Bundle): { file: string; line: number } | undefined {
  let { file, line } = frame;
  if (frame.bundle) {
    let map = maps.get(bundle.map);
    if (!map) {
      map = new TraceMap(Buffer.from(bundle.map).toString('utf8'));
      maps.set(bundle.map, map);
    }
    const original = originalPositionFor(map, {
      line: frame.bundle.line,
      column: Math.max(0, frame.bundle.column - 1),
    });
    if (original.source !== null) ({ source: file, line } = original);
  }
  if (file.startsWith('node:') || file.includes('node_modules/') || file.startsWith('<')) return undefined;
  const path = join(bundle.root, file);
  return existsSync(path) || file === bundle.source.file ? { file: path, line: Math.max(0, line - 1) } : undefined;
}
