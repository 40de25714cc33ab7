import type { Connection, WorkDoneProgressServerReporter } from 'vscode-languageserver/node';
import type { TaskRecord } from '../../protocol/client-broker/tasks.ts';
import { isTerminal } from '../../protocol/tasks/states.ts';
import { isComplete, type RemoteRun } from '../broker/remote-functions.ts';
import type { Session } from '../session.ts';
import { endText } from '../words.ts';
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
      this.#session.link.client
        ?.cancelUnlessEnded(task)
        .catch(error => this.#person.say(String(error.message), 'error'));
    });
    this.#shown.set(task, { reporter, name });
    const run = this.#session.remote.byTask(task)?.[1].run;
    if (run) this.update(run);
  }

  /** The newest run of some function has changed. */
  update(run: RemoteRun): void {
    const { task, output, value, error } = run;
    const shown = this.#shown.get(task.id);
    if (!shown) return;
    if (!isTerminal(task.state)) {
      shown.reporter?.report(
        task.state === 'running' ? (output.at(-1) ?? 'running…') : (task.wait?.text ?? task.state),
      );
      return;
    }
    if (!isComplete(run)) return;
    this.#end(task, value ?? [error?.name, error?.message ?? task.error?.message].filter(Boolean).join(': '));
  }

  /** A task that another of the same function has taken the place of still has to end its progress. */
  superseded(task: TaskRecord): void {
    if (isTerminal(task.state) && !this.#session.remote.byTask(task.id)) this.#end(task, task.error?.message ?? '');
  }

  #end(task: TaskRecord, text: string): void {
    const shown = this.#shown.get(task.id);
    if (!shown) return;
    this.#shown.delete(task.id);
    shown.reporter?.done();
    const { state, startedAt, endedAt } = task;
    const durationMs = startedAt && endedAt ? endedAt - startedAt : undefined;
    const message = `${shown.name} on ${task.endpoint.name} ${endText(state, text.slice(0, 400), durationMs)}`;
    this.#person.say(message, state === 'succeeded' ? 'info' : 'error');
  }

  close(): void {
    for (const { reporter } of this.#shown.values()) reporter?.done();
    this.#shown.clear();
  }
}
