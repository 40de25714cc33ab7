import { join } from 'node:path';
import { startEndpoint, stopEndpoint, writeEndpoint } from '../../agent/index.ts';
import type { TaskRecord } from '../../protocol/client-broker/tasks.ts';
import { digestOf } from '../../protocol/ids.ts';
import { must } from './violation.ts';
import type { World } from './world.ts';

/** Writes what it is given to the pipe of its worker, as only its manager should be told by the worker itself. */
const LIAR = Buffer.from(`
import { writeSync } from 'node:fs';
export default async text => {
  const bytes = Buffer.from(text, 'base64');
  for (let at = 0; at < bytes.length; ) {
    try { at += writeSync(4, bytes, at); } catch (error) { if (error.code !== 'EAGAIN') throw error; }
  }
  return 'done';
};
`);

/** A real endpoint of the bad peer, whose functions attack it from within. */
export class AttackedEndpoint {
  readonly #world: World;
  readonly #home: string;
  readonly #function: string;
  readonly #endpoint: string;

  private constructor(world: World, home: string, fn: string, endpoint: string) {
    this.#world = world;
    this.#home = home;
    this.#function = fn;
    this.#endpoint = endpoint;
  }

  static async start(world: World): Promise<AttackedEndpoint> {
    const { mallory } = world;
    const home = join(world.folder, 'attacked');
    const { endpoint, token } = await mallory.createEndpoint('attacked');
    writeEndpoint({ home, name: 'attacked', id: endpoint.id, url: world.url, token, workers: 1 });
    await startEndpoint({ home, name: 'attacked' });
    await mallory.uploadBundle(LIAR);
    const details = { kind: 'async' as const };
    const { function: fn } = await mallory.registerFunction({ name: 'src/liar.ts#f', digest: digestOf(LIAR), details });
    return new AttackedEndpoint(world, home, fn.id, endpoint.id);
  }

  /** Runs the function with these bytes, and checks that the endpoint goes on. */
  async lie(bytes: Uint8Array): Promise<TaskRecord> {
    const { mallory } = this.#world;
    const args = await mallory.encodeArguments([Buffer.from(bytes).toString('base64')]);
    // A message that it begins and does not end swallows the worker's own: the same as a function that never returns.
    const timeoutMs = 3_000;
    const task = { function: { id: this.#function }, endpoint: this.#endpoint, args, maxAttempts: 1, timeoutMs };
    const [{ id }] = (await mallory.submit([task])) as [TaskRecord];
    const ended = await mallory.waitForTask(id);
    // What came of it can be read, in every form.
    await mallory.taskResult(id);
    await mallory.taskOutput(id);
    const { state, problem } = await mallory.endpointStatus(this.#endpoint);
    must(state === 'online' && problem === undefined, `The endpoint is ${state}: ${problem}`);
    return ended;
  }

  async stop(): Promise<void> {
    await stopEndpoint({ home: this.#home, name: 'attacked' });
  }
}
