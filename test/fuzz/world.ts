import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BrokerOptions } from '../../broker/index.ts';
import { BrokerClient } from '../../client/client.ts';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { digestOf } from '../../protocol/ids.ts';
import type { Names } from './generators/names.ts';
import { must, within } from './violation.ts';

/** In the names of all that belongs to the innocent: no answer to a bad peer may hold it. */
export const MARKER = 'kanarienvogel';

const CODE = Buffer.from('export default () => 1;\n');

/** A real broker in its own process, with a bad peer who has an account, and an innocent one whose things are watched. */
export class World {
  readonly folder = mkdtempSync(join(tmpdir(), 'runabout-fuzz-'));
  readonly #broker: ChildProcess;
  readonly url: string;
  readonly ownerToken: string;
  readonly innocent: BrokerClient;
  readonly mallory: BrokerClient;
  readonly malloryToken: string;
  /** One endpoint of the bad peer per lane: sessions of one endpoint would end each other. */
  readonly agents: { endpoint: string; token: string }[] = [];
  names!: Names;
  #watched = '';

  private constructor(broker: ChildProcess, url: string, ownerToken: string, innocent: string, mallory: string) {
    this.#broker = broker;
    this.url = url;
    this.ownerToken = ownerToken;
    this.innocent = new BrokerClient({ url, token: innocent });
    this.malloryToken = mallory;
    this.mallory = new BrokerClient({ url, token: mallory });
  }

  /** @param options of the broker */
  static async open(options: Partial<BrokerOptions> = {}): Promise<World> {
    const folder = mkdtempSync(join(tmpdir(), 'runabout-fuzz-broker-'));
    const broker = fork(fileURLToPath(new URL('broker-child.ts', import.meta.url)), [folder, JSON.stringify(options)], {
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const [ready] = (await once(broker, 'message')) as [{ url: string; ownerTokenFile: string }];
    const ownerToken = readFileSync(ready.ownerTokenFile, 'utf8').trim();
    const owner = new BrokerClient({ url: ready.url, token: ownerToken });
    const innocent = await owner.createUser('innocent');
    const mallory = await owner.createUser('mallory');
    const world = new World(broker, ready.url, ownerToken, innocent.token, mallory.token);
    broker.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    await world.#furnish();
    return world;
  }

  /** What the innocent one has, and what the bad peer has at first. */
  async #furnish(): Promise<void> {
    const theirs = await furnish(this.innocent, MARKER, Buffer.from(`export default () => '${MARKER}';\n`));
    const watched = await submitOne(this.innocent, theirs);
    this.names = {
      'foreign-function': theirs.function,
      'foreign-endpoint': theirs.endpoint,
      'foreign-task': watched,
      'foreign-bundle': theirs.bundle,
      function: '',
      endpoint: '',
      task: '',
      task2: '',
      bundle: '',
    };
    this.#watched = JSON.stringify(await this.#look());
    await this.refresh();
  }

  /** Gives the bad peer back what its own requests took from it, so that later ones still find something. */
  async refresh(): Promise<void> {
    const found = await this.mallory.findEndpoint('lab').catch(() => undefined);
    const known = await this.mallory.findFunction('src/mallory.ts#f').catch(() => undefined);
    if (!found || !known || found.id !== this.names.endpoint || known.id !== this.names.function) {
      const mine = await furnish(this.mallory, 'mallory', CODE);
      Object.assign(this.names, mine);
    }
    const mine = { function: this.names.function, endpoint: this.names.endpoint };
    try {
      this.names.task = await submitOne(this.mallory, mine);
      this.names.task2 = await submitOne(this.mallory, mine);
    } catch (error) {
      // Another of its requests took it away in between: the next refresh gives it back.
      if (!(error instanceof RunaboutError) || error.code !== 'not-found') throw error;
    }
  }

  /** An endpoint of the bad peer for the agent's side of a lane. */
  async agent(lane: number): Promise<{ endpoint: string; token: string }> {
    const known = this.agents[lane];
    if (known && (await this.mallory.getEndpoint(known.endpoint).catch(() => undefined))) return known;
    const { endpoint, token } = await this.mallory.createEndpoint(`agent-${lane}-${Date.now()}`);
    this.agents[lane] = { endpoint: endpoint.id, token };
    return this.agents[lane];
  }

  /** Submits something for an endpoint of the bad peer, so that its agent is sent tasks. */
  async feed(endpoint: string): Promise<void> {
    const task = {
      function: { id: this.names.function },
      endpoint,
      args: { type: 'application/json', text: '[]' },
    } as const;
    await this.mallory.submit([task, task]).catch(() => {});
  }

  async #look(): Promise<unknown> {
    const { names, innocent } = this;
    return [
      await innocent.getTask(names['foreign-task']),
      await innocent.getEndpoint(names['foreign-endpoint']),
      await innocent.getFunction(names['foreign-function']),
      await innocent.taskHistory(names['foreign-task']),
    ];
  }

  /** The broker still runs, and the innocent one's things are as they were. */
  async checkInnocent(): Promise<void> {
    must(this.#broker.exitCode === null && this.#broker.signalCode === null, 'The broker has ended.');
    const now = JSON.stringify(await within(30_000, 'The innocent one reads its things', this.#look()));
    must(now === this.#watched, `Things of another owner have changed: ${this.#watched} became ${now}`);
  }

  /** The memory of the broker's process after a collection, in bytes. */
  async memory(): Promise<{ rss: number; heapUsed: number; external: number }> {
    this.#broker.send('memory');
    const [memory] = await within(30_000, 'The broker says its memory', once(this.#broker, 'message'));
    return memory;
  }

  /** What the broker logged as its own failures. */
  failures(): string[] {
    const text = readFileSync(`${this.#broker.spawnargs.at(-2)}/log`, 'utf8');
    return text.split('\n').filter(line => line.includes('"level":50'));
  }

  async close(): Promise<void> {
    if (this.#broker.exitCode === null) {
      const exit = once(this.#broker, 'exit');
      this.#broker.disconnect();
      await exit;
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function furnish(client: BrokerClient, name: string, code: Uint8Array) {
  await client.uploadBundle(code);
  const details = { kind: 'sync' as const };
  const registered = await client.registerFunction({ name: `src/${name}.ts#f`, digest: digestOf(code), details });
  const label = name === MARKER ? MARKER : 'lab';
  const endpoint = (await client.findEndpoint(label)) ?? (await client.createEndpoint(label)).endpoint;
  return { function: registered.function.id, endpoint: endpoint.id, bundle: digestOf(code) };
}

async function submitOne(client: BrokerClient, at: { function: string; endpoint: string }): Promise<string> {
  const args = await client.encodeArguments([]);
  return (await client.submit([{ function: { id: at.function }, endpoint: at.endpoint, args }]))[0]!.id;
}
