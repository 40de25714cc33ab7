import type { TextDocumentChangeEvent } from 'vscode-languageserver/node';
import type { Connection } from '../client/http.ts';
import type { TaskRecord } from '../protocol/client-broker/tasks.ts';
import type { ConnectionState } from '../protocol/editor-server/messages.ts';
import { Endpoints } from './broker/endpoints.ts';
import { BrokerLink } from './broker/link.ts';
import { isComplete, RemoteFunctions, type RemoteRun } from './broker/remote-functions.ts';
import { Bundles } from './documents/bundles.ts';
import { Captures } from './documents/captures.ts';
import { Documents } from './documents/documents.ts';
import type { OpenDocument } from './documents/open-document.ts';
import { States } from './documents/state.ts';
import { CompilerThread } from './threads/compiler.ts';

/** Changes that follow each other within this time, in milliseconds, are shown as one: also the states of a quick run. */
const GATHER_MS = 30;
/** How a run ended is what a person waits for. */
const GATHER_ENDS_MS = 1;

export interface SessionEvents {
  /** Something about these open documents is different from what was shown. */
  changed(documents: OpenDocument[]): void;
  connection(state: ConnectionState): void;
  /** The newest run of a function has changed. */
  run(run: RemoteRun): void;
  /** A task of the broker has changed, whosever it is. */
  task(task: TaskRecord): void;
}

/** All the state of one server: open documents, their bundles, and what the broker knows. It says when to show it anew. */
export class Session {
  readonly documents = new Documents();
  readonly bundles = new Bundles(this.documents, uri => this.#touch(uri));
  readonly link: BrokerLink;
  readonly remote: RemoteFunctions;
  readonly endpoints: Endpoints;
  readonly states: States;
  readonly compiler = new CompilerThread();
  readonly captures = new Captures(this.compiler);
  readonly #events: SessionEvents;
  readonly #touched = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  #connected = false;
  #warm = false;

  constructor(events: SessionEvents) {
    this.#events = events;
    this.link = new BrokerLink({
      event: event => {
        this.remote.event(event);
        this.endpoints.event(event);
        if (event.t === 'task') events.task(event.task);
      },
      output: event => this.remote.output(event),
      connected: complete => {
        this.#connected = true;
        if (complete) this.remote.fetchMissing();
        else this.#forgetBroker();
        for (const document of this.documents.all()) this.#ask(document);
      },
      replaced: () => {
        this.#connected = false;
        this.#forgetBroker();
      },
      state: state => events.connection(state),
    });
    const client = () => this.link.client;
    this.remote = new RemoteFunctions(client, name => {
      const run = this.remote.get(name)?.run;
      this.#touchNamed(name, run && isComplete(run) ? GATHER_ENDS_MS : GATHER_MS);
      if (run) events.run(run);
    });
    this.endpoints = new Endpoints(client);
    this.states = new States(this.documents, this.bundles, this.remote);
    this.documents.manager.onDidOpen(event => this.#opened(event));
    this.documents.manager.onDidChangeContent(({ document }) => {
      // Comes for a document that was just opened too.
      if (document.isEdited) this.bundles.edited(document.uri);
      this.#ask(document);
      this.#touch(document.uri);
    });
    this.documents.manager.onDidSave(({ document }) => {
      document.dirty = false;
      this.filesChanged('some', document.uri);
    });
    this.documents.manager.onDidClose(({ document }) => {
      this.bundles.close(document.uri);
      // Errors that stand in it go by another address now.
      for (const { uri } of this.documents.all()) this.#touch(uri);
    });
  }

  connect(connection: Connection | undefined): void {
    this.link.connect(connection);
  }

  /**
   * Files were saved or have changed on disk.
   * @param which as {@link Bundles.filesChanged} has it
   * @param only the address of the one file that has
   */
  filesChanged(which: 'some' | 'others', only?: string): void {
    this.compiler.invalidate(only === undefined ? undefined : this.documents.open(only)?.file);
    for (const document of this.documents.all()) document.forgetProject();
    this.bundles.filesChanged(which);
  }

  async dispose(): Promise<void> {
    clearTimeout(this.#timer);
    this.link.close();
    await Promise.all([this.bundles.dispose(), this.compiler.dispose()]);
  }

  #opened({ document }: TextDocumentChangeEvent<OpenDocument>): void {
    this.bundles.opened(document.uri);
    // An error of another document's run may stand in this one: from now on under the editor's own address of it.
    for (const { uri } of this.documents.all()) this.#touch(uri);
    const [first] = document.marks.functions;
    if (!first || this.#warm) return;
    // The compiler reads its library types once, in its own thread: not when somebody waits for a first run.
    this.#warm = true;
    const { file, text } = document;
    this.compiler.schemaOf(file, text, first, this.documents.overlays()).catch(() => undefined);
  }

  /** What the broker knows of a document's functions. */
  #ask(document: OpenDocument): void {
    if (!this.#connected) return;
    for (const marked of document.marks.functions) {
      // The event stream says when the broker is out of reach; it is asked again after that.
      this.remote.load(document.nameInRegistry(marked)).catch(() => undefined);
    }
  }

  #forgetBroker(): void {
    this.endpoints.reset();
    this.remote.reset();
    for (const { uri } of this.documents.all()) this.#touch(uri);
  }

  #touchNamed(name: string, withinMs: number): void {
    for (const document of this.documents.all()) {
      if (document.marks.functions.some(marked => document.nameInRegistry(marked) === name)) {
        this.#touch(document.uri, withinMs);
      }
    }
  }

  #touch(uri: string, withinMs = GATHER_MS): void {
    const document = this.documents.open(uri);
    if (document) this.states.changed(document);
    this.#touched.add(uri);
    const dueAt = performance.now() + withinMs;
    if (dueAt >= this.#dueAt) return;
    clearTimeout(this.#timer);
    this.#dueAt = dueAt;
    this.#timer = setTimeout(() => {
      this.#dueAt = Number.POSITIVE_INFINITY;
      const documents = [...this.#touched].flatMap(touched => this.documents.open(touched) ?? []);
      this.#touched.clear();
      if (documents.length > 0) this.#events.changed(documents);
    }, withinMs);
  }
}
