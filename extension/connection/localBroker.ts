import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import * as z from 'zod';
import { asRunaboutError, fromProblem, Problem, RunaboutError } from '../../protocol/errors/error.ts';
import { t } from '../l10n.ts';
import type { NodeProgram } from './findNode.ts';

/** What `runabout up --json` prints, one a line. */
const UpLine = z.discriminatedUnion('t', [
  z.object({ t: z.literal('step'), text: z.string() }),
  z.object({
    t: z.literal('ready'),
    url: z.string(),
    tokenFile: z.string(),
    endpoint: z.object({ id: z.string(), name: z.string() }),
  }),
  Problem.extend({ t: z.literal('error') }),
]);
type Ready = Extract<z.infer<typeof UpLine>, { t: 'ready' }>;

export interface LocalOptions {
  /** The folder that holds `runabout.js`. */
  dist: string;
  /** Finds the Node.js to run it on. */
  node: () => Promise<NodeProgram>;
  log: (text: string) => void;
}

/** Starts and stops the broker and the endpoint of this machine. They are processes of their own and outlive VS Code. */
export class LocalBrokerControl {
  readonly #options: LocalOptions;

  constructor(options: LocalOptions) {
    this.#options = options;
  }

  /**
   * Makes sure that both run. Ending it by `signal` leaves alone what has started already.
   * @throws RunaboutError with the program's own words
   */
  async start(report: (step: string) => void, signal?: AbortSignal): Promise<Ready> {
    let ready: Ready | undefined;
    let failure: RunaboutError | undefined;
    const status = await this.#run(['up', '--json'], signal, text => {
      const line = UpLine.safeParse(parse(text));
      if (!line.success) return;
      if (line.data.t === 'step') report(line.data.text);
      if (line.data.t === 'ready') ready = line.data;
      if (line.data.t === 'error') failure = fromProblem(line.data);
    });
    if (ready) return ready;
    throw failure ?? new RunaboutError('broker-unreachable', t('The local broker did not start ({0}).', status));
  }

  /** @throws RunaboutError when something still runs */
  async stop(report: (step: string) => void): Promise<void> {
    let last = '';
    const status = await this.#run(['down'], undefined, text => {
      last = text;
      report(text);
    });
    if (status !== '0') throw new RunaboutError('broker-unreachable', t('The local broker did not stop. {0}', last));
  }

  /** Runs the command, hands on each line it prints, and returns how it ended. */
  async #run(args: string[], signal: AbortSignal | undefined, line: (text: string) => void): Promise<string> {
    const node = await this.#options.node();
    const program = join(this.#options.dist, 'runabout.js');
    this.#options.log(`${node.path} ${program} ${args.join(' ')}`);
    const child = spawn(node.path, [program, ...args], {
      env: { ...process.env, ...node.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
      ...(signal ? { signal } : {}),
    });
    createInterface({ input: child.stdout }).on('line', line);
    createInterface({ input: child.stderr }).on('line', text => this.#options.log(text));
    try {
      return await ended(child);
    } catch (error) {
      if (signal?.aborted) throw error;
      throw asRunaboutError(error, 'broker-unreachable', t('The local broker could not be started'));
    }
  }
}

function ended(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => resolve(signal ?? String(status)));
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
