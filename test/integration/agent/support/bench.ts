import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished } from 'vitest';
import { PartReader, partsOf } from '../../../../agent/blobs/parts.ts';
import { ManagerListener } from '../../../../agent/managers/listener.ts';
import { BEAT_MS, type ManagerLink } from '../../../../agent/managers/manager-link.ts';
import { LocalProvider } from '../../../../agent/providers/local.ts';
import type {
  ManagerLost,
  ManagerOutput,
  ManagerResult,
  Run,
  WorkerSettings,
  Workers,
} from '../../../../protocol/agent-manager/messages.ts';
import { newId } from '../../../../protocol/ids.ts';
import { decodeValue, encodeValue } from '../../../../protocol/values/codec.ts';
import { bundleOf, type TestBundle } from '../../../support/bundle.ts';
import { folder } from '../../../support/folder.ts';
import { until } from '../../../support/until.ts';

export interface Ended {
  result?: ManagerResult;
  lost?: ManagerLost;
  value?: unknown;
  output: (ManagerOutput & { text: string; payload: Uint8Array })[];
  /** Text of one stream, joined. */
  stdout: string;
  stderr: string;
}

export interface CallOptions {
  args?: unknown[];
  kind?: Run['kind'];
  timeoutMs?: number;
  alone?: boolean;
  file?: string;
}

const settings: WorkerSettings = {
  environment: { GRANTED: 'yes' },
  tasksPerWorker: 1,
  graceMs: 400,
  outputBytes: 1024 * 1024,
  cacheBytes: 64 * 1024 * 1024,
};

/** A real manager with real workers, and this test in the agent's place. */
export class ManagerBench {
  readonly folder = folder('manager');
  readonly #bundles = new Map<string, Uint8Array>();
  readonly #waiting = new Map<string, { output: Ended['output']; resolve: (ended: Ended) => void }>();
  /** Needs that are not answered yet, by the digests that are withheld. */
  readonly withheld = new Map<string, (() => void)[]>();
  readonly #parts = new PartReader();
  readonly #blobs = new Map<string, Uint8Array>();
  link!: ManagerLink;
  handle = '';
  workers: Workers | undefined;
  detached = 0;

  static async start(slots = 1, more: Partial<WorkerSettings> = {}, orphanMs = 30_000): Promise<ManagerBench> {
    const bench = new ManagerBench();
    const rendezvous = join(bench.folder, 'managers.json');
    const listener = await ManagerListener.open(rendezvous, pino({ level: 'silent' }), {
      welcome: () => ({ endpoint: 'bench', beatMs: BEAT_MS, orphanMs, settings: { ...settings, ...more } }),
      attached: link => {
        bench.link = link;
      },
      take: (link, message, payload) => bench.#take(link, message, payload),
      detached: () => {
        bench.detached += 1;
      },
    });
    const provider = new LocalProvider(join(bench.folder, 'log'));
    bench.handle = await provider.submit({
      manager: newId(),
      rendezvous,
      workers: slots,
      folder: join(bench.folder, 'node'),
      logLevel: 'info',
    });
    onTestFinished(async () => {
      bench.link?.send({ t: 'stop' });
      await until('the manager has ended', async () => (await provider.status(bench.handle)).state === 'ended');
      listener.close();
    });
    await until('all workers are ready', () => bench.workers?.starting === 0);
    return bench;
  }

  get managerPid(): number {
    return Number(this.handle.split(':')[0]);
  }

  /** Runs the default export of a module. */
  async call(source: string, options: CallOptions = {}): Promise<Ended> {
    return await (await this.begin(source, options)).ended;
  }

  async begin(source: string, { args = [], kind, timeoutMs, alone, file }: CallOptions = {}) {
    return this.run(await bundleOf(source, file), args, kind, timeoutMs, alone);
  }

  run(
    { code, digest, map, mapDigest }: TestBundle,
    args: unknown[],
    kind: Run['kind'] = 'async',
    timeoutMs?: number,
    alone?: boolean,
  ) {
    this.#bundles.set(digest, code);
    this.#bundles.set(mapDigest, map);
    const task = newId();
    const { type, bytes } = encodeValue(args);
    const output: Ended['output'] = [];
    const ended = new Promise<Ended>(resolve => this.#waiting.set(task, { output, resolve }));
    this.link.send(
      { t: 'run', task, attempt: 1, digest, mapDigest, name: 'test', kind, type, timeoutMs, alone },
      bytes,
    );
    const cancel = () => this.link.send({ t: 'cancel', task, attempt: 1, reason: 'Somebody cancelled it.' });
    return { task, ended, output, cancel };
  }

  #take(link: ManagerLink, message: Parameters<ConstructorParameters<typeof ManagerLink>[2]>[0], payload: Uint8Array) {
    switch (message.t) {
      case 'workers':
        this.workers = message;
        return;
      case 'need': {
        const answer = () => this.#answer(link, message.digest);
        const withheld = this.withheld.get(message.digest);
        if (withheld) withheld.push(answer);
        else answer();
        return;
      }
      case 'part': {
        const bytes = this.#parts.push(message, payload);
        if (bytes) this.#blobs.set(message.digest, bytes);
        return;
      }
      case 'output': {
        const bytes = Uint8Array.from(payload);
        const text = Buffer.from(bytes).toString('utf8');
        this.#waiting.get(message.task)?.output.push({ ...message, text, payload: bytes });
        return;
      }
      case 'result': {
        const { value } = message;
        const bytes = value?.blob ? this.#blobs.get(value.blob)! : payload;
        this.#end(message.task, {
          result: message,
          ...(value ? { value: decodeValue({ type: value.type, bytes }) } : {}),
        });
        return;
      }
      case 'lost':
        this.#end(message.task, { lost: message });
        return;
    }
  }

  #answer(link: ManagerLink, digest: string): void {
    const bytes = this.#bundles.get(digest);
    if (!bytes) link.send({ t: 'missing', digest, reason: 'Not in this test.' });
    else for (const [part, piece] of partsOf(digest, bytes)) link.send(part, piece);
  }

  #end(task: string, end: Pick<Ended, 'result' | 'lost' | 'value'>) {
    this.link.keep(task, 1);
    const waiting = this.#waiting.get(task);
    this.#waiting.delete(task);
    if (!waiting) return;
    const { output, resolve } = waiting;
    const textOf = (stream: string) =>
      output
        .filter(chunk => chunk.stream === stream)
        .map(({ text }) => text)
        .join('');
    resolve({ ...end, output, stdout: textOf('stdout'), stderr: textOf('stderr') });
  }
}

/** After whatever happened, the next task works. */
export async function worksOn(bench: ManagerBench): Promise<void> {
  const { value, stdout, stderr } = await bench.call(
    'export default async (n: number) => { console.log("next"); return n * 2; }',
    {
      args: [21],
    },
  );
  expect({ value, stdout, stderr }).toEqual({ value: 42, stdout: 'next\n', stderr: '' });
}
