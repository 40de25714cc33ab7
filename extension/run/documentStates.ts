import type { DocumentState, MarkedFunction } from '../../protocol/editor-server/messages.ts';
import { Emitter } from '../emitter.ts';

/** The marked functions of every open document with their newest runs, as the language server last told. */
export class DocumentStates {
  readonly #states = new Map<string, DocumentState>();
  readonly #changed = new Emitter<string>();

  /** Fires the uri of a document. */
  readonly onDidChange = this.#changed.event;

  get(uri: string): DocumentState | undefined {
    return this.#states.get(uri);
  }

  all(): DocumentState[] {
    return [...this.#states.values()];
  }

  set(state: DocumentState): void {
    this.#states.set(state.uri, state);
    this.#changed.fire(state.uri);
  }

  delete(uri: string): void {
    if (this.#states.delete(uri)) this.#changed.fire(uri);
  }

  /** The server is gone, and with it what it knew. */
  clear(): void {
    for (const uri of [...this.#states.keys()]) this.delete(uri);
  }

  /** The marked function whose declaration holds a line (from 0); the innermost one. */
  at(uri: string, line: number): MarkedFunction | undefined {
    return this.get(uri)
      ?.functions.filter(({ range }) => range.start.line <= line && line <= range.end.line)
      .sort((a, b) => b.range.start.line - a.range.start.line)[0];
  }

  find(uri: string, name: string): MarkedFunction | undefined {
    return this.get(uri)?.functions.find(marked => marked.name === name);
  }

  /** Where the function of this name in the registry is marked, if its document is open. */
  byRegistryName(registryName: string): { uri: string; marked: MarkedFunction } | undefined {
    for (const { uri, functions } of this.#states.values()) {
      const marked = functions.find(item => item.registryName === registryName);
      if (marked) return { uri, marked };
    }
    return undefined;
  }
}
