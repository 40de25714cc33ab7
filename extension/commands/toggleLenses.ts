import { ConfigurationTarget, workspace } from 'vscode';
import { settings } from '../ids.ts';

export async function toggleLenses(): Promise<void> {
  const configuration = workspace.getConfiguration();
  const on = configuration.get(settings.lenses, true);
  await configuration.update(settings.lenses, !on, ConfigurationTarget.Global);
}
