import {
  type ExtensionContext,
  Uri,
  ViewColumn,
  commands as vscodeCommands,
  type WebviewPanel,
  type WebviewPanelSerializer,
  window,
} from 'vscode';
import type { BrokerClient } from '../../client/client.ts';
import type { EventStream } from '../../client/events.ts';
import type { TaskRecord } from '../../protocol/client-broker/tasks.ts';
import { asRunaboutError } from '../../protocol/errors/error.ts';
import { errorKinds, isErrorCode } from '../../protocol/errors/registry.ts';
import type { FromPanel, OutputLine, PanelState, ToPanel } from '../../protocol/panel/messages.ts';
import { isTerminal } from '../../protocol/tasks/states.ts';
import type { Session } from '../connection/session.ts';
import type { Disposable } from '../emitter.ts';
import { commands, PANEL_TYPE } from '../ids.ts';
import { t } from '../l10n.ts';
import type { Lists } from '../lists/lists.ts';
import { shortName } from '../words.ts';
import { panelHtml } from './html.ts';
import { openFrame } from './openFrame.ts';
import { OutputTail } from './output.ts';
import { loadHistory, loadResult, loadValue } from './taskView.ts';

/**
 * The one result panel: opened beside the code once, then used again where the person put it, without taking the
 * focus. It shows one task, follows it while it runs, and comes back with the window.
 */
export class ResultPanel implements WebviewPanelSerializer {
  readonly #context: ExtensionContext;
  readonly #session: Session;
  readonly #disposables: Disposable[];
  #panel: WebviewPanel | undefined;
  #ready = false;
  #task: string | undefined;
  #state: PanelState | undefined;
  #problem: string | undefined;
  /** A part of the page that the person asked for, until it is shown. */
  #reveal: 'history' | undefined;
  #tail = new OutputTail();
  /** The task as an event told it since its record was asked for: the answer may be older. */
  #newest: TaskRecord | undefined;
  #stream: EventStream | undefined;
  /** Counts what was asked to be shown; the answer to an earlier question is dropped. */
  #generation = 0;

