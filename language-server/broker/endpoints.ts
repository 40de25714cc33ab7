import type { BrokerClient } from '../../client/client.ts';
import type { EndpointRecord } from '../../protocol/client-broker/endpoints.ts';
import type { BrokerEvent } from '../../protocol/client-broker/events.ts';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { nearest } from '../functions/index.ts';

/** The endpoints of the broker: loaded when first needed, then kept by events. */
export class Endpoints {
  readonly #client: () => BrokerClient | undefined;
  #known: Promise<Map<string, EndpointRecord>> | undefined;

  constructor(client: () => BrokerClient | undefined) {
    this.#client = client;
  }

  reset(): void {
    this.#known = undefined;
  }

  async list(): Promise<EndpointRecord[]> {
    this.#known ??= this.#load().catch(error => {
      this.#known = undefined;
      throw error;
    });
    return [...(await this.#known).values()];
  }

  /**
   * @param idOrName of an endpoint
   * @throws RunaboutError `not-found` with the nearest name
   */
  async find(idOrName: string): Promise<EndpointRecord> {
    const all = await this.list();
    const found = all.find(({ id }) => id === idOrName) ?? all.find(({ name }) => name === idOrName);
    if (found) return found;
    const names = all.map(({ name }) => name);
    const near = nearest(idOrName, names);
    throw new RunaboutError('not-found', `There is no endpoint "${idOrName}".`, {
      hint: near
        ? `Did you mean "${near}"?`
        : names.length > 0
          ? `There are ${names.join(', ')}.`
          : 'Create one with `runabout endpoint create NAME`.',
    });
  }

  event(event: BrokerEvent): void {
    if (event.t !== 'endpoint' && event.t !== 'endpoint-deleted') return;
    void this.#known
      ?.then(known => {
        if (event.t === 'endpoint') known.set(event.endpoint.id, event.endpoint);
        else known.delete(event.id);
      })
      .catch(() => undefined);
  }

  async #load(): Promise<Map<string, EndpointRecord>> {
    const known = new Map<string, EndpointRecord>();
    let cursor: string | undefined;
    do {
      const page = await this.#client()?.listEndpoints({ limit: 500, cursor });
      for (const endpoint of page?.items ?? []) known.set(endpoint.id, endpoint);
      cursor = page?.next;
    } while (cursor !== undefined);
    return known;
  }
}
