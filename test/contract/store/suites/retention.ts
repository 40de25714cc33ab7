import { beforeEach, describe, expect, it } from 'vitest';
import { newId } from '../../../../protocol/ids.ts';
import {
  claim,
  complete,
  digest,
  end,
  endpoint,
  eventsAfter,
  fn,
  get,
  now,
  owner,
  pass,
  refusal,
  session,
  store,
  submit,
  use,
} from '../harness.ts';

const retentionMs = 10_000;
const uploadGraceMs = 5_000;
const purge = (limit = 100) => store.purge({ now, limit });
const addBlob = (digest: string, holder = owner) => store.addBlob({ digest, size: 11, holder, now });
const known = async (...digests: string[]) => await store.knownBlobs({ digests });
const one = 'b'.repeat(64);
const two = 'c'.repeat(64);

/** Looks through all blobs, one by one, and forgets those that are not used. */
async function forgetUnused(): Promise<string[]> {
  const unused: string[] = [];
  for (let after: string | undefined = ''; after !== undefined; ) {
    const from: string = after;
    const page = await store.unusedBlobs({ now, after: from, limit: 1 });
    unused.push(...page.digests);
    after = page.next;
  }
  const forgotten = await Promise.all(unused.map(digest => store.forgetBlob({ digest, now })));
  return unused.filter((_, i) => forgotten[i]);
}

