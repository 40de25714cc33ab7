import { ConfigurationTarget, workspace } from 'vscode';
import { settings } from '../ids.ts';

export async function toggleInlineResults(): Promise<void> {
  const configuration = workspace.getConfiguration();
  const on = configuration.get(settings.inlineResults, true);
  await configuration.update(settings.inlineResults, !on, ConfigurationTarget.Global);
}
