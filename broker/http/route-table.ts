import type { RouteOptions } from 'fastify';

/** Which methods an address takes: what a 405 has to say, and the router does not. */
export class RouteTable {
  readonly #routes: { pattern: RegExp; methods: string[] }[] = [];

  add({ url, method }: RouteOptions & { url: string }): void {
    const source = url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:[A-Za-z]+/g, '[^/]+');
    this.#routes.push({ pattern: new RegExp(`^${source}/?$`), methods: [method].flat() });
  }

  /** Sorted; empty when there is no such address. */
  methodsOf(url: string): string[] {
    const path = url.split('?')[0]!;
    const methods = this.#routes.filter(({ pattern }) => pattern.test(path)).flatMap(route => route.methods);
    return [...new Set(methods)].sort();
  }
}
