import { appendFileSync, readFileSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { endpointPaths } from '../../../../agent/endpoint/folder.ts';
import { lockHolder } from '../../../../agent/endpoint/lock.ts';
import { endpointState, startEndpoint, stopEndpoint, writeEndpoint } from '../../../../agent/index.ts';
import type { BrokerClient } from '../../../../client/client.ts';
import type { EndpointRecord } from '../../../../protocol/client-broker/endpoints.ts';
import type { FunctionKind } from '../../../../protocol/client-broker/functions.ts';
import type { SubmitTask, TaskRecord } from '../../../../protocol/client-broker/tasks.ts';
import { isTerminal } from '../../../../protocol/tasks/states.ts';
import { bundleOf } from '../../../support/bundle.ts';
import { folder } from '../../../support/folder.ts';
import { until } from '../../../support/until.ts';

/** An endpoint of a test: registered with a broker, its folder in a home of its own, its agent a real process. */
export class TestEndpoint {
  readonly home: string;
  readonly name = 'lab';
  readonly client: BrokerClient;
  readonly record: EndpointRecord;

  private constructor(client: BrokerClient, record: EndpointRecord, home: string) {
    this.client = client;
    this.record = record;
    this.home = home;
  }

  /** @param config lines that are appended to the configuration */
  static async create(client: BrokerClient, config = 'WORKERS=1\nGRACE_SECONDS=1\n'): Promise<TestEndpoint> {
    const { endpoint, token } = await client.createEndpoint('lab');
    const made = new TestEndpoint(client, endpoint, folder('home'));
    const file = writeEndpoint({ ...made.ref, id: endpoint.id, url: client.connection.url, token });
    appendFileSync(file, config);
    onTestFinished(() => made.kill());
    return made;
  }

  get ref() {
    return { home: this.home, name: this.name };
  }

  get paths() {
    return endpointPaths(this.ref);
  }

  get state() {
    return endpointState(this.ref);
  }

  /** The process of the agent. */
  get pid(): number {
    return lockHolder(this.paths.lock)!.pid;
  }

  /** The process of the manager. */
  get managerPid(): number {
    return this.managerPids[0]!;
  }

  /** Those of all blocks. */
  get managerPids(): number[] {
    const blocks = JSON.parse(readFileSync(this.paths.blocks, 'utf8')) as { handle: string }[];
    return blocks.map(({ handle }) => Number(handle.split(':')[0]));
  }

  start() {
    return startEndpoint(this.ref);
  }

  stop() {
    return stopEndpoint(this.ref);
  }

  log(): string {
    return readFileSync(this.paths.log, 'utf8');
  }

  /** Submits one call of a module's default export. */
  async submit(
    source: string,
    args: unknown[] = [],
    { kind = 'async', ...more }: Partial<SubmitTask> & { kind?: FunctionKind } = {},
  ): Promise<TaskRecord> {
    const { code, map } = await bundleOf(source);
    const digest = await this.client.uploadBundle(code);
    const mapDigest = await this.client.uploadBundle(map);
    const name = `src/function.ts#f${digest.slice(0, 8)}`;
    const registered = await this.client.registerFunction({ name, digest, details: { kind, mapDigest } });
    const task = {
      function: { id: registered.function.id },
      endpoint: this.record.id,
      args: await this.client.encodeArguments(args),
      ...more,
    };
    return (await this.client.submit([task]))[0]!;
  }

  /** The task when it has ended, with what came of it. */
  async end(id: string) {
    const task = await until('the task has ended', async () => {
      const task = await this.client.getTask(id);
      return isTerminal(task.state) && task;
    });
    const result = await this.client.taskResult(id);
    const value = result.value ? await this.client.decode(result.value) : undefined;
    const { chunks } = await this.client.taskOutput(id);
    const textOf = (stream: string) => chunks.flatMap(c => (c.stream === stream ? (c.text ?? '') : [])).join('');
    return { task, error: result.error, value, stdout: textOf('stdout'), stderr: textOf('stderr'), chunks };
  }

  async call(...call: Parameters<TestEndpoint['submit']>) {
    return await this.end((await this.submit(...call)).id);
  }

  async running(id: string): Promise<void> {
    await until('the task runs', async () => (await this.client.getTask(id)).state === 'running');
  }

  /** Ends whatever is left of it, hard. */
  async kill(): Promise<void> {
    const holder = lockHolder(this.paths.lock);
    let managers: number[] = [];
    try {
      managers = this.managerPids;
    } catch {
      // None is running.
    }
    for (const pid of [holder?.pid, ...managers]) {
      if (pid === undefined) continue;
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
      await until('a process has ended', () => !isAlive(pid));
    }
  }
}

/** Whether there is such a process, and it is more than an entry in the table. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z';
  } catch {
    return false;
  }
}
