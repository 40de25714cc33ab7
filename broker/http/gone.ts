import { RunaboutError } from '../../protocol/errors/error.ts';
import { type Id, timeOf } from '../../protocol/ids.ts';
import type { Services } from '../services.ts';

/**
 * What reads a task for a route, and tells a task that is kept no longer from one that never was. The store has nothing
 * left of a purged task; but an id says when it was made, and one that is younger than the retention was not purged.
 */
export function taskReader({ clock, settings: { retentionMs } }: Pick<Services, 'clock' | 'settings'>) {
  return async <T>(id: Id, reading: Promise<T>): Promise<T> => {
    try {
      return await reading;
    } catch (error) {
      const missing = error instanceof RunaboutError && error.code === 'not-found';
      if (!missing || timeOf(id) > clock.now() - retentionMs) throw error;
      throw new RunaboutError(
        'task-gone',
        `Task ${id} is not here: a task is kept for ${inWords(retentionMs)} after its end, and this one is older, or not yours.`,
        {
          hint: 'Run the function again. Save the results that you need for longer, or ask for a longer retention.',
          cause: error,
        },
      );
    }
  };
}

const MINUTE = 60_000;

/** A span of time as operators give it: `30 days`, `36 hours`, `5 minutes`. */
function inWords(ms: number): string {
  const hours = ms / (60 * MINUTE);
  if (hours >= 48) return `${Math.round(hours / 24)} days`;
  if (hours >= 2) return `${Math.round(hours)} hours`;
  const minutes = Math.max(1, Math.round(ms / MINUTE));
  return minutes === 1 ? '1 minute' : `${minutes} minutes`;
}
