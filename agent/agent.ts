import { availableParallelism, hostname, totalmem } from 'node:os';
import type { Logger } from 'pino';
import manifest from '../package.json' with { type: 'json' };
import type { ManagerHello, ManagerMessage, ManagerResult } from '../protocol/agent-manager/messages.ts';
import type { BrokerMessage } from '../protocol/broker-agent/messages.ts';
import type { HostInfo, WorkerCounts } from '../protocol/client-broker/endpoints.ts';
import { BlobCache } from './blobs/cache.ts';
import { BrokerSession } from './broker/session.ts';
import { BrokerStore } from './broker/store.ts';
import type { EndpointConfig } from './endpoint/config.ts';
import type { EndpointPaths } from './endpoint/folder.ts';
import type { EndpointToken } from './endpoint/token.ts';
import { Journal } from './journal/journal.ts';
import { Blocks } from './managers/blocks.ts';
import { ManagerListener } from './managers/listener.ts';
import { BEAT_MS, type ManagerLink } from './managers/manager-link.ts';
import { Transfers } from './managers/transfers.ts';
import { LocalProvider } from './providers/local.ts';
import { Status } from './status.ts';
import { Attempts } from './tasks/attempts.ts';

export interface AgentOptions {
  config: EndpointConfig;
  token: EndpointToken;
  paths: EndpointPaths;
  log: Logger;
}

/** Why an agent has ended: because it was told to, or because its broker does not want it. */
export type AgentEnd = 'stopped' | 'refused';

/** How long managers live on without their agent, until a broker has said how long a lease is. */
const ORPHAN_MS = 30_000;
/** How long the broker may take at the end to confirm what has ended. */
const SETTLE_MS = 3_000;

/** Serves one endpoint: holds the session with the broker, runs the managers, and wires both to the attempts. */
export class Agent {
  readonly #options: AgentOptions;
  readonly #journal: Journal;
  readonly #cache: BlobCache;
  readonly #store: BrokerStore;
  readonly #session: BrokerSession;
  readonly #attempts: Attempts;
  readonly #blocks: Blocks;
  readonly #status: Status;
  readonly #links = new Map<ManagerLink, Transfers>();
  readonly #ended = Promise.withResolvers<{ end: AgentEnd; problem?: string }>();
  #listener: ManagerListener | undefined;
  #blocksProblem: string | undefined;
  #stopping: Promise<void> | undefined;

