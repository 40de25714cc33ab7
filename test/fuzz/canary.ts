import { join } from 'node:path';
import { startEndpoint, stopEndpoint, writeEndpoint } from '../../agent/index.ts';
import { digestOf } from '../../protocol/ids.ts';
import { within } from './violation.ts';
import { MARKER, type World } from './world.ts';

export interface CanaryReport {
  /** Tasks that were submitted, run by a real worker, and read back, while the inputs went on. */
  tasks: number;
  /** How long one took, in milliseconds. */
  p50: number;
  worst: number;
}

/** How long one task of the innocent client may take, in milliseconds, on a machine that is busy with the fuzzing. */
const PATIENCE_MS = 30_000;

const CODE = Buffer.from(`export default async n => '${MARKER} ' + n;\n`);

/** An innocent client with a real agent: its tasks have to end, each in time, whatever others send meanwhile. */
export class Canary {
  readonly #world: World;
  readonly #home: string;
  readonly #times: number[] = [];
  #stopped = false;
  #running: Promise<void> = Promise.resolve();
  #failure: unknown;

  private constructor(world: World) {
    this.#world = world;
    this.#home = join(world.folder, 'canary');
  }

  static async start(world: World): Promise<Canary> {
    const canary = new Canary(world);
    const { innocent } = world;
    const { endpoint, token } = await innocent.createEndpoint(`${MARKER}-real`);
    writeEndpoint({ home: canary.#home, name: 'canary', id: endpoint.id, url: world.url, token, workers: 1 });
    await startEndpoint({ home: canary.#home, name: 'canary' });
    await innocent.uploadBundle(CODE);
    const details = { kind: 'async' as const };
    const name = `src/${MARKER}.ts#real`;
    const registered = await innocent.registerFunction({ name, digest: digestOf(CODE), details });
    await canary.#once(registered.function.id, endpoint.id, 0);
    canary.#times.length = 0;
    canary.#running = canary.#run(registered.function.id, endpoint.id).catch(error => {
      canary.#failure = error;
    });
    return canary;
  }

  /** Ends it. @throws Violation if one of its tasks did not end in time, or another way */
  async stop(): Promise<CanaryReport> {
    if (!this.#stopped) {
      this.#stopped = true;
      await this.#running;
      await stopEndpoint({ home: this.#home, name: 'canary' });
    }
    if (this.#failure) throw this.#failure;
    const sorted = this.#times.toSorted((a, b) => a - b);
    const at = (part: number) => Math.round((sorted[Math.floor((sorted.length - 1) * part)] ?? 0) * 10) / 10;
    return { tasks: sorted.length, p50: at(0.5), worst: at(1) };
  }

  async #run(fn: string, endpoint: string): Promise<void> {
    for (let n = 1; !this.#stopped; n++) await this.#once(fn, endpoint, n);
  }

  async #once(fn: string, endpoint: string, n: number): Promise<void> {
    const { innocent } = this.#world;
    const started = performance.now();
    const work = async () => {
      const args = await innocent.encodeArguments([n]);
      const [task] = await innocent.submit([{ function: { id: fn }, endpoint, args }]);
      await innocent.waitForTask(task!.id);
      const result = await innocent.taskResult(task!.id);
      return result.value && (await innocent.decode(result.value));
    };
    const value = await within(PATIENCE_MS, `Task ${n} of the innocent client`, work());
    if (value !== `${MARKER} ${n}`)
      throw new Error(`Task ${n} of the innocent client returned ${JSON.stringify(value)}.`);
    this.#times.push(performance.now() - started);
  }
}
