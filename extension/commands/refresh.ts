import type { Services } from '../services.ts';

/** Loads the lists anew, and tries a broker that could not be reached. */
export async function refresh({ lists, connector, session }: Services): Promise<void> {
  await connector.resolve();
  if (session.client) await lists.refresh();
}
