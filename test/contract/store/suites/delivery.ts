import { describe, expect, it } from 'vitest';
import { newId } from '../../../../protocol/ids.ts';
import { HOST, WORKERS } from '../../../support/raw-agent.ts';
import { until } from '../../../support/until.ts';
import {
  claim,
  complete,
  end,
  endpoint,
  get,
  leaseMs,
  notices,
  now,
  owner,
  pass,
  refusal,
  session,
  states,
  store,
  submit,
  sweepTwice,
} from '../harness.ts';

export function delivery(): void {
  describe('claims', () => {
    it('takes by priority, then in order, and never twice', async () => {
      const low = await submit({ priority: -1 });
      const first = await submit();
      const second = await submit();
      const high = await submit({ priority: 5 });
      const { ref } = await session();
      expect((await claim(ref, 3)).tasks.map(t => t.task)).toEqual([high, first, second]);
      expect((await claim(ref, 3)).tasks.map(t => [t.task, t.attempt])).toEqual([[low, 1]]);
      expect((await claim(ref)).tasks).toEqual([]);
      expect(await states(first)).toEqual(['queued', 'leased']);
    });

    it('stops at the limit or soon after the bytes that there is room for, and says that there is more', async () => {
      for (let i = 0; i < 4; i++)
        await submit({ args: { type: 'application/json', size: 60_000, bytes: Buffer.alloc(60_000) } });
      for (let i = 0; i < 300; i++) await submit();
      const { ref } = await session();
      expect(await claim(ref, 2)).toMatchObject({ more: true, tasks: { length: 2 } });
      const some = await claim(ref, 1_000, 100_000);
      expect(some.more).toBe(true);
      expect(some.tasks.length).toBeLessThan(200);
      const rest = await claim(ref, 1_000);
      expect(rest.more).toBe(false);
      expect(some.tasks.length + rest.tasks.length).toBe(302);
    });

    it('gives the agent all it needs', async () => {
      const map = 'c'.repeat(64);
      await store.addBlob({ digest: map, size: 3, holder: owner, now });
      const details = { kind: 'async', mapDigest: map } as const;
      const two = 'd'.repeat(64);
      await store.addBlob({ digest: two, size: 3, holder: owner, now });
      await store.registerFunction({ owner, id: newId(), now, name: 'f', digest: two, details });
      const id = await submit({ timeoutMs: 500 });
      const { ref } = await session();
      const [sent] = (await claim(ref)).tasks;
      expect(sent).toMatchObject({
        task: id,
        attempt: 1,
        digest: two,
        mapDigest: map,
        name: 'f',
        kind: 'async',
        timeoutMs: 500,
        args: { type: 'application/json', size: 2 },
      });
      expect(Buffer.from((sent!.args as { bytes: Uint8Array }).bytes).toString()).toBe('[]');
      expect(await store.findBlob({ digest: two, holder: endpoint, now })).toBe(3);
      expect(await store.findBlob({ digest: map, holder: endpoint, now })).toBe(3);
    });

    it('expires what is past its deadline instead of sending it, and finds expired ones by itself', async () => {
      const late = await submit({ deadline: now + 10 });
      const good = await submit();
      pass(11);
      const { ref } = await session();
      expect((await claim(ref, 1)).tasks.map(t => t.task)).toEqual([good]);
      expect(await get(late)).toMatchObject({ state: 'expired', error: { code: 'task-expired' } });
      const alone = await submit({ deadline: now + 10 });
      pass(11);
      await store.sweep({ now, limit: 100 });
      expect((await get(alone)).state).toBe('expired');
    });

    it('lets a task that started in time finish after its deadline', async () => {
      const id = await submit({ deadline: now + 10 });
      const { ref } = await session();
      await claim(ref);
      pass(11);
      await store.sweep({ now, limit: 100 });
      expect(await complete(ref, end(id, 1))).toEqual(['confirm']);
      expect((await get(id)).state).toBe('succeeded');
    });
  });

  describe('the fence', () => {
    it('confirms a result once for good, again for the same, and calls another one stale', async () => {
      const id = await submit();
      const { ref } = await session();
      await claim(ref);
      expect(await complete(ref, end(id, 1))).toEqual(['confirm']);
      expect(await complete(ref, end(id, 1))).toEqual(['confirm']);
      const other = { type: 'application/json', size: 1, bytes: Buffer.from('8') } as const;
      expect(await complete(ref, end(id, 1, { value: other }))).toEqual(['stale']);
      expect(
        await complete(ref, end(id, 1, { outcome: 'failed', error: { code: 'function-threw', message: 'no' } })),
      ).toEqual(['stale']);
      const result = await store.result({ owner, id });
      expect(result).toMatchObject({ task: id, attempt: 1, state: 'succeeded', timings: { runMs: 1 } });
      expect(Buffer.from((result.value as { bytes: Uint8Array }).bytes).toString()).toBe('7');
      expect(await states(id)).toEqual(['queued', 'leased', 'running', 'succeeded']);
    });

    it('refuses another attempt, an unknown task, and a task of another endpoint', async () => {
      const id = await submit();
      const { ref } = await session();
      await claim(ref);
      expect(await complete(ref, end(id, 2), end(newId(), 1))).toEqual(['stale', 'stale']);
      const two = await store.createEndpoint({ owner, id: newId(), now, name: 'two', tokenHash: 'two' });
      const opened = await store.openSession({
        endpoint: two.id,
        tokenHash: 'two',
        session: newId(),
        now,
        leaseMs,
        host: HOST,
        workers: WORKERS,
      });
      expect(await complete({ endpoint: two.id, epoch: opened.epoch }, end(id, 1))).toEqual(['stale']);
      expect((await get(id)).state).toBe('leased');
    });

    it('refuses everything of a session that was superseded', async () => {
      const id = await submit();
      const old = (await session()).ref;
      await claim(old);
      const { ref } = await session([[id, 1, 'accepted']]);
      expect(ref.epoch).toBe(old.epoch + 1);
      const attempt = { task: id, attempt: 1 };
      expect(await store.claim({ ...old, now, limit: 1 })).toBe('superseded');
      expect(await complete(old, end(id, 1))).toBe('superseded');
      expect(await store.appendOutput({ ...old, chunks: [] })).toBe('superseded');
      expect(await store.beat({ ...old, now, leaseMs })).toBe(false);
      expect(await store.start({ ...old, now, attempts: [{ ...attempt, startedAt: now }] })).toBe(false);
      expect(await store.lose({ ...old, now, attempts: [{ ...attempt, reason: '', workerDied: true }] })).toBe(false);
      expect(await store.preparing({ ...old, ...attempt, now, text: '' })).toBe(false);
      expect(await store.setStatus({ ...old, now, workers: WORKERS })).toBe(false);
      expect(await store.release({ ...old, now, limit: 10 })).toBe('superseded');
      expect(await store.reconcile({ ...old, now, have: [] })).toBe('superseded');
      expect(await store.held({ ...old, after: 0, limit: 1 })).toBe('superseded');
      expect(await store.reclaim({ ...old, now, attempts: [attempt] })).toBe('superseded');
      expect(await store.closeSession({ ...old, now })).toBe(false);
      expect((await get(id)).state).toBe('leased');
      expect((await store.getEndpoint({ owner, id: endpoint })).status.state).toBe('online');
      expect(await complete(ref, end(id, 1))).toEqual(['confirm']);
    });

    it('takes no value by the name of a blob that the agent did not upload, and passes one on that it did', async () => {
      const blob = 'e'.repeat(64);
      const id = await submit();
      const { ref } = await session();
      await claim(ref);
      const value = { type: 'application/json', size: 99, blob } as const;
      expect(await complete(ref, end(id, 1, { value }))).toEqual(['blob-unknown']);
      await store.addBlob({ digest: blob, size: 99, holder: endpoint, now });
      expect(await complete(ref, end(id, 1, { value }))).toEqual(['confirm']);
      expect(await store.findBlob({ digest: blob, holder: owner, now })).toBe(99);
      expect((await store.result({ owner, id })).value).toEqual(value);
    });
  });

  describe('cancellation', () => {
    it('ends a queued task at once, and again changes nothing', async () => {
      const id = await submit();
      expect((await store.cancel({ owner, id, now })).state).toBe('cancelled');
      expect((await store.cancel({ owner, id, now })).state).toBe('cancelled');
      expect(await states(id)).toEqual(['queued', 'cancelled']);
      expect((await store.result({ owner, id })).error).toMatchObject({ code: 'task-cancelled' });
      const { ref } = await session();
      expect((await claim(ref)).tasks).toEqual([]);
    });

    it('flags a running task, tells its session, and ends it when the agent has stopped it', async () => {
      const id = await submit();
      const { ref } = await session();
      await claim(ref);
      expect(await store.cancel({ owner, id, now })).toMatchObject({
        state: 'cancelling',
        wait: { reason: 'cancelling' },
      });
      const cancels = await until(
        'the cancel is told',
        () => notices.find(notice => notice.cancels.length > 0)?.cancels,
      );
      expect(cancels).toEqual([{ endpoint, task: id, attempt: 1 }]);
      expect(await complete(ref, end(id, 1, { outcome: 'cancelled', value: undefined }))).toEqual(['confirm']);
      expect((await get(id)).state).toBe('cancelled');
    });

    it('tells the agent that came back with a task that was put back and is cancelled then', async () => {
      const id = await submit();
      await claim((await session()).ref);
      pass(leaseMs + 1);
      await sweepTwice();
      const { ref, keep } = await session([[id, 1, 'started']]);
      expect(keep).toEqual([[id, 1]]);
      expect((await store.cancel({ owner, id, now })).state).toBe('cancelled');
      const cancels = await until(
        'the cancel is told',
        () => notices.find(notice => notice.cancels.length > 0)?.cancels,
      );
      expect(cancels).toEqual([{ endpoint, task: id, attempt: 1 }]);
      expect(await complete(ref, end(id, 1, { outcome: 'cancelled', value: undefined }))).toEqual(['stale']);
    });

    it('lets a result count that was faster', async () => {
      const id = await submit();
      const { ref } = await session();
      await claim(ref);
      await store.cancel({ owner, id, now });
      expect(await complete(ref, end(id, 1))).toEqual(['confirm']);
      expect((await get(id)).state).toBe('succeeded');
      expect(await refusal(store.cancel({ owner, id, now }))).toBe('task-ended');
    });

    it('never puts a cancelled task back', async () => {
      const id = await submit();
      const { ref } = await session();
      await claim(ref);
      await store.cancel({ owner, id, now });
      pass(leaseMs + 1);
      await sweepTwice();
      expect((await get(id)).state).toBe('cancelled');
    });
  });

  describe('poison', () => {
    it('fails a task that brought down two workers, and counts disconnects apart', async () => {
      const id = await submit({ maxAttempts: 9 });
      const { ref } = await session();
      const lose = async (workerDied: boolean) => {
        pass(60_000);
        const [sent] = (await claim(ref)).tasks;
        const { task: t, attempt } = sent!;
        await store.lose({ ...ref, now, attempts: [{ task: t, attempt, reason: 'signal 9', workerDied }] });
      };
      await lose(true);
      await lose(false);
      await lose(false);
      expect((await get(id)).state).toBe('queued');
      await lose(true);
      expect(await get(id)).toMatchObject({ state: 'failed', attempt: 4, error: { code: 'task-poison' } });
    });
  });
}
