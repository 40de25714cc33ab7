import { describe, expect, it } from 'vitest';
import { newId } from '../../../../protocol/ids.ts';
import { digest, endpoint, fn, get, now, owner, refusal, store, submit, task } from '../harness.ts';

export function submission(): void {
  describe('submission', () => {
    it('answers in the order of the batch, and gives the newest version and the endpoint', async () => {
      const batch = [task(), task(), task()];
      const records = await store.submit({ owner, now, tasks: batch });
      expect(records.map(({ id }) => id)).toEqual(batch.map(({ id }) => id));
      expect(records[0]).toMatchObject({
        function: { id: fn, name: 'f', version: 1, digest, kind: 'sync' },
        endpoint: { id: endpoint, name: 'lab' },
        owner: { id: owner, name: 'owner' },
        state: 'queued',
        attempt: 0,
        createdAt: now,
      });
      expect(await get(batch[1]!.id)).toMatchObject({ id: batch[1]!.id, state: 'queued' });
    });

    it('answers with the ids alone when that is enough, those of known tasks among them', async () => {
      const known = task({ idempotencyKey: 'k', contentDigest: 'c' });
      const [first] = await store.submit({ owner, now, tasks: [known] });
      const batch = [task(), { ...known, id: newId() }, task()];
      const ids = await store.submitForIds({ owner, now, tasks: batch });
      expect(ids).toEqual([batch[0]!.id, first!.id, batch[2]!.id]);
      expect(await get(ids[2]!)).toMatchObject({ state: 'queued', function: { id: fn } });
    });

    it('takes all of a batch or nothing', async () => {
      const batch = [task(), task({ endpoint: newId() })];
      await expect(store.submit({ owner, now, tasks: batch })).rejects.toMatchObject({
        code: 'not-found',
        path: 'tasks.1.endpoint',
      });
      expect(await refusal(get(batch[0]!.id))).toBe('not-found');
      expect((await store.listTasks({ owner, now, limit: 10 })).items).toEqual([]);
      expect((await store.getEndpoint({ owner, id: endpoint })).status.queued).toBe(0);
    });

    it('refuses versions that are not there and blobs that were not uploaded', async () => {
      expect(await refusal(submit({ function: { id: fn, version: 2 } }))).toBe('not-found');
      const args = { type: 'application/json', size: 10, blob: 'b'.repeat(64) } as const;
      expect(await refusal(submit({ args }))).toBe('arguments-invalid');
      await store.addBlob({ digest: args.blob, size: 11, holder: owner, now });
      expect(await refusal(submit({ args }))).toBe('arguments-invalid');
      expect(await submit({ args: { ...args, size: 11 } })).toBeTypeOf('string');
      expect(await store.findBlob({ digest: args.blob, holder: endpoint, now })).toBe(11);
    });

    it('gives the same task for the same idempotency key and content, and a conflict for other content', async () => {
      const first = await submit({ idempotencyKey: 'k', contentDigest: 'x' });
      expect(await submit({ idempotencyKey: 'k', contentDigest: 'x' })).toBe(first);
      expect(await refusal(submit({ idempotencyKey: 'k', contentDigest: 'y' }))).toBe('idempotency-conflict');
      const twice = await store.submit({
        owner,
        now,
        tasks: [task({ idempotencyKey: 'l', contentDigest: 'x' }), task({ idempotencyKey: 'l', contentDigest: 'x' })],
      });
      expect(twice[0]!.id).toBe(twice[1]!.id);
    });

    it("keeps idempotency keys of two owners apart, and does not see the other's things", async () => {
      const other = (await store.createUser({ id: newId(), name: 'ann', tokenHash: 'ann', now })).id;
      const id = await submit();
      for (const attempt of [
        store.getTask({ owner: other, id, now }),
        store.cancel({ owner: other, id, now }),
        store.history({ owner: other, id }),
        store.result({ owner: other, id }),
        store.output({ owner: other, id, from: 0 }),
        store.getFunction({ owner: other, id: fn }),
        store.listVersions({ owner: other, id: fn, limit: 1 }),
        store.deleteFunction({ owner: other, id: fn, now }),
        store.getEndpoint({ owner: other, id: endpoint }),
        store.renewEndpointToken({ owner: other, id: endpoint, tokenHash: 'z', now }),
        store.deleteEndpoint({ owner: other, id: endpoint, now }),
        store.submit({ owner: other, now, tasks: [task()] }),
      ]) {
        expect(await refusal(attempt)).toBe('not-found');
      }
      expect((await store.listTasks({ owner: other, now, limit: 10 })).items).toEqual([]);
      expect((await store.listFunctions({ owner: other, limit: 10 })).items).toEqual([]);
      expect((await store.listEndpoints({ owner: other, limit: 10 })).items).toEqual([]);
    });
  });

  describe('a turn of the event loop', () => {
    it('applies verbs of one turn in their order, and undoes only the one that fails', async () => {
      const first = task({ idempotencyKey: 'a', contentDigest: 'x' });
      const answers = await Promise.allSettled([
        store.submit({ owner, now, tasks: [first] }),
        store.submit({ owner, now, tasks: [task(), task({ endpoint: newId() })] }),
        store.getTask({ owner, id: first.id, now }),
        store.submit({ owner, now, tasks: [task()] }),
      ]);
      expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
      expect((await store.listTasks({ owner, now, limit: 10 })).items).toHaveLength(2);
      expect((await store.getEndpoint({ owner, id: endpoint })).status.queued).toBe(2);
    });

    it('refuses verbs after its close', async () => {
      await store.close();
      expect(await refusal(get(newId()))).toBe('broker-stopping');
    });
  });
}
