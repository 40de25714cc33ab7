import type { Services } from '../services.ts';

/** Forgets the broker and its token, in every window. Tasks go on, and so does a local broker. */
export async function disconnect({ connector, log }: Services): Promise<void> {
  await connector.disconnect();
  log.info('Disconnected.');
}
