import { describe, expect, it } from 'vitest';
import { newId } from '../../../../protocol/ids.ts';
import { limits } from '../../../../protocol/limits.ts';
import { WORKERS } from '../../../support/raw-agent.ts';
import { until } from '../../../support/until.ts';
import {
  claim,
  complete,
  end,
  endpoint,
  eventsAfter,
  fn,
  get,
  notices,
  now,
  owner,
  pass,
  refusal,
  session,
  store,
  submit,
  use,
} from '../harness.ts';

export function reading(): void {
  describe('waits', () => {
    it('says why a task waits', async () => {
      const id = await submit();
      expect((await get(id)).wait).toMatchObject({ reason: 'endpoint-new', since: now });
      const since = now;
      pass(5);
      const { ref } = await session();
      const second = await submit();
      const third = await submit();
      expect((await get(id)).wait).toMatchObject({ reason: 'no-free-worker', since });
      expect((await get(second)).wait).toMatchObject({
        reason: 'tasks-ahead',
        text: '1 task is ahead on lab.',
        since: now,
      });
      const page = await store.listTasks({ owner, now, limit: 10 });
      expect(page.items.map(({ id: t, wait }) => [t, wait?.text])).toEqual([
        [third, '2 tasks are ahead on lab.'],
        [second, '1 task is ahead on lab.'],
        [id, 'Next in line; no worker of lab is free.'],
      ]);
      await claim(ref, 1);
      expect((await get(id)).wait?.reason).toBe('preparing');
      await store.preparing({ ...ref, now, task: id, attempt: 1, text: 'Fetching the bundle.' });
      expect((await get(id)).wait).toMatchObject({ reason: 'preparing', text: 'Fetching the bundle.' });
      await store.start({ ...ref, now, attempts: [{ task: id, attempt: 1, startedAt: now }] });
      expect((await get(id)).wait).toBeUndefined();
      await store.setStatus({ ...ref, now, workers: WORKERS, problem: 'The disk is full.' });
      expect((await get(second)).wait).toMatchObject({ reason: 'no-free-worker', text: 'The disk is full.' });
      await store.closeSession({ ...ref, now: now + 1 });
      expect((await get(second)).wait).toMatchObject({ reason: 'endpoint-offline', since: now + 1 });
    });
  });

  describe('lists', () => {
    it('pages newest first, with filters, without gaps or repeats', async () => {
      const ids: string[] = [];
      for (let i = 0; i < 5; i++) ids.unshift(await submit());
      const { ref } = await session();
      await claim(ref, 2);
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await store.listTasks({ owner, now, limit: 2, cursor });
        seen.push(...page.items.map(({ id }) => id));
        cursor = page.next;
      } while (cursor);
      expect(seen).toEqual(ids);
      const listed = async (query: object) =>
        (await store.listTasks({ owner, now, limit: 10, ...query })).items.map(({ id }) => id);
      expect(await listed({ state: 'leased' })).toEqual(ids.slice(3));
      expect(await listed({ state: 'queued' })).toEqual(ids.slice(0, 3));
      expect(await listed({ state: 'succeeded' })).toEqual([]);
      await complete(ref, end(ids[4]!, 1));
      expect(await listed({ state: 'succeeded' })).toEqual([ids[4]]);
      expect(await listed({ state: 'succeeded', endpoint })).toEqual([ids[4]]);
      expect(await listed({ endpoint })).toEqual(ids);
      expect(await listed({ function: fn })).toEqual(ids);
      expect(await listed({ function: newId() })).toEqual([]);
      expect(await listed({ endpoint: newId(), state: 'queued' })).toEqual([]);
      expect(await refusal(store.listTasks({ owner, now, limit: 1, cursor: 'what' }))).toBe('request-invalid');
    });
  });

  describe('output', () => {
    const chunk = (id: string, seq: number, text: string, attempt = 1) => ({
      task: id,
      attempt,
      seq,
      at: now,
      stream: 'stdout' as const,
      bytes: Buffer.from(text),
    });

    it('keeps the chunks of the newest attempt, each once, from a number on', async () => {
      const id = await submit();
      const { ref } = await session();
      await claim(ref);
      const owners = await store.appendOutput({
        ...ref,
        chunks: [chunk(id, 0, 'a'), chunk(id, 1, 'b'), chunk(id, 1, 'b'), chunk(id, 0, 'x', 2), chunk(newId(), 0, 'x')],
      });
      expect(owners).toEqual([owner, owner, null, null, null]);
      const item = { ...chunk(id, 2, '[1]'), stream: 'item' as const, type: 'application/json' as const };
      await store.appendOutput({ ...ref, chunks: [item] });
      expect(await store.output({ owner, id, from: 1 })).toEqual({
        droppedBytes: 0,
        chunks: [
          { attempt: 1, seq: 1, at: now, stream: 'stdout', text: 'b' },
          { attempt: 1, seq: 2, at: now, stream: 'item', value: { type: 'application/json', text: '[1]' } },
        ],
      });
      await store.lose({ ...ref, now, attempts: [{ task: id, attempt: 1, reason: '', workerDied: false }] });
      pass(1_000);
      await claim(ref);
      await store.appendOutput({ ...ref, chunks: [chunk(id, 0, 'new', 2)] });
      expect((await store.output({ owner, id, from: 0 })).chunks).toMatchObject([{ attempt: 2, text: 'new' }]);
    });

    it('keeps a bounded tail and says how much is gone', async () => {
      const id = await submit();
      const { ref } = await session();
      await claim(ref);
      const text = 'x'.repeat(limits.outputChunk);
      const count = 64;
      for (let seq = 0; seq < count; seq++) await store.appendOutput({ ...ref, chunks: [chunk(id, seq, text)] });
      const { chunks, droppedBytes } = await store.output({ owner, id, from: 0 });
      expect(droppedBytes).toBe((count - chunks.length) * text.length);
      expect(chunks.at(-1)!.seq).toBe(count - 1);
      expect(chunks.length * text.length).toBeLessThanOrEqual(1.25 * limits.outputTail);
      expect(chunks.length * text.length).toBeGreaterThan(limits.outputTail / 2);
      await store.appendOutput({ ...ref, chunks: [chunk(id, count, 'y'.repeat(limits.inlinePayload + 1))] });
      expect((await store.output({ owner, id, from: 0 })).droppedBytes).toBe(droppedBytes + limits.inlinePayload + 1);
    });
  });

  describe('events', () => {
    it('numbers every change per owner and replays the newest state of each thing', async () => {
      const { head } = await eventsAfter(0);
      const id = await submit();
      const { ref } = await session();
      await claim(ref);
      await complete(ref, end(id, 1));
      const batch = await eventsAfter(head);
      expect(batch.events.map(({ t }) => t).sort()).toEqual(['endpoint', 'task']);
      expect(batch.events.find(({ t }) => t === 'task')).toMatchObject({ task: { id, state: 'succeeded' } });
      expect(batch.through).toBe(batch.head);
      await until('the newest number is told', () => notices.at(-1)?.heads[owner] === batch.head);
      expect((await eventsAfter(batch.head)).events).toEqual([]);
      const seqs = batch.events.map(({ seq }) => seq);
      expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    });

    it('gives long replays in parts', async () => {
      const { head } = await eventsAfter(0);
      const ids = [];
      for (let i = 0; i < 7; i++) ids.push(await submit());
      const seen: string[] = [];
      for (let at = head; ; ) {
        const { events, through, head: newest } = await eventsAfter(at, 3);
        for (const event of events) if (event.t === 'task') seen.push(event.task.id);
        at = through;
        if (at >= newest) break;
      }
      expect(seen).toEqual(ids);
    });

    it('tells of deletions, and how far back it can', async () => {
      await use({ eventsKept: 3 });
      const { head } = await store.eventRange({ owner });
      await store.deleteFunction({ owner, id: fn, now });
      await store.deleteEndpoint({ owner, id: endpoint, now });
      expect((await eventsAfter(head)).events).toEqual([
        { t: 'function-deleted', seq: head + 1, id: fn },
        { t: 'endpoint-deleted', seq: head + 2, id: endpoint },
      ]);
      expect(await store.eventRange({ owner })).toEqual({ head: head + 2, floor: head - 1 });
    });

    it("keeps one owner's events from another", async () => {
      const other = (await store.createUser({ id: newId(), name: 'ann', tokenHash: 'ann', now })).id;
      await submit();
      expect(await eventsAfter(0, 10, other)).toMatchObject({ events: [], head: 0 });
    });
  });
}
