// An agent without workers, for measuring the broker alone: the real session, and results made on the spot.
import { hostname } from 'node:os';
import { pino } from 'pino';
import { BrokerSession } from '../agent/broker/session.ts';
import type { Result, Task } from '../protocol/broker-agent/messages.ts';

const NULL = Buffer.from('null');

export class BareAgent {
  readonly #session: BrokerSession;
  readonly #connected = Promise.withResolvers<void>();
  #take: (task: Task) => void = () => {};
  #settled: () => void = () => {};

  private constructor(url: string, token: string) {
    const host = { name: hostname(), platform: 'bench', arch: '', cpus: 1, memoryBytes: 0, node: '', agentVersion: '' };
    const fail = (problem: string) => this.#connected.reject(new Error(problem));
    const fixed = { current: token, replaces: async () => false };
    this.#session = new BrokerSession(url, fixed, pino({ level: 'silent' }), {
      hello: () => ({ host, workers: { total: 1, busy: 0, starting: 0 }, have: [] }),
      welcomed: () => this.#connected.resolve(),
      take: message => {
        if (message.t === 'task') this.#take(message);
        else if (message.t === 'confirm' || message.t === 'stale') this.#settled();
      },
      disconnected: fail,
      refused: fail,
    });
    this.#session.connect();
  }

  static async connect(url: string, token: string): Promise<BareAgent> {
    const agent = new BareAgent(url, token);
    await agent.#connected.promise;
    return agent;
  }

  /** Grants credit for `count` tasks, and resolves with them when they are here. */
  claim(count: number): Promise<Task[]> {
    const tasks: Task[] = [];
    return new Promise(resolve => {
      this.#take = task => {
        if (tasks.push(task) === count) resolve(tasks);
      };
      this.#session.send({ t: 'credit', add: count });
    });
  }

  /** Tells the result of each task, and resolves when the broker has confirmed them all. */
  complete(tasks: readonly Task[]): Promise<void> {
    let left = tasks.length;
    return new Promise(resolve => {
      this.#settled = () => {
        if (--left === 0) resolve();
      };
      for (const task of tasks) this.#end(task);
    });
  }

  /** From now on takes each task and ends it at once, one after another. */
  serve(): void {
    this.#take = task => {
      this.#end(task);
      this.#session.send({ t: 'credit', add: 1 });
    };
    this.#session.send({ t: 'credit', add: 1 });
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  #end({ task, attempt }: Task): void {
    const result: Result = {
      t: 'result',
      task,
      attempt,
      outcome: 'succeeded',
      value: { type: 'application/json', size: NULL.length },
      timings: { loadMs: 0, runMs: 0, agentMs: 0 },
    };
    this.#session.send(result, NULL);
  }
}
