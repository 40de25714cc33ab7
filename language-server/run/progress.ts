import type { Connection, WorkDoneProgressServerReporter } from 'vscode-languageserver/node';
import { isTerminal } from '../../protocol/tasks/states.ts';
import type { Session } from '../session.ts';
import { runText } from '../words.ts';
import type { Person } from './person.ts';
import type { Started } from './runner.ts';

/** Shows running tasks as work-done progress, in editors without a display of their own. Its "cancel" cancels the task. */
export class RunProgress {
  readonly #connection: Connection;
  readonly #session: Session;
  readonly #person: Person;
  readonly #shown = new Map<string, { reporter: WorkDoneProgressServerReporter | undefined; name: string }>();

  constructor(connection: Connection, session: Session, person: Person) {
    this.#connection = connection;
    this.#session = session;
    this.#person = person;
  }

  /** @param reports the client takes work-done progress; without it only the end is told */
  async follow({ task, name, endpoint }: Started, reports: boolean): Promise<void> {
    const reporter = reports ? await this.#connection.window.createWorkDoneProgress() : undefined;
    reporter?.begin(`${name} on ${endpoint.name}`, undefined, undefined, true);
    reporter?.token.onCancellationRequested(() => {
      this.#session.link.client?.cancelTask(task).catch(error => this.#person.say(String(error.message), 'error'));
    });
    this.#shown.set(task, { reporter, name });
    this.update(task);
  }

  /** Something about a task has changed. */
  update(task: string): void {
    const shown = this.#shown.get(task);
    const [, remote] = this.#session.remote.byTask(task) ?? [];
    if (!shown || !remote?.run) return;
    const { run } = remote;
    const text =
      [run.value, run.error?.message, run.output.at(-1), run.task.wait?.text].find(Boolean) ?? run.task.state;
    const complete = !isTerminal(run.task.state) || run.value !== undefined || run.error !== undefined;
    const { startedAt, endedAt } = run.task;
    const times = startedAt && endedAt ? { durationMs: endedAt - startedAt } : {};
    const summary = {
      ...times,
      task,
      text,
      state: run.task.state,
      endpoint: run.task.endpoint,
      createdAt: 0,
      stale: false,
    };
    if (!isTerminal(run.task.state)) {
      shown.reporter?.report(runText(summary));
      return;
    }
    // The value or error follows the record at once; a task that was stopped has none.
    if (!complete && (run.task.state === 'succeeded' || run.task.state === 'failed')) return;
    this.#shown.delete(task);
    shown.reporter?.done();
    const message = `${shown.name} on ${run.task.endpoint.name} ${runText(summary, 400)}`;
    this.#person.say(message, run.task.state === 'succeeded' ? 'info' : 'error');
  }

  close(): void {
    for (const { reporter } of this.#shown.values()) reporter?.done();
    this.#shown.clear();
  }
}
