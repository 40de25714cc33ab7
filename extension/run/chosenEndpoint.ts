import type { Memento } from 'vscode';
import type { EndpointRecord } from '../../protocol/client-broker/endpoints.ts';
import { type Disposable, Emitter } from '../emitter.ts';
import type { LiveList } from '../lists/liveList.ts';

export interface EndpointRef {
  id: string;
  name: string;
}

const CHOSEN = 'runabout.endpoint';
const RECENT = 'runabout.recentEndpoints';
const MOST_RECENT = 8;

/** The endpoint that "run" uses in this workspace, and those used lately in any. */
export class ChosenEndpoint {
  readonly #workspace: Memento;
  readonly #global: Memento;
  readonly #list: LiveList<EndpointRecord>;
  readonly #changed = new Emitter<EndpointRef | undefined>();
  readonly #watch: Disposable;
  #told: string | undefined;

  readonly onDidChange = this.#changed.event;

  constructor(workspace: Memento, global: Memento, list: LiveList<EndpointRecord>) {
    this.#workspace = workspace;
    this.#global = global;
    this.#list = list;
    this.#told = this.get()?.name;
    // A list that is loaded may show that the endpoint is gone, or has come.
    this.#watch = list.onDidChange(() => {
      const chosen = this.get();
      if (chosen?.name !== this.#told) this.#tell(chosen);
    });
  }

  /** `undefined` when none was chosen, or the chosen one is gone. */
  get(): EndpointRef | undefined {
    const chosen = this.#workspace.get<EndpointRef>(CHOSEN);
    if (!chosen || this.#list.status !== 'ready') return chosen;
    const record = this.#list.get(chosen.id);
    return record && { id: record.id, name: record.name };
  }

  async set(endpoint: EndpointRef): Promise<void> {
    const chosen = { id: endpoint.id, name: endpoint.name };
    await this.#workspace.update(CHOSEN, chosen);
    await this.used(chosen.id);
    this.#tell(chosen);
  }

  /** Ids of endpoints used lately, the newest first. */
  get recent(): string[] {
    return this.#global.get<string[]>(RECENT, []);
  }

  async used(id: string): Promise<void> {
    await this.#global.update(RECENT, [id, ...this.recent.filter(other => other !== id)].slice(0, MOST_RECENT));
  }

  dispose(): void {
    this.#watch.dispose();
  }

  #tell(chosen: EndpointRef | undefined): void {
    this.#told = chosen?.name;
    this.#changed.fire(chosen);
  }
}
