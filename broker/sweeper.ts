import type { Services } from './services.ts';

/** Changes in one transaction of a sweep, so that it never holds up others for long. */
const LIMIT = 1_000;

/** Sweeps the store at intervals, and mends its times when the clock was set back in between. Returns what stops it, once a sweep under way is done. */
export function startSweeper({ store, clock, settings, sessions, log }: Services): () => Promise<void> {
  let stopped = false;
  let running: Promise<void> = Promise.resolve();
  let cancel = () => {};

  const next = () => {
    if (stopped) return;
    cancel = clock.after(settings.sweepMs, () => {
      running = sweep()
        .catch(error => {
          if (!stopped) log.error({ err: error }, 'a sweep failed');
        })
        .finally(next);
    });
  };

  async function sweep(): Promise<void> {
    for (let more = true; more && !stopped; ) {
      const byMs = clock.setBackMs();
      const now = clock.now();
      if (byMs > 0) {
        log.warn({ byMs }, 'the clock was set back');
        await store.setBack({ now, leaseMs: settings.leaseMs });
      }
      const swept = await store.sweep({ now, limit: LIMIT });
      for (const session of swept.lapsed) {
        log.warn(session, 'the lease of an agent ran out');
        sessions.lapse(session);
      }
      more = swept.more;
    }
  }

  next();
  return async () => {
    stopped = true;
    cancel();
    await running;
  };
}
