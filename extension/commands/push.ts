import { ProgressLocation, window } from 'vscode';
import { FunctionRef, PushReply, serverCommands } from '../../protocol/editor-server/messages.ts';
import { t } from '../l10n.ts';
import { pickFunction } from '../pick/function.ts';
import { requireTrust } from '../run/trust.ts';
import type { Services } from '../services.ts';
import { functionAtCursor } from './arguments.ts';

/** Pushes a marked function to the registry, without running it. */
export async function push(services: Services, on?: unknown): Promise<void> {
  requireTrust(t('Pushing a function'));
  services.session.requireClient();
  const ref = FunctionRef.safeParse(on).data ?? functionAtCursor(services) ?? (await picked(services));
  if (!ref) return;
  const options = { location: ProgressLocation.Window, title: t('Pushing {0}', ref.name) };
  const { version, created } = await window.withProgress(options, (_, token) =>
    services.server.execute(serverCommands.push, ref, PushReply, token),
  );
  const done = created
    ? t('Pushed {0} as version {1}', ref.name, version)
    : t('{0} is version {1} already', ref.name, version);
  window.setStatusBarMessage(`$(check) ${done}`, 5000);
}

async function picked(services: Services): Promise<FunctionRef | undefined> {
  const target = await pickFunction(services, t('Push a function'), true);
  return target?.kind === 'source' ? target : undefined;
}
