import { type CancellationToken, CancellationTokenSource, ProgressLocation, window } from 'vscode';
import type { TaskRecord } from '../../protocol/client-broker/tasks.ts';
import { isTerminal } from '../../protocol/tasks/states.ts';
import type { Session } from '../connection/session.ts';
import { Emitter } from '../emitter.ts';
import { t } from '../l10n.ts';
import type { Lists } from '../lists/lists.ts';
import { waitText } from '../words.ts';
import type { RunRequest } from './target.ts';

/** Progress in a notification comes only after this long, in milliseconds: quick runs need none. */
const NOTIFY_AFTER = 2_000;
/** And gives way after this long: a task that takes hours is in the tree and the status bar. */
const NOTIFY_FOR = 60_000;
const MOST_REMEMBERED = 200;

/** What this window has started: how each task was asked for, what is being sent, and progress with cancel. */
export class Runs {
  readonly #session: Session;
  readonly #lists: Lists;
  readonly #requests = new Map<string, RunRequest>();
  readonly #sending = new Set<string>();
  readonly #changed = new Emitter<void>();
  #last: string | undefined;

  readonly onDidChange = this.#changed.event;

  constructor(session: Session, lists: Lists) {
    this.#session = session;
    this.#lists = lists;
  }

  /** Names of functions that are being bundled, pushed or submitted. */
  get sending(): string[] {
    return [...this.#sending];
  }

  /** The newest task this window started. */
  get last(): string | undefined {
    return this.#last;
  }

  /** How a task was asked for, if this window did. */
  request(task: string): RunRequest | undefined {
    return this.#requests.get(task);
  }

  /** Sends a run, with progress and cancel, and follows its task until it has ended. Returns the task. */
  async start(name: string, request: RunRequest, send: (token: CancellationToken) => Promise<string>): Promise<string> {
    const cancel = new CancellationTokenSource();
    this.#sending.add(name);
    this.#changed.fire();
    const sent = send(cancel.token).finally(() => {
      this.#sending.delete(name);
      this.#changed.fire();
    });
    const ended = sent.then(task => this.#remember(task, request)).then(task => this.#ended(task));
    this.#notify(name, sent, ended, cancel);
    return await sent;
  }

  #remember(task: string, request: RunRequest): string {
    this.#last = task;
    this.#requests.set(task, request);
    const [oldest] = this.#requests.keys();
    if (this.#requests.size > MOST_REMEMBERED && oldest) this.#requests.delete(oldest);
    return task;
  }

  /** Resolves when the task has ended, or the connection is given up. */
  #ended(task: string): Promise<void> {
    return new Promise(resolve => {
      const check = (record: TaskRecord | undefined) => {
        if (record?.id !== task || !isTerminal(record.state)) return;
        done();
      };
      const listeners = [
        this.#lists.onTask(check),
        this.#lists.tasks.onDidChange(() => check(this.#lists.tasks.get(task))),
        this.#session.onDidChangeConnection(() => done()),
      ];
      const done = () => {
        for (const listener of listeners) listener.dispose();
        resolve();
      };
      // It may have ended before its id was known here.
      check(this.#lists.tasks.get(task));
    });
  }

  #notify(name: string, sent: Promise<string>, ended: Promise<void>, cancel: CancellationTokenSource): void {
    const over = ended.catch(() => {}); // Its caller shows why it could not be sent.
    let finished = false;
    const timer = setTimeout(() => {
      if (!finished) void this.#showProgress(name, sent, over, cancel);
    }, NOTIFY_AFTER);
    void over.then(() => {
      finished = true;
      clearTimeout(timer);
      cancel.dispose();
    });
  }

  async #showProgress(
    name: string,
    sent: Promise<string>,
    over: Promise<void>,
    cancel: CancellationTokenSource,
  ): Promise<void> {
    const options = { location: ProgressLocation.Notification, title: t('Running {0}', name), cancellable: true };
    await window.withProgress(options, async (progress, token) => {
      let task: string | undefined;
      const stop = () => {
        if (task)
          void this.#session.client?.cancelTask(task).catch(() => {}); // Its state shows that it goes on.
        else cancel.cancel();
      };
      const tell = () => {
        const record = task ? this.#lists.tasks.get(task) : undefined;
        progress.report({ message: record ? phase(record) : t('Sending the function') });
      };
      const listeners = [token.onCancellationRequested(stop), this.#lists.onTask(tell)];
      void sent.then(
        id => {
          task = id;
          tell();
        },
        () => {},
      );
      tell();
      await Promise.race([over, new Promise(resolve => setTimeout(resolve, NOTIFY_FOR))]);
      for (const listener of listeners) listener.dispose();
    });
  }
}

function phase({ state, wait, endpoint }: TaskRecord): string {
  if (state === 'cancelling') return t('Cancelling on {0}', endpoint.name);
  if (wait && state === 'queued') return waitText(wait);
  return t('on {0}', endpoint.name);
}
