import { commands } from 'vscode';
import { EXTENSION_ID, WALKTHROUGH } from '../ids.ts';

export async function openWalkthrough(): Promise<void> {
  await commands.executeCommand('workbench.action.openWalkthrough', `${EXTENSION_ID}#${WALKTHROUGH}`, false);
}
