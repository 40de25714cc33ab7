import type { Logger } from 'pino';
import type { WorkerCounts } from '../protocol/client-broker/endpoints.ts';
import type { BrokerSession } from './broker/session.ts';
import { type AgentState, writeState } from './endpoint/state.ts';

/** How often at the most changes of workers are told, in milliseconds. Changes of state are told at once. */
const PAUSE_MS = 500;

/** Tells how the agent is: the broker over the session, and people on this machine through the state file. */
export class Status {
  readonly #file: string;
  readonly #log: Logger;
  readonly #workers: () => WorkerCounts;
  readonly #problem: () => string | undefined;
  readonly #undelivered: () => number;
  #session: BrokerSession | undefined;
  #state: AgentState['state'] = 'connecting';
  #since = Date.now();
  #connectionProblem: string | undefined;
  #pause: NodeJS.Timeout | undefined;
  #toldBroker = '';
  #unwritten = false;

  /**
   * @param problem why no task can run here, if that is so
   * @param undelivered how many results the broker does not have yet
   */
  constructor(
    file: string,
    log: Logger,
    workers: () => WorkerCounts,
    problem: () => string | undefined,
    undelivered: () => number,
  ) {
    this.#file = file;
    this.#log = log;
    this.#workers = workers;
    this.#problem = problem;
    this.#undelivered = undelivered;
  }

  /** @param problem with the connection to the broker */
  set(state: AgentState['state'], session: BrokerSession, problem?: string): void {
    if (state !== this.#state) this.#since = Date.now();
    this.#state = state;
    this.#session = session;
    this.#connectionProblem = problem;
    // Each new session starts from `hello`.
    this.#toldBroker = '';
    this.#tell();
  }

  /** Counts or problems may be others. */
  changed(): void {
    this.#pause ??= setTimeout(() => this.#tell(), PAUSE_MS);
  }

  close(): void {
    clearTimeout(this.#pause);
  }

  #tell(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
    const workers = this.#workers();
    const problem = this.#problem();
    const shown = this.#connectionProblem ?? problem;
    this.#write({
      pid: process.pid,
      state: this.#state,
      since: this.#since,
      workers,
      undelivered: this.#undelivered(),
      ...(shown ? { problem: shown } : {}),
    });
    const text = JSON.stringify([workers, problem]);
    if (!this.#session?.isConnected || text === this.#toldBroker) return;
    this.#toldBroker = text;
    this.#session.send({ t: 'status', workers, ...(problem ? { problem: problem.slice(0, 1024) } : {}) });
  }

  /** On a full disk the agent goes on, and who reads the file sees an old state until there is room again. */
  #write(state: AgentState): void {
    try {
      writeState(this.#file, state);
      this.#unwritten = false;
    } catch (error) {
      if (!this.#unwritten) this.#log.warn({ error: (error as Error).message }, 'The state file cannot be written.');
      this.#unwritten = true;
      this.changed();
    }
  }
}
