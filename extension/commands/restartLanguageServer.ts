import type { Services } from '../services.ts';

export async function restartLanguageServer({ server, log }: Services): Promise<void> {
  log.info('Restarting the language server.');
  await server.restart();
}
