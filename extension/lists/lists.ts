import type { BrokerClient } from '../../client/client.ts';
import type { EndpointRecord } from '../../protocol/client-broker/endpoints.ts';
import type { BrokerEvent } from '../../protocol/client-broker/events.ts';
import type { FunctionRecord } from '../../protocol/client-broker/functions.ts';
import type { TaskRecord } from '../../protocol/client-broker/tasks.ts';
import { isTerminal, taskStates } from '../../protocol/tasks/states.ts';
import type { Session } from '../connection/session.ts';
import { type Disposable, Emitter } from '../emitter.ts';
import { LiveList } from './liveList.ts';

const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name);
/** Ids are UUIDv7: their order is the order of creation. */
const newestFirst = (a: { id: string }, b: { id: string }) => (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);

const TASKS_PER_PAGE = 50;
/** Above this many the list begins anew with its first page: a window may be open for weeks. */
const MOST_TASKS = 2000;

/** What the three views show, for the broker of the session. */
export class Lists {
  readonly endpoints = new LiveList<EndpointRecord>(byName);
  readonly functions = new LiveList<FunctionRecord>(byName);
  readonly tasks = new LiveList<TaskRecord>(newestFirst, ({ keptUntil = Infinity }) => keptUntil < Date.now());
  /** Every task that has not ended, however old. */
  readonly active = new LiveList<TaskRecord>(newestFirst);
  readonly #session: Session;
  readonly #disposables: Disposable[];
  readonly #task = new Emitter<TaskRecord>();

  /** A task was made or has changed. */
  readonly onTask = this.#task.event;

  constructor(session: Session) {
    this.#session = session;
    this.#disposables = [
      session.onDidChangeConnection(() => this.#clear()),
      session.onReload(client => void this.#load(client)),
      session.onEvent(event => this.#apply(event)),
    ];
  }

  /** Loads everything again. */
  async refresh(): Promise<void> {
    await this.#load(this.#session.requireClient());
  }

  async loadMoreTasks(): Promise<void> {
    const client = this.#session.requireClient();
    await this.tasks.load(cursor => client.listTasks({ limit: TASKS_PER_PAGE, cursor }), true);
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
  }

  async #load(client: BrokerClient): Promise<void> {
    await Promise.all([
      this.endpoints.load(() => everything(cursor => client.listEndpoints({ limit: 500, cursor }))),
      this.functions.load(() => everything(cursor => client.listFunctions({ limit: 500, cursor }))),
      this.#loadTasks(client),
      this.active.load(() => activeTasks(client)),
    ]);
  }

  async #loadTasks(client: BrokerClient | undefined): Promise<void> {
    if (client) await this.tasks.load(() => client.listTasks({ limit: TASKS_PER_PAGE }));
  }

  #clear(): void {
    for (const list of [this.endpoints, this.functions, this.tasks, this.active]) list.clear();
  }

  #apply(event: BrokerEvent): void {
    switch (event.t) {
      case 'endpoint':
        this.endpoints.put(event.endpoint);
        break;
      case 'endpoint-deleted':
        this.endpoints.remove(event.id);
        break;
      case 'function':
        this.functions.put(event.function);
        break;
      case 'function-deleted':
        this.functions.remove(event.id);
        break;
      case 'task':
        this.tasks.put(event.task);
        if (this.tasks.size > MOST_TASKS && this.tasks.status !== 'loading') void this.#loadTasks(this.#session.client);
        if (isTerminal(event.task.state)) this.active.remove(event.task.id);
        else this.active.put(event.task);
        this.#task.fire(event.task);
    }
  }
}

async function activeTasks(client: BrokerClient): Promise<{ items: TaskRecord[] }> {
  const states = taskStates.filter(state => !isTerminal(state));
  const pages = await Promise.all(states.map(state => client.listTasks({ state, limit: 200 })));
  return { items: pages.flatMap(page => page.items) };
}

/** Endpoints and functions are made by hand, so all of them fit a view; the cap keeps a broken broker from filling it. */
async function everything<T>(
  page: (cursor: string | undefined) => Promise<{ items: T[]; next?: string | undefined }>,
): Promise<{ items: T[] }> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const answer = await page(cursor);
    items.push(...answer.items);
    cursor = answer.next;
  } while (cursor !== undefined && items.length < 10_000);
  return { items };
}