  /** @throws Error when another process has the journal */
  constructor(options: AgentOptions) {
    this.#options = options;
    const { config, token, paths, log } = options;
    this.#journal = new Journal(paths.journal, log);
    this.#cache = new BlobCache(paths.cache, config.cacheBytes);
    this.#store = new BrokerStore(config.brokerUrl, token, manifest.version, this.#cache);
    this.#session = new BrokerSession(config.brokerUrl, token, log, {
      hello: () => ({ host: hostInfo(), workers: this.#workers(), have: this.#attempts.hello() }),
      welcomed: ({ epoch, leaseMs }, reconciled) => {
        log.info({ epoch, leaseMs }, 'Connected to the broker.');
        if (!this.#stopping) this.#status.set('connected', this.#session);
        this.#attempts.welcomed(reconciled);
      },
      take: (message, payload) => this.#fromBroker(message, payload),
      disconnected: problem => {
        log.warn(problem);
        if (!this.#stopping) this.#status.set('connecting', this.#session, problem);
      },
      refused: problem => {
        log.error(problem);
        void this.stop('refused', problem);
      },
    });
    this.#attempts = new Attempts({
      journal: this.#journal,
      broker: this.#session,
      store: this.#store,
      cache: this.#cache,
      log,
      changed: () => this.#status.changed(),
    });
    this.#status = new Status(
      paths.state,
      log,
      () => this.#workers(),
      () => this.#journal.problem ?? this.#blocksProblem ?? this.#attempts.scheduler.problem,
      () => this.#attempts.undelivered,
    );
    this.#blocks = new Blocks({
      provider: new LocalProvider(paths.log),
      count: config.blocks,
      file: paths.blocks,
      folder: paths.managers,
      spec: { rendezvous: paths.rendezvous, workers: config.workers, logLevel: config.logLevel },
      log,
      dead: manager => this.#attempts.managerDied(manager),
      allFound: () => this.#attempts.loseOrphans(),
      problem: text => {
        this.#blocksProblem = text;
        this.#status.changed();
      },
    });
  }

  /** Starts everything; resolves when the agent has ended. `problem`: why it was refused. */
  async run(): Promise<{ end: AgentEnd; problem?: string }> {
    this.#listener = await this.#listen();
    this.#status.set('connecting', this.#session);
    this.#session.connect();
    await this.#blocks.start();
    return await this.#ended.promise;
  }

  /**
   * Ends in order: starts nothing more, lets running tasks finish for the drain time, gives the rest back, and waits a
   * moment for the broker to confirm what has ended. A second call waits for the first.
   */
  stop(end: AgentEnd = 'stopped', problem?: string): Promise<void> {
    this.#stopping ??= this.#stop(end, problem);
    return this.#stopping;
  }

  async #stop(end: AgentEnd, problem: string | undefined): Promise<void> {
    const { config, log } = this.#options;
    log.info('Stopping.');
    this.#status.set('stopping', this.#session, problem);
    this.#attempts.stopStarting();
    this.#blocks.stop();
    // A broker that refused this agent has given its tasks up: nothing is waited for.
    if (end === 'stopped') await waitUntil(() => this.#attempts.running === 0, config.drainMs);
    for (const link of this.#links.keys()) link.send({ t: 'stop' });
    await this.#blocks.end(config.graceMs + 1_000);
    this.#attempts.giveUpStarted();
    const isSettled = () => this.#attempts.undelivered === 0 && this.#attempts.running === 0;
    await waitUntil(() => isSettled() || !this.#session.isConnected, SETTLE_MS);
    await this.#session.close();
    this.#listener?.close();
    this.#attempts.close();
    this.#status.close();
    this.#journal.close();
    this.#ended.resolve({ end, ...(problem ? { problem } : {}) });
  }

  #listen(): Promise<ManagerListener> {
    const { config, paths, log } = this.#options;
    const { name, environment, tasksPerWorker, heapMb, graceMs, outputBytes, cacheBytes } = config;
    return ManagerListener.open(paths.rendezvous, log, {
      welcome: () => ({
        endpoint: name,
        beatMs: BEAT_MS,
        orphanMs: this.#session.leaseMs || ORPHAN_MS,
        settings: { environment, tasksPerWorker, heapMb, graceMs, outputBytes, cacheBytes },
      }),
      attached: (link, holds) => {
        if (!this.#blocks.attached(link.id)) {
          log.warn({ manager: link.id }, 'A manager that was given up came back, and is told to stop.');
          link.send({ t: 'stop' });
          return;
        }
        this.#links.set(link, new Transfers(link, this.#store, this.#cache));
        this.#attempts.attached(link, holds);
        this.#status.changed();
        if (this.#stopping && this.#attempts.running === 0) link.send({ t: 'stop' });
      },
      take: (link, message, payload) => this.#fromManager(link, message, payload),
      detached: link => {
        if (!this.#links.delete(link)) return;
        this.#attempts.detached(link);
        // A manager that came back may be here before its old connection is known to be gone.
        if (![...this.#links.keys()].some(({ id }) => id === link.id)) this.#blocks.detached(link.id);
        this.#status.changed();
      },
    });
  }

  #fromBroker(message: Exclude<BrokerMessage, { t: 'welcome' | 'beat-ok' }>, payload: Uint8Array): void {
    switch (message.t) {
      case 'task':
        this.#attempts.task(message, payload);
        return;
      case 'cancel':
        this.#attempts.cancel(message.task, message.attempt, message.reason);
        return;
      case 'confirm':
      case 'stale':
        this.#attempts.settled(message.task, message.attempt);
        return;
    }
  }

  #fromManager(link: ManagerLink, message: Exclude<ManagerMessage, ManagerHello>, payload: Uint8Array): void {
    const transfers = this.#links.get(link);
    if (!transfers) return;
    switch (message.t) {
      case 'output':
        this.#attempts.output(link, message, payload);
        return;
      case 'result':
        if (message.value?.blob) void this.#largeResult(link, transfers, message, message.value.blob);
        else this.#attempts.result(link, message, payload);
        return;
      case 'lost':
        this.#attempts.lost(link, message);
        return;
      case 'part':
        transfers.take(message, payload);
        return;
      case 'need':
        void transfers.send(message.digest);
        return;
      case 'workers':
        link.starting = message.starting;
        link.problem = message.problem;
        this.#blocks.tellGroups(link.id, message.groups);
        this.#status.changed();
        return;
    }
  }

  async #largeResult(link: ManagerLink, transfers: Transfers, message: ManagerResult, blob: string): Promise<void> {
    try {
      await transfers.hold(blob);
    } catch (error) {
      const reason = `The result could not be stored on the endpoint: ${(error as Error).message}`;
      const { task, attempt } = message;
      this.#attempts.lost(link, { t: 'lost', task, attempt, reason: reason.slice(0, 1024), workerDied: false });
      return;
    }
    if (!this.#attempts.result(link, message, new Uint8Array(0))) this.#cache.unpin(blob);
  }

  #workers(): WorkerCounts {
    const { slots, busy, starting } = this.#attempts.scheduler;
    const { workers, blocks, tasksPerWorker } = this.#options.config;
    const total = slots > 0 ? Math.round(slots / tasksPerWorker) : workers * blocks;
    return { total, ...(tasksPerWorker > 1 ? { tasksEach: tasksPerWorker } : {}), busy, starting };
  }
}

function hostInfo(): HostInfo {
  return {
    name: hostname(),
    platform: process.platform,
    arch: process.arch,
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    node: process.versions.node,
    agentVersion: manifest.version,
  };
}

/** Waits until `condition` holds, at most so long. */
async function waitUntil(condition: () => boolean, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!condition() && performance.now() < deadline) await new Promise(resolve => setTimeout(resolve, 20));
}
