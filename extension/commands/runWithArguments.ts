import { window } from 'vscode';
import { schemes } from '../ids.ts';
import { runFunction } from '../run/runFunction.ts';
import type { Services } from '../services.ts';

/** Runs what the active arguments document says. */
export async function runWithArguments(services: Services): Promise<string | undefined> {
  const document = window.activeTextEditor?.document;
  if (document?.uri.scheme !== schemes.arguments) return undefined;
  const { target, args, endpoint } = services.argumentsDocuments.read(document);
  await document.save();
  return await runFunction(services, { target, args, endpoint });
}
