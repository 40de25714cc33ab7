import { CancellationError, type Disposable, commands as vscodeCommands, window, workspace } from 'vscode';
import { RunaboutError } from '../../protocol/errors/error.ts';
import type { ErrorCode } from '../../protocol/errors/registry.ts';
import { type CommandName, commands } from '../ids.ts';
import { t } from '../l10n.ts';
import type { Services } from '../services.ts';

/** A command: what it was called on comes as VS Code gives it (a row, a document, the argument of a lens, or nothing). */
export type Command = (services: Services, ...args: unknown[]) => unknown;

/** Registers commands behind the one place that shows errors. */
export function registerCommands(services: Services, table: Record<CommandName, Command>): Disposable[] {
  return Object.entries(table).map(([name, command]) =>
    vscodeCommands.registerCommand(commands[name as CommandName], async (...args: unknown[]) => {
      try {
        return await command(services, ...args);
      } catch (error) {
        if (isCancellation(error)) return undefined;
        services.log.error(`${name}: ${describe(error)}`);
        // Not awaited: who called the command does not wait until the message is read.
        void showError(error);
        return undefined;
      }
    }),
  );
}

/** The person stopped it: that is no error. */
function isCancellation(error: unknown): boolean {
  if (error instanceof CancellationError) return true;
  const { name, code } = (error ?? {}) as { name?: string; code?: unknown };
  // LSP: RequestCancelled, ServerCancelled.
  return name === 'AbortError' || code === -32800 || code === -32802;
}

interface Remedy {
  title: string;
  command: string;
}

/** What a person can do about an error, as buttons of its message. */
function remedies(code: ErrorCode | undefined): Remedy[] {
  const showLog = { title: t('Show Log'), command: commands.showLog };
  switch (code) {
    case 'token-missing':
      return [
        { title: t('Start a Local Broker'), command: commands.startLocalBroker },
        { title: t('Connect…'), command: commands.connect },
      ];
    case 'token-invalid':
    case 'token-kind':
      return [{ title: t('Connect Again…'), command: commands.connect }, showLog];
    case 'broker-unreachable':
      return [
        { title: t('Start a Local Broker'), command: commands.startLocalBroker },
        { title: t('Connect…'), command: commands.connect },
        showLog,
      ];
    case 'not-allowed':
      if (workspace.isTrusted) return [showLog];
      return [{ title: t('Manage Workspace Trust'), command: 'workbench.trust.manage' }];
    default:
      return [showLog];
  }
}

/** Shows an error of ours: what failed, why, what to do next. */
export async function showError(error: unknown): Promise<void> {
  const known = error instanceof RunaboutError ? error : undefined;
  const message = known
    ? known.explained
    : t('Runabout failed: {0}', error instanceof Error ? error.message : String(error));
  const choices = remedies(known?.code);
  const picked = await window.showErrorMessage(message, ...choices.map(({ title }) => title));
  const remedy = choices.find(({ title }) => title === picked);
  if (remedy) await vscodeCommands.executeCommand(remedy.command);
}

function describe(error: unknown): string {
  if (error instanceof RunaboutError) return `${error.code}: ${error.explained}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