  constructor(context: ExtensionContext, session: Session, lists: Lists) {
    this.#context = context;
    this.#session = session;
    this.#disposables = [
      window.registerWebviewPanelSerializer(PANEL_TYPE, this),
      lists.onTask(task => {
        if (task.id === this.#task) void this.#changed(task);
      }),
      session.onReload(() => {
        if (this.#task && this.#panel) void this.#load(this.#task);
      }),
    ];
  }

  /** The task that is shown. */
  get task(): string | undefined {
    return this.#panel && this.#task;
  }

  get isOpen(): boolean {
    return this.#panel !== undefined;
  }

  /** What the page was sent last. */
  get state(): PanelState | undefined {
    return this.#state;
  }

  /** Shows a task, or a part of what is known of it; its panel opens when it is not open yet. */
  async show(task: string, reveal?: 'history'): Promise<void> {
    this.#reveal = reveal;
    if (this.#panel) this.#panel.reveal(undefined, true);
    else this.#adopt(this.#create());
    await this.#load(task);
  }

  /** Shows a task where the panel is, open or behind another tab: what the person looks at stays in front. */
  async follow(task: string): Promise<void> {
    await this.#load(task);
  }

  /** Called by VS Code for a panel of the last session. */
  async deserializeWebviewPanel(panel: WebviewPanel, saved: unknown): Promise<void> {
    const task = (saved as { task?: unknown } | undefined)?.task;
    if (this.#panel || typeof task !== 'string') {
      panel.dispose();
      return;
    }
    this.#adopt(panel);
    this.#task = task;
    // Without a connection yet, the reload that follows it loads the task.
    if (this.#session.state.state === 'connected') await this.#load(task);
  }

  dispose(): void {
    this.#stream?.close();
    this.#panel?.dispose();
    for (const disposable of this.#disposables) disposable.dispose();
  }

  get #dist(): Uri {
    return Uri.joinPath(this.#context.extensionUri, 'dist');
  }

  #create(): WebviewPanel {
    const place = { viewColumn: ViewColumn.Beside, preserveFocus: true };
    return window.createWebviewPanel(PANEL_TYPE, t('Runabout Result'), place);
  }

  #adopt(panel: WebviewPanel): void {
    this.#panel = panel;
    this.#ready = false;
    const media = Uri.joinPath(this.#context.extensionUri, 'extension', 'media');
    panel.iconPath = { light: Uri.joinPath(media, 'result-light.svg'), dark: Uri.joinPath(media, 'result-dark.svg') };
    panel.webview.options = { enableScripts: true, localResourceRoots: [this.#dist] };
    panel.webview.onDidReceiveMessage((message: FromPanel) => void this.#receive(message));
    panel.onDidDispose(() => {
      this.#panel = undefined;
      this.#task = undefined;
      this.#state = undefined;
      this.#generation += 1;
      this.#stopStream();
    });
    panel.webview.html = panelHtml(panel.webview, this.#dist);
  }

  async #load(id: string): Promise<void> {
    const generation = ++this.#generation;
    const fresh = () => generation === this.#generation;
    if (id !== this.#task) this.#state = undefined;
    this.#task = id;
    this.#tail = new OutputTail();
    this.#newest = undefined;
    this.#stopStream();
    try {
      const client = this.#session.requireClient();
      const task = await client.getTask(id);
      if (!fresh()) return;
      if (isTerminal(task.state)) this.#tail.caughtUp(await client.taskOutput(id));
      else this.#follow(client, id);
      if (fresh()) await this.#show(client, this.#newest ?? task, fresh);
    } catch (error) {
      if (fresh()) this.#fail(error);
    }
  }

  /** The task that is shown has changed. */
  async #changed(task: TaskRecord): Promise<void> {
    const client = this.#session.client;
    if (!client) return;
    if (isTerminal(task.state)) {
      await this.#load(task.id);
      return;
    }
    this.#newest = task;
    const generation = this.#generation;
    await this.#show(client, task, () => generation === this.#generation);
  }

  async #show(client: BrokerClient, task: TaskRecord, fresh: () => boolean): Promise<void> {
    const [result, history] = await Promise.all([loadResult(client, task), loadHistory(client, task)]);
    const value = result && (await loadValue(client, task, result));
    const code = (result?.error ?? task.error)?.code;
    if (!fresh() || !this.#panel) return;
    this.#panel.title = t('Result: {0}', shortName(task.function.name));
    this.#state = {
      task,
      ...(value ? { value } : {}),
      ...(result?.error ? { error: result.error } : {}),
      ...(isErrorCode(code) ? { errorKind: errorKinds[code] } : {}),
      ...history,
      output: this.#tail.lines,
      ...(this.#tail.cut ? { outputCut: this.#tail.cut } : {}),
    };
    this.#problem = undefined;
    this.#postState(this.#state);
  }

  #fail(error: unknown): void {
    this.#problem = asRunaboutError(error, 'broker-internal', t('The task cannot be shown')).explained;
    this.#post({ t: 'problem', text: this.#problem });
  }

  /** Shows output as it comes; what came before is read once the stream is open, so that nothing falls in between. */
  #follow(client: BrokerClient, id: string): void {
    const tail = this.#tail;
    const post = (lines: OutputLine[]) => {
      if (tail === this.#tail && lines.length > 0) this.#post({ t: 'output', task: id, lines });
    };
    const catchUp = async () => {
      try {
        post(tail.caughtUp(await client.taskOutput(id)));
      } catch (error) {
        if (tail === this.#tail) this.#fail(error);
      }
    };
    this.#stream = client.subscribe(
      {
        output: event => {
          if (event.task === id) post(tail.live(event.chunks));
        },
        state: state => {
          if (state === 'disconnected') tail.lost();
        },
        connected: () => void catchUp(),
      },
      { output: true },
    );
  }

  #stopStream(): void {
    this.#stream?.close();
    this.#stream = undefined;
  }

  #postState(state: PanelState): void {
    if (!this.#ready) return;
    this.#post({ t: 'show', state, ...(this.#reveal ? { reveal: this.#reveal } : {}) });
    this.#reveal = undefined;
  }

  #post(message: ToPanel): void {
    if (this.#ready) void this.#panel?.webview.postMessage(message);
  }

  async #receive(message: FromPanel): Promise<void> {
    const target = { task: this.#task };
    switch (message.t) {
      case 'ready':
        // Also after the page was hidden and made anew.
        this.#ready = true;
        if (this.#state) this.#postState(this.#state);
        if (this.#problem) this.#post({ t: 'problem', text: this.#problem });
        break;
      case 'copy':
        await vscodeCommands.executeCommand(commands.copyResult, target);
        break;
      case 'save':
        await vscodeCommands.executeCommand(commands.saveResult, target);
        break;
      case 'open-json':
        await vscodeCommands.executeCommand(commands.openResultAsJson, target);
        break;
      case 'run-again':
        await vscodeCommands.executeCommand(commands.runAgain, target);
        break;
      case 'cancel':
        await vscodeCommands.executeCommand(commands.cancel, target);
        break;
      case 'open-frame':
        await openFrame(message);
    }
  }
}
