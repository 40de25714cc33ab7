import { MarkdownString, StatusBarAlignment, type StatusBarItem, ThemeColor, window } from 'vscode';
import { coalesce } from './coalesce.ts';
import type { Disposable } from './emitter.ts';
import { commands, views } from './ids.ts';
import { t } from './l10n.ts';
import type { Services } from './services.ts';
import { clock, endpointState } from './words.ts';

/** Drawn at most this often, in milliseconds, however fast events come. */
const DRAW_EVERY = 50;

/** The one status-bar item: where things run, whether they can, and that something does. */
export class StatusBar {
  readonly #services: Services;
  readonly #item: StatusBarItem;
  readonly #disposables: Disposable[];

  constructor(services: Services) {
    this.#services = services;
    this.#item = window.createStatusBarItem('runabout.status', StatusBarAlignment.Left, 1);
    this.#item.name = 'Runabout';
    const { session, lists, chosen, runs } = services;
    const draw = coalesce(() => this.#draw(), DRAW_EVERY);
    this.#disposables = [
      session.onDidChangeState(draw),
      lists.active.onDidChange(draw),
      lists.endpoints.onDidChange(draw),
      chosen.onDidChange(draw),
      runs.onDidChange(draw),
      draw,
      this.#item,
    ];
    this.#draw();
    this.#item.show();
  }

  get text(): string {
    return this.#item.text;
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
  }

  #draw(): void {
    const { session, lists, chosen } = this.#services;
    const { state } = session;
    const endpoint = chosen.get();
    const busy = lists.active.size + this.#services.runs.sending.length;
    const item = this.#item;
    item.backgroundColor = undefined;
    item.command = commands.chooseEndpoint;
    switch (state.state) {
      case 'none':
        item.text = '$(debug-disconnect) Runabout';
        // There both ways in stand side by side.
        item.command = `workbench.view.extension.${views.container}`;
        break;
      case 'connecting':
        item.text = '$(loading~spin) Runabout';
        break;
      case 'refused':
        item.text = `$(key) ${t('Runabout: connect again')}`;
        item.backgroundColor = new ThemeColor('statusBarItem.warningBackground');
        item.command = commands.connect;
        break;
      case 'disconnected':
        item.text = `$(debug-disconnect) ${endpoint?.name ?? 'Runabout'}`;
        // Nothing can run without the broker, but only a person who runs something is held up.
        if (this.#services.runs.sending.length > 0)
          item.backgroundColor = new ThemeColor('statusBarItem.warningBackground');
        break;
      case 'connected':
        item.text = `$(${busy > 0 ? 'loading~spin' : 'vm-connect'}) ${endpoint?.name ?? t('Choose endpoint')}${busy > 1 ? ` (${busy})` : ''}`;
    }
    item.tooltip = this.#tooltip();
    item.accessibilityInformation = { label: `Runabout: ${this.#stateText()}`, role: 'button' };
  }

  #stateText(): string {
    const { session, lists, chosen } = this.#services;
    const { state } = session;
    switch (state.state) {
      case 'none':
        return t('Not connected to a broker.');
      case 'connecting':
        return t('Connecting to {0}.', state.url);
      case 'disconnected':
        return t('{0} cannot be reached since {1}; trying again.', state.url, clock(state.since));
      case 'refused':
        return state.problem.explained;
      case 'connected': {
        const record = lists.endpoints.get(chosen.get()?.id ?? '');
        const where = record ? `${record.name}: ${endpointState(record)}` : t('No endpoint is chosen.');
        return `${t('Connected to {0}.', state.url)} ${where}`;
      }
    }
  }

  #tooltip(): MarkdownString {
    const { session, lists } = this.#services;
    const connected = session.state.state !== 'none';
    const actions: [string, string][] = connected
      ? [
          [commands.chooseEndpoint, t('Choose endpoint')],
          [commands.disconnect, t('Disconnect')],
        ]
      : [
          [commands.startLocalBroker, t('Start a local broker')],
          [commands.connect, t('Connect to a broker')],
        ];
    actions.push([commands.showLog, t('Show log')]);
    const markdown = new MarkdownString('', true);
    markdown.isTrusted = { enabledCommands: actions.map(([command]) => command) };
    markdown.appendText(this.#stateText());
    if (lists.active.size > 0)
      markdown.appendMarkdown('  \n').appendText(t('{0} tasks have not ended.', lists.active.size));
    markdown.appendMarkdown(`\n\n${actions.map(([command, title]) => `[${title}](command:${command})`).join(' · ')}`);
    return markdown;
  }
}