export function retention(): void {
  describe('retention', () => {
    beforeEach(() => use({ retentionMs, uploadGraceMs }));

    it('keeps an ended task until the time its record states, then nothing of it', async () => {
      const id = await submit({ idempotencyKey: 'k', contentDigest: 'x' });
      const { ref } = await session();
      await claim(ref);
      const chunk = { task: id, attempt: 1, seq: 0, at: now, stream: 'stdout' as const, bytes: Buffer.from('hello') };
      await store.appendOutput({ ...ref, chunks: [chunk] });
      expect((await get(id)).keptUntil).toBeUndefined();
      await complete(ref, end(id, 1));
      const { keptUntil } = await get(id);
      expect(keptUntil).toBe(now + retentionMs);

      pass(retentionMs - 1);
      expect(await purge()).toEqual({ tasks: 0, more: false });
      expect(await store.result({ owner, id })).toMatchObject({ state: 'succeeded' });
      expect(await submit({ idempotencyKey: 'k', contentDigest: 'x' })).toBe(id);
      pass(1);
      expect(now).toBe(keptUntil);
      expect(await purge()).toEqual({ tasks: 1, more: false });
      for (const read of [
        get(id),
        store.result({ owner, id }),
        store.history({ owner, id }),
        store.output({ owner, id, from: 0 }),
        store.cancel({ owner, id, now }),
      ]) {
        expect(await refusal(read)).toBe('not-found');
      }
      expect((await store.listTasks({ owner, now, limit: 10 })).items).toEqual([]);
      expect((await store.listTasks({ owner, now, limit: 10, state: 'succeeded' })).items).toEqual([]);
    });

    it('forgets an idempotency key with its task, not before', async () => {
      const id = await submit({ idempotencyKey: 'k', contentDigest: 'x' });
      await store.cancel({ owner, id, now });
      pass(retentionMs);
      expect(await refusal(submit({ idempotencyKey: 'k', contentDigest: 'y' }))).toBe('idempotency-conflict');
      await purge();
      expect(await submit({ idempotencyKey: 'k', contentDigest: 'y' })).not.toBe(id);
    });

    it('never takes a task that has not ended, however old', async () => {
      const [queued, leased, running, cancelling] = [
        await submit({ priority: -1 }),
        await submit(),
        await submit(),
        await submit(),
      ];
      const { ref } = await session();
      await claim(ref, 3);
      await store.start({ ...ref, now, attempts: [{ task: running!, attempt: 1, startedAt: now }] });
      await store.cancel({ owner, id: cancelling!, now });
      pass(100 * retentionMs);
      expect(await purge()).toEqual({ tasks: 0, more: false });
      const states = await Promise.all([queued, leased, running, cancelling].map(async id => (await get(id!)).state));
      expect(states).toEqual(['queued', 'leased', 'running', 'cancelling']);
    });

    it('goes on in bounded steps, the first ends first', async () => {
      const ids = [];
      for (let i = 0; i < 5; i++) ids.push(await submit());
      for (const id of [...ids].reverse()) {
        await store.cancel({ owner, id, now });
        pass(1);
      }
      pass(retentionMs);
      expect(await purge(2)).toEqual({ tasks: 2, more: true });
      expect((await store.listTasks({ owner, now, limit: 10 })).items.map(({ id }) => id)).toEqual([
        ids[2],
        ids[1],
        ids[0],
      ]);
      expect(await purge(2)).toEqual({ tasks: 2, more: true });
      expect(await purge(2)).toEqual({ tasks: 1, more: false });
    });

    it("answers an agent's late word of a purged task as stale", async () => {
      const id = await submit();
      const { ref } = await session();
      await claim(ref);
      await complete(ref, end(id, 1));
      pass(retentionMs);
      await purge();
      expect(await complete(ref, end(id, 1))).toEqual(['stale']);
      expect(await session([[id, 1, 'ended']])).toMatchObject({ keep: [], drop: [[id, 1]] });
    });

    it('lets only those resume their events who saw the end of what was purged', async () => {
      const { head: before } = await store.eventRange({ owner });
      const id = await submit();
      const { head: queued } = await store.eventRange({ owner });
      await store.cancel({ owner, id, now });
      const other = await submit();
      pass(retentionMs);
      expect((await store.eventRange({ owner })).floor).toBe(0);
      await purge();
      const { floor } = await store.eventRange({ owner });
      expect(floor).toBeGreaterThan(queued);
      const { events } = await eventsAfter(before);
      expect(events.flatMap(event => (event.t === 'task' ? [event.task.id] : []))).toEqual([other]);
      expect(events.find(event => event.t === 'task')!.seq).toBeGreaterThan(floor);
    });

    it('keeps a blob as long as a task or a version refers to it, then for its grace', async () => {
      const details = { kind: 'sync', mapDigest: one } as const;
      await addBlob(one);
      await store.registerFunction({ owner, id: newId(), now, name: 'f', digest, details: { ...details } });
      await store.registerFunction({ owner, id: newId(), now, name: 'g', digest, details });
      await addBlob(two);
      const id = await submit({ args: { type: 'application/json', size: 11, blob: two } });
      const three = 'd'.repeat(64);
      await addBlob(three, endpoint);
      const { ref } = await session();
      await claim(ref);
      await complete(ref, end(id, 1, { value: { type: 'application/json', size: 11, blob: three } }));
      pass(retentionMs - 1);
      expect(await forgetUnused()).toEqual([]);
      pass(1);
      await purge();
      expect(await forgetUnused()).toEqual([two, three]);
      expect(await known(digest, one, two, three)).toEqual([digest, one]);
      expect(await store.findBlob({ digest: three, holder: owner, now })).toBeNull();
    });

    it('keeps an upload that nothing refers to for its grace, which begins anew when somebody asks for it', async () => {
      await addBlob(one);
      pass(uploadGraceMs - 1);
      expect(await forgetUnused()).toEqual([]);
      expect(await store.findBlob({ digest: one, holder: owner, now })).toBe(11);
      pass(uploadGraceMs - 1);
      await addBlob(one);
      pass(uploadGraceMs - 1);
      expect(await forgetUnused()).toEqual([]);
      pass(1);
      const { digests } = await store.unusedBlobs({ now, after: '', limit: 10 });
      expect(digests).toEqual([one]);
      // Somebody names it between the look and the deed.
      await submit({ args: { type: 'application/json', size: 11, blob: one } });
      expect(await store.forgetBlob({ digest: one, now })).toBe(false);
      expect(await known(one)).toEqual([one]);
    });

    it('keeps a deleted function and a deleted endpoint as long as a task names them', async () => {
      const id = await submit();
      await store.deleteFunction({ owner, id: fn, now });
      await store.deleteEndpoint({ owner, id: endpoint, now });
      pass(retentionMs - 1);
      expect(await purge()).toEqual({ tasks: 0, more: false });
      expect((await get(id)).function.name).toBe('f');
      expect(await forgetUnused()).toEqual([]);
      pass(1);
      expect(await purge(1)).toEqual({ tasks: 1, more: true });
      expect(await purge(1)).toEqual({ tasks: 0, more: true });
      expect(await purge(1)).toEqual({ tasks: 0, more: true });
      expect(await purge(1)).toEqual({ tasks: 0, more: false });
      expect(await forgetUnused()).toEqual([digest]);
      await store.addBlob({ digest, size: 10, holder: owner, now });
      await store.createEndpoint({ owner, id: newId(), now, name: 'lab', tokenHash: 'new' });
      expect((await store.listEndpoints({ owner, limit: 5 })).items).toMatchObject([
        { name: 'lab', status: { queued: 0 } },
      ]);
    });
  });
}
