import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { Connection, MessageActionItem } from 'vscode-languageserver/node';
import type { EndpointRecord } from '../../protocol/client-broker/endpoints.ts';
import { RunaboutError } from '../../protocol/errors/error.ts';
import type { Endpoints } from '../broker/endpoints.ts';
import type { Memory } from './memory.ts';

/** An editor's message box gets unreadable with more buttons. */
const MAX_CHOICES = 8;

/** Asks a person by the means of plain LSP, in editors that bring no forms of their own. */
export class Person {
  readonly #connection: Connection;
  readonly #showsDocuments: boolean;

  /** @param showsDocuments the client takes `window/showDocument` */
  constructor(connection: Connection, showsDocuments: boolean) {
    this.#connection = connection;
    this.#showsDocuments = showsDocuments;
  }

  /**
   * Which endpoint to run on; those used last come first, then those that are online.
   * @throws RunaboutError `request-invalid` when none was chosen
   */
  async chooseEndpoint(endpoints: Endpoints, memory: Memory, what: string): Promise<EndpointRecord> {
    const all = await endpoints.list();
    if (all.length === 0) {
      throw new RunaboutError('not-found', 'There is no endpoint yet.', {
        hint: 'Create one with `runabout endpoint create NAME`.',
      });
    }
    const rank = ({ id, status }: EndpointRecord) => {
      const used = memory.recent.findIndex(recent => recent.id === id);
      return used >= 0 ? used : status.state === 'online' ? 100 : 200;
    };
    const shown = all.toSorted((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name)).slice(0, MAX_CHOICES);
    const more =
      all.length > shown.length ? ` (${all.length - shown.length} more: name one at the mark, endpoint=NAME)` : '';
    const titles = shown.map(({ name, status }) => (status.state === 'online' ? name : `${name} (${status.state})`));
    const items: MessageActionItem[] = titles.map(title => ({ title }));
    const answer = await this.#connection.window.showInformationMessage(
      `Run ${what} on which endpoint?${more}`,
      ...items,
    );
    const chosen = shown[titles.indexOf(answer?.title ?? '')];
    if (!chosen) throw new RunaboutError('request-invalid', 'No endpoint was chosen.');
    return chosen;
  }

  /** Opens the file of a function's arguments for editing; they are taken at the next run. */
  async editArguments(file: string, what: string): Promise<never> {
    const shown =
      this.#showsDocuments &&
      existsSync(file) &&
      (await this.#connection.window.showDocument({ uri: pathToFileURL(file).href, takeFocus: true })).success;
    throw new RunaboutError('arguments-invalid', `${what} takes arguments, and has none yet.`, {
      hint: shown
        ? 'Write them in the document that has opened, save it, and run again.'
        : `Write them in ${file}, and run again.`,
    });
  }

  say(message: string, kind: 'info' | 'error' = 'info'): void {
    if (kind === 'error') this.#connection.window.showErrorMessage(message);
    else this.#connection.window.showInformationMessage(message);
  }
}
