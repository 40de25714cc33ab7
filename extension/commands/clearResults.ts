import * as z from 'zod';
import { serverCommands } from '../../protocol/editor-server/messages.ts';
import type { Services } from '../services.ts';

/** Puts away the results that are shown now: at the ends of lines, in lenses and hovers, and errors on their lines. */
export async function clearResults({ inline, server }: Services): Promise<void> {
  inline.clear();
  if (server.running) await server.execute(serverCommands.clearResults, null, z.unknown());
}
