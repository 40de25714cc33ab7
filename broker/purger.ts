import type { Digest } from '../protocol/ids.ts';
import type { Services } from './services.ts';

/**
 * Tasks in one transaction, for which others wait: 2 ms for small ones; some ten when each has all the arguments, output
 * and result that a row may have (400 KB).
 */
const TASKS = 50;
/** Blobs looked through in one read. */
const BLOBS = 500;

/**
 * Deletes at intervals what is not kept any more: tasks after their retention, then blobs that nothing refers to after
 * their grace, and files that a crash left without a record. After each step it rests for as long as the step took, so
 * that at least every other turn of the store is somebody else's, and more of them the busier it is.
 * Returns what stops it, once a step under way is done.
 */
export function startPurger({ store, blobs, clock, settings, log }: Services): () => Promise<void> {
  const stopping = new AbortController();
  const { signal } = stopping;

  async function step<T>(work: () => Promise<T>): Promise<T> {
    const began = performance.now();
    const done = await work();
    await pause(Math.ceil(performance.now() - began));
    return done;
  }

  function pause(ms: number): Promise<void> {
    return new Promise(resolve => {
      const finish = () => {
        cancel();
        signal.removeEventListener('abort', finish);
        resolve();
      };
      const cancel = clock.after(ms, finish);
      signal.addEventListener('abort', finish);
      if (signal.aborted) finish();
    });
  }

  async function purgeTasks(): Promise<number> {
    let purged = 0;
    for (let more = true; more && !signal.aborted; ) {
      const done = await step(() => store.purge({ now: clock.now(), limit: TASKS }));
      purged += done.tasks;
      more = done.more;
    }
    return purged;
  }

  async function purgeBlobs(): Promise<number> {
    let purged = 0;
    let after: string | undefined = '';
    while (after !== undefined && !signal.aborted) {
      const from: string = after;
      const { digests, next } = await step(() => store.unusedBlobs({ now: clock.now(), after: from, limit: BLOBS }));
      purged += await step(() => remove(digests, digest => store.forgetBlob({ digest, now: clock.now() })));
      after = next;
    }
    return purged;
  }

  async function purgeFiles(): Promise<number> {
    let purged = 0;
    for await (const digests of blobs.digests()) {
      if (signal.aborted) break;
      if (digests.length === 0) continue;
      purged += await step(async () => {
        const known = new Set(await store.knownBlobs({ digests }));
        const unknown = digests.filter(digest => !known.has(digest));
        return await remove(unknown, async digest => (await store.knownBlobs({ digests: [digest] })).length === 0);
      });
    }
    return purged;
  }

  async function remove(digests: readonly Digest[], forget: (digest: Digest) => Promise<boolean>): Promise<number> {
    const removed = await Promise.all(digests.map(digest => blobs.remove(digest, () => forget(digest))));
    return removed.filter(Boolean).length;
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      try {
        const purged = { tasks: await purgeTasks(), blobs: await purgeBlobs(), files: await purgeFiles() };
        if (Object.values(purged).some(count => count > 0)) log.info(purged, 'deleted what is not kept any more');
      } catch (error) {
        if (!signal.aborted) log.error({ err: error }, 'a purge failed');
      }
      await pause(settings.purgeMs);
    }
  }

  const running = run();
  return async () => {
    stopping.abort();
    await running;
  };
}
