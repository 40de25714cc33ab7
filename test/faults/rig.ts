// The system under test: real processes from the campaign's bundles, under a folder of their own.
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type EndpointPaths, endpointPaths } from '../../agent/endpoint/folder.ts';
import { writeEndpoint } from '../../agent/index.ts';
import type { BrokerOptions } from '../../broker/index.ts';
import { BrokerClient } from '../../client/client.ts';
import { until } from '../support/until.ts';
import type { Programs } from './build.ts';
import type { CampaignLine } from './ledger.ts';
import { findProcesses } from './processes.ts';
import type { ClientPlan } from './programs/client.ts';
import { Service } from './service.ts';
import { Shim } from './shim.ts';
import { TcpProxy } from './tcp-proxy.ts';

export interface RigOptions {
  programs: Programs;
  /** Made here, and left to the caller. */
  folder: string;
  endpoints: number;
  workers: number;
  leaseMs: number;
  /** The library of shim.ts, if there is one. */
  shim: string | undefined;
  record(line: CampaignLine): void;
}

export interface Endpoint {
  name: string;
  id: string;
  paths: EndpointPaths;
  agent: Service;
  proxy: TcpProxy;
  shim: Shim | undefined;
}

export interface Client {
  service: Service;
  proxy: TcpProxy;
  ledger: string;
}

/** How long a stop in order may take: the agent's drain and grace times, and what its managers need. */
const STOP_MS = 20_000;

export class Rig {
  readonly options: RigOptions;
  readonly broker: Service;
  readonly brokerShim: Shim | undefined;
  readonly endpoints: Endpoint[] = [];
  readonly clients: Client[] = [];
  /** Reaches the broker without a proxy. */
  readonly direct: BrokerClient;
  readonly functionLedger: string;
  readonly #port: number;
  readonly #token: string;

  private constructor(options: RigOptions, port: number, broker: Service, brokerShim: Shim | undefined, token: string) {
    this.options = options;
    this.broker = broker;
    this.brokerShim = brokerShim;
    this.#port = port;
    this.#token = token;
    this.direct = new BrokerClient({ url: `http://127.0.0.1:${port}`, token }, 'runabout-faults');
    this.functionLedger = join(options.folder, 'functions.jsonl');
    writeFileSync(this.functionLedger, '');
  }

  /** Starts the broker and the agents, and waits until all are connected. */
  static async start(options: RigOptions): Promise<Rig> {
    const { folder, programs, leaseMs, shim: library, record } = options;
    mkdirSync(folder, { recursive: true });
    const dataDir = join(folder, 'broker');
    mkdirSync(dataDir);
    const port = await freePort();
    const brokerOptions: BrokerOptions = {
      ...{ dataDir, port, leaseMs, retryFirstMs: 100, retryMostMs: 500, lossGraceMs: leaseMs },
      logFile: join(folder, 'broker.log'),
    };
    const shim = library ? new Shim(library, join(folder, 'broker.shim'), `${dataDir}/`) : undefined;
    const broker = new Service(
      {
        name: 'broker',
        args: [join(programs.folder, 'broker.js'), JSON.stringify(brokerOptions)],
        environment: shim?.environment ?? {},
        log: join(folder, 'broker.out'),
      },
      code => record({ what: 'exit', target: 'broker', code, at: Date.now() }),
    );
    broker.start();
    const tokenFile = join(dataDir, 'owner-token');
    const token = await until('the broker has written its token', () => readFileSync(tokenFile, 'utf8').trim());
    const rig = new Rig(options, port, broker, shim, token);
    await until('the broker answers', () => rig.direct.whoAmI());
    for (let i = 0; i < options.endpoints; i++) await rig.#addEndpoint(`e${i}`);
    await until('every endpoint is online', async () => (await rig.online()).length === options.endpoints);
    return rig;
  }

  /** Names of the endpoints that the broker calls online. */
  async online(signal?: AbortSignal): Promise<string[]> {
    const { items } = await this.direct.listEndpoints({}, { signal });
    return items.filter(({ status }) => status.state === 'online').map(({ name }) => name);
  }

  async #addEndpoint(name: string): Promise<void> {
    const { folder, programs, workers, shim: library, record } = this.options;
    const proxy = await TcpProxy.open(this.#port);
    const { endpoint, token } = await this.direct.createEndpoint(name);
    const ref = { home: join(folder, 'home'), name };
    const config = writeEndpoint({ ...ref, id: endpoint.id, url: `http://127.0.0.1:${proxy.port}`, token, workers });
    appendFileSync(config, 'GRACE_SECONDS=1\nDRAIN_SECONDS=1\n');
    const paths = endpointPaths(ref);
    const shim = library ? new Shim(library, join(folder, `${name}.shim`), paths.journal) : undefined;
    const agent = new Service(
      {
        name: `agent ${name}`,
        args: [join(programs.folder, 'agent.js'), '--home', ref.home, '--name', name, '--foreground'],
        environment: shim?.environment ?? {},
        log: join(folder, `agent-${name}.out`),
      },
      code => record({ what: 'exit', target: `agent ${name}`, code, at: Date.now() }),
    );
    this.endpoints.push({ name, id: endpoint.id, paths, agent, proxy, shim });
    agent.start();
  }

  /** Starts a client on its plan. */
  async addClient(name: string, plan: Omit<ClientPlan, 'connection' | 'ledger' | 'functionLedger' | 'endpoints'>) {
    const { folder, programs, record } = this.options;
    const proxy = await TcpProxy.open(this.#port);
    const ledger = join(folder, `${name}.jsonl`);
    const file = join(folder, `${name}.plan.json`);
    const whole: ClientPlan = {
      ...plan,
      connection: { url: `http://127.0.0.1:${proxy.port}`, token: this.#token },
      ledger,
      functionLedger: this.functionLedger,
      endpoints: this.endpoints.map(({ id }) => id),
    };
    writeFileSync(file, JSON.stringify(whole), { mode: 0o600 });
    const service = new Service(
      {
        ...{ name, environment: {}, log: join(folder, `${name}.out`) },
        args: [join(programs.folder, 'client.js'), file],
      },
      code => record({ what: 'exit', target: name, code, at: Date.now() }),
    );
    this.clients.push({ service, proxy, ledger });
    service.start();
  }

  /** The manager of an endpoint and its workers, as they run now. */
  managed(endpoint: number): { manager: number | undefined; workers: number[] } {
    const { paths } = this.endpoints[endpoint]!;
    const found = findProcesses(`${paths.managers}/`);
    const manager = found.find(({ command }) => command.includes('--rendezvous'))?.pid;
    return { manager, workers: found.filter(({ parent }) => parent === manager).map(({ pid }) => pid) };
  }

  /** Stops all in order. Returns who had to be killed. */
  async stop(): Promise<string[]> {
    const killed: string[] = [];
    const end = async (service: Service) => {
      if (!(await service.end(STOP_MS))) killed.push(service.command.name);
    };
    await Promise.all(this.clients.map(({ service }) => end(service)));
    await Promise.all(this.endpoints.map(({ agent }) => end(agent)));
    await end(this.broker);
    for (const { proxy } of [...this.endpoints, ...this.clients]) await proxy.close();
    for (const shim of [this.brokerShim, ...this.endpoints.map(endpoint => endpoint.shim)]) shim?.close();
    return killed;
  }
}

/** A port that is free now, and below those that the kernel gives to outgoing connections: it stays free for a restart. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const server = createServer();
    const free = await new Promise<boolean>(resolve => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    await new Promise(resolve => (free ? server.close(resolve) : resolve(undefined)));
    if (free) return port;
  }
}
