import { describe, expect, it } from 'vitest';
import { newId } from '../../../../protocol/ids.ts';
import { WORKERS } from '../../../support/raw-agent.ts';
import {
  claim,
  complete,
  digest,
  end,
  endpoint,
  fn,
  get,
  now,
  owner,
  refusal,
  session,
  store,
  submit,
  task,
} from '../harness.ts';

export function registry(): void {
  describe('functions', () => {
    it('makes a version for another digest, also an older one, and none for the newest', async () => {
      const two = 'b'.repeat(64);
      await store.addBlob({ digest: two, size: 5, holder: owner, now });
      const register = (d: string) =>
        store.registerFunction({ owner, id: newId(), now, name: 'f', digest: d, details: { kind: 'sync' } });
      expect(await register(digest)).toMatchObject({ created: false, version: { version: 1 } });
      expect(await register(two)).toMatchObject({ created: true, version: { version: 2, digest: two, size: 5 } });
      expect(await register(digest)).toMatchObject({ created: true, version: { version: 3, digest } });
      const { items } = await store.listVersions({ owner, id: fn, limit: 10 });
      expect(items.map(({ version }) => version)).toEqual([3, 2, 1]);
      expect(
        (await store.getTask({ owner, now, id: await submit({ function: { id: fn, version: 2 } }) })).function.digest,
      ).toBe(two);
    });

    it('refuses a bundle or a map that this owner did not upload', async () => {
      const other = (await store.createUser({ id: newId(), name: 'ann', tokenHash: 'ann', now })).id;
      const request = { id: newId(), now, name: 'g', digest, details: { kind: 'sync' } } as const;
      expect(await refusal(store.registerFunction({ ...request, owner: other }))).toBe('bundle-unknown');
      const details = { kind: 'sync', mapDigest: 'f'.repeat(64) } as const;
      await expect(store.registerFunction({ ...request, owner, details })).rejects.toMatchObject({
        code: 'bundle-unknown',
        path: 'details.mapDigest',
      });
    });

    it('finds by name and by words, where % is a character', async () => {
      const register = (name: string, description?: string) =>
        store.registerFunction({
          owner,
          id: newId(),
          now,
          name,
          digest,
          details: { kind: 'sync', ...(description ? { description } : {}) },
        });
      await register('src/stats.ts#mean', 'Average of numbers');
      await register('src/stats.ts#median', '50% of numbers are below');
      const search = async (words: string) =>
        (await store.listFunctions({ owner, limit: 10, search: words })).items.map(({ name }) => name);
      expect(await search('stats numbers')).toEqual(['src/stats.ts#median', 'src/stats.ts#mean']);
      expect(await search('average')).toEqual(['src/stats.ts#mean']);
      expect(await search('%')).toEqual(['src/stats.ts#median']);
      expect((await store.listFunctions({ owner, limit: 10, name: 'f' })).items.map(({ id }) => id)).toEqual([fn]);
    });

    it('keeps the name of a deleted function in its tasks, and frees it', async () => {
      const id = await submit();
      await store.deleteFunction({ owner, id: fn, now });
      expect((await get(id)).function).toMatchObject({ id: fn, name: 'f' });
      expect(await refusal(store.getFunction({ owner, id: fn }))).toBe('not-found');
      expect(await refusal(submit())).toBe('not-found');
      const { ref } = await session();
      expect((await claim(ref)).tasks).toMatchObject([{ task: id, digest }]);
      const again = await store.registerFunction({
        owner,
        id: newId(),
        now,
        name: 'f',
        digest,
        details: { kind: 'sync' },
      });
      expect(again).toMatchObject({ created: true, version: { version: 1 } });
    });
  });

  describe('endpoints', () => {
    it('has names once per owner', async () => {
      const create = (tokenHash: string) => store.createEndpoint({ owner, id: newId(), now, name: 'lab', tokenHash });
      expect(await refusal(create('x'))).toBe('name-taken');
      await store.deleteEndpoint({ owner, id: endpoint, now });
      expect(await create('y')).toMatchObject({ name: 'lab', status: { state: 'new', queued: 0, running: 0 } });
    });

    it('counts what waits and what runs', async () => {
      const [first] = [await submit(), await submit(), await submit()];
      const { ref } = await session();
      await claim(ref, 2);
      const status = async () => (await store.getEndpoint({ owner, id: endpoint })).status;
      expect(await status()).toMatchObject({ state: 'online', queued: 1, running: 2, workers: WORKERS });
      await complete(ref, end(first!, 1));
      expect(await status()).toMatchObject({ queued: 1, running: 1 });
    });

    it('cancels its tasks and forgets its token when it is deleted', async () => {
      const [queued, leased] = [await submit({ priority: -1 }), await submit()];
      const { ref } = await session();
      await claim(ref, 1);
      await store.deleteEndpoint({ owner, id: endpoint, now });
      for (const id of [queued, leased]) {
        expect(await get(id)).toMatchObject({
          state: 'cancelled',
          error: { code: 'endpoint-deleted' },
          endpoint: { name: 'lab' },
        });
      }
      expect(await store.findToken({ tokenHash: 'agent' })).toBeNull();
      expect(await complete(ref, end(leased, 1))).toBe('superseded');
      expect(await refusal(submit())).toBe('not-found');
    });

    it('ends the tasks of a deleted endpoint in steps when there are many', async () => {
      for (let i = 0; i < 3; i++) await store.submit({ owner, now, tasks: Array.from({ length: 500 }, () => task()) });
      await store.deleteEndpoint({ owner, id: endpoint, now });
      const left = async () => (await store.listTasks({ owner, now, limit: 1, state: 'queued' })).items.length;
      expect(await left()).toBe(1);
      while ((await store.sweep({ now, limit: 300 })).more);
      expect(await left()).toBe(0);
    });
  });

  describe('tokens', () => {
    it('knows whose they are, and only the newest of an endpoint and of the owner', async () => {
      expect(await store.findToken({ tokenHash: 'owner' })).toMatchObject({
        principal: { id: owner, kind: 'owner' },
        owner,
      });
      expect(await store.findToken({ tokenHash: 'agent' })).toMatchObject({
        principal: { id: endpoint, kind: 'agent', name: 'lab' },
        owner,
      });
      await store.renewEndpointToken({ owner, id: endpoint, tokenHash: 'agent-2', now });
      expect(await refusal(session())).toBe('token-invalid');
      expect(await store.findToken({ tokenHash: 'agent' })).toBeNull();
      expect(await store.findToken({ tokenHash: 'agent-2' })).toMatchObject({ principal: { id: endpoint } });
      expect(await store.setOwner({ id: newId(), name: 'owner', tokenHash: 'owner-2', now })).toMatchObject({
        id: owner,
      });
      expect(await store.findToken({ tokenHash: 'owner' })).toBeNull();
      expect(await refusal(store.createUser({ id: newId(), name: 'owner', tokenHash: 'q', now }))).toBe('name-taken');
    });
  });
}
