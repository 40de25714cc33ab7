import { type ClientCapabilities, CodeLensRefreshRequest, type Connection } from 'vscode-languageserver/node';
import { type ConnectionState, serverMethods } from '../protocol/editor-server/messages.ts';
import type { OpenDocument } from './documents/open-document.ts';
import { diagnostics } from './features/diagnostics.ts';
import { codeLenses } from './features/lenses.ts';
import type { Session } from './session.ts';

/** Diagnostics wait until a person has paused: they cost more than a keystroke may. */
const PAUSE_MS = 150;
/** Those that the compiler has to be asked for wait longer: its thread takes time from the others, on few cores. */
const LONG_PAUSE_MS = 500;

/**
 * Between two requests to draw lenses anew. A client drops the lenses it is asking for when it is told to ask again, so
 * a function that prints many lines would keep all lenses away.
 */
const LENS_PAUSE_MS = 500;

/** Tells the client what has changed, and only that: document states, diagnostics, and that lenses are to be drawn anew. */
export class Display {
  readonly #connection: Connection;
  readonly #session: Session;
  readonly #refreshesLenses: boolean;
  /** The lenses of each document as the client last had reason to ask for them. */
  readonly #lenses = new Map<string, string>();
  /** Diagnostics by the document they come from, then by the one they stand in. */
  readonly #diagnostics = new Map<string, Map<string, string>>();
  readonly #pauses = new Map<string, NodeJS.Timeout>();
  #rest: NodeJS.Timeout | undefined;
  #due = false;

  constructor(connection: Connection, session: Session, capabilities: ClientCapabilities) {
    this.#connection = connection;
    this.#session = session;
    this.#refreshesLenses = capabilities.workspace?.codeLens?.refreshSupport ?? false;
    session.documents.manager.onDidClose(({ document }) => this.#closed(document.uri));
  }

  show(documents: OpenDocument[]): void {
    let lenses = false;
    for (const document of documents) {
      void this.#connection.sendNotification(serverMethods.documentChanged, this.#session.states.document(document));
      // The client asks for lenses itself when the text has changed; not when only what is known of it has.
      const text = JSON.stringify(codeLenses(document, this.#session.states, undefined));
      if (text !== this.#lenses.get(document.uri)) {
        lenses = true;
        this.#lenses.set(document.uri, text);
      }
      clearTimeout(this.#pauses.get(document.uri));
      this.#pauses.set(
        document.uri,
        setTimeout(() => void this.#showDiagnostics(document), document.isChecked ? PAUSE_MS : LONG_PAUSE_MS),
      );
    }
    if (lenses) this.refreshLenses();
  }

  refreshLenses(): void {
    if (!this.#refreshesLenses) return;
    if (this.#rest) {
      this.#due = true;
      return;
    }
    this.#rest = setTimeout(() => {
      this.#rest = undefined;
      if (!this.#due) return;
      this.#due = false;
      this.refreshLenses();
    }, LENS_PAUSE_MS);
    // A client that is just closing answers with an error, and needs no lenses.
    this.#connection.sendRequest(CodeLensRefreshRequest.type).catch(() => undefined);
  }

  connection(state: ConnectionState): void {
    void this.#connection.sendNotification(serverMethods.connectionChanged, state);
  }

  close(): void {
    clearTimeout(this.#rest);
    for (const pause of this.#pauses.values()) clearTimeout(pause);
    this.#pauses.clear();
  }

  async #showDiagnostics(document: OpenDocument): Promise<void> {
    this.#pauses.delete(document.uri);
    const { version } = document;
    await this.#session.captures.check(document);
    // Another text has a pause of its own.
    if (document.version !== version || this.#session.documents.open(document.uri) !== document) return;
    const before = this.#diagnostics.get(document.uri) ?? new Map<string, string>();
    const found = diagnostics(document, this.#session.states, this.#session.documents);
    const now = new Map([...found].map(([uri, list]) => [uri, JSON.stringify(list)]));
    this.#diagnostics.set(document.uri, now);
    for (const uri of new Set([...before.keys(), ...now.keys()])) {
      if (before.get(uri) !== now.get(uri)) this.#publish(uri);
    }
  }

  /** All that any open document says about `uri`. */
  #publish(uri: string): void {
    const all = [...this.#diagnostics.values()].flatMap(byUri => JSON.parse(byUri.get(uri) ?? '[]'));
    void this.#connection.sendDiagnostics({ uri, diagnostics: all });
  }

  #closed(uri: string): void {
    clearTimeout(this.#pauses.get(uri));
    this.#pauses.delete(uri);
    const said = this.#diagnostics.get(uri);
    this.#diagnostics.delete(uri);
    this.#lenses.delete(uri);
    for (const other of said?.keys() ?? []) this.#publish(other);
  }
}
