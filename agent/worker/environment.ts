import { syncBuiltinESMExports } from 'node:module';

/**
 * `process.env`, put back to what was granted after each task. It stays the real environment, so that native code and
 * child processes see what a function sets; only the writes are noticed, since comparing every variable after every
 * task would cost more than a short task itself.
 */
export class Environment {
  readonly #real: NodeJS.ProcessEnv = process.env;
  readonly #granted: NodeJS.ProcessEnv = { ...process.env };
  readonly #handler: ProxyHandler<NodeJS.ProcessEnv>;
  #touched = false;

  constructor() {
    const touch = () => {
      this.#touched = true;
    };
    this.#handler = {
      set(target, name, value) {
        touch();
        return Reflect.set(target, name, value);
      },
      defineProperty(target, name, descriptor) {
        touch();
        return Reflect.defineProperty(target, name, descriptor);
      },
      deleteProperty(target, name) {
        touch();
        return Reflect.deleteProperty(target, name);
      },
    };
    const watched = new Proxy(this.#real, this.#handler);
    Object.defineProperty(process, 'env', { value: watched, writable: true, enumerable: true, configurable: true });
    // `import { env } from 'node:process'` gets it too.
    syncBuiltinESMExports();
  }

  /** Sets a variable for this task and all later ones. */
  grant(name: string, value: string): void {
    this.#granted[name] = value;
    this.#real[name] = value;
  }

  /** Variables that are others for each task of a shared worker, as far as code reads them through Node. */
  vary(values: Record<string, () => string | undefined>): void {
    for (const name of Object.keys(values)) this.grant(name, '');
    const varying = new Map<string | symbol, () => string | undefined>(Object.entries(values));
    this.#handler.get = (real, name) => varying.get(name)?.() ?? Reflect.get(real, name);
  }

  /** Undoes what tasks changed. */
  restore(): void {
    if (!this.#touched) return;
    this.#touched = false;
    for (const name of Object.keys(this.#real)) if (!Object.hasOwn(this.#granted, name)) delete this.#real[name];
    for (const [name, value] of Object.entries(this.#granted)) this.#real[name] = value;
  }
}
