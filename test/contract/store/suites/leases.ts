import { describe, expect, it } from 'vitest';
import { newId } from '../../../../protocol/ids.ts';
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
  session,
  states,
  store,
  submit,
  sweepTwice,
  use,
} from '../harness.ts';

export function leases(): void {
  describe('leases', () => {
    it('takes back what a silent session holds, in two passes, after a pause that grows', async () => {
      const id = await submit();
      const { ref } = await session();
      await claim(ref);
      pass(leaseMs + 1);
      expect(await store.sweep({ now, limit: 100 })).toEqual({ lapsed: [ref], more: false });
      expect((await get(id)).state).toBe('leased');
      expect(await store.sweep({ now, limit: 100 })).toEqual({ lapsed: [], more: false });
      const back = await get(id);
      expect(back).toMatchObject({ state: 'queued', wait: { reason: 'endpoint-offline' } });

      const again = (await session()).ref;
      expect(await claim(again)).toEqual({ tasks: [], more: false, nextAt: now + 1_000 });
      expect((await get(id)).wait).toMatchObject({
        reason: 'retry',
        text: expect.stringContaining('Attempt 1 was lost'),
      });
      pass(1_000);
      expect((await claim(again)).tasks).toMatchObject([{ task: id, attempt: 2 }]);
      await store.lose({ ...again, now, attempts: [{ task: id, attempt: 2, reason: 'x', workerDied: false }] });
      expect(await claim(again)).toEqual({ tasks: [], more: false, nextAt: now + 2_000 });
    });

    it('lists what an agent should have page by page', async () => {
      const ids = [await submit(), await submit(), await submit()];
      const { ref } = await session();
      await claim(ref);
      const first = await store.held({ ...ref, after: 0, limit: 2 });
      if (first === 'superseded') throw new Error(first);
      const rest = await store.held({ ...ref, after: first.next!, limit: 2 });
      if (rest === 'superseded') throw new Error(rest);
      expect([...first.attempts, ...rest.attempts]).toEqual(ids.map(task => ({ task, attempt: 1 })));
      expect(rest).not.toHaveProperty('next');
    });

    it('claims what comes out of a pause among the others, by priority', async () => {
      const { ref } = await session();
      const [low, high] = [await submit({ priority: -1 }), await submit({ priority: 5 })];
      await claim(ref);
      const attempts = [low, high].map(id => ({ task: id, attempt: 1, reason: 'x', workerDied: false }));
      await store.lose({ ...ref, now, attempts });
      const middle = await submit();
      expect((await claim(ref)).tasks).toMatchObject([{ task: middle, attempt: 1 }]);
      const last = await submit();
      pass(1_000);
      expect((await get(low)).wait).toMatchObject({ reason: 'tasks-ahead', text: '1 task is ahead on lab.' });
      expect((await claim(ref)).tasks.map(({ task }) => task)).toEqual([high, last, low]);
    });

    it('neither pauses nor leases longer than ever when the clock was set back', async () => {
      const [paused, held] = [await submit(), await submit()];
      const { ref } = await session();
      await claim(ref);
      const attempts = [{ task: paused, attempt: 1, reason: 'x', workerDied: false }];
      await store.lose({ ...ref, now, attempts });
      pass(-100_000);
      await store.setBack({ now, leaseMs });
      expect(notices.at(-1)?.ready).toEqual([endpoint]);
      expect((await claim(ref)).tasks).toMatchObject([{ task: paused, attempt: 2 }]);
      pass(leaseMs + 1);
      await sweepTwice();
      expect((await get(held)).state).toBe('queued');
    });

    it('leaves everything to a session that is heard between the passes', async () => {
      const id = await submit();
      const { ref } = await session();
      await claim(ref);
      pass(leaseMs + 1);
      await store.sweep({ now, limit: 100 });
      expect(await store.beat({ ...ref, now, leaseMs })).toBe(true);
      await store.sweep({ now, limit: 100 });
      expect((await get(id)).state).toBe('leased');
    });

    it('ends as lost when no attempt is left', async () => {
      const id = await submit({ maxAttempts: 2 });
      const { ref } = await session();
      await claim(ref);
      await store.lose({
        ...ref,
        now,
        attempts: [{ task: id, attempt: 1, reason: 'the manager died', workerDied: false }],
      });
      pass(1_000);
      await claim(ref);
      await store.lose({
        ...ref,
        now,
        attempts: [{ task: id, attempt: 2, reason: 'the manager died', workerDied: false }],
      });
      expect(await get(id)).toMatchObject({ state: 'lost', attempt: 2, error: { code: 'task-lost' } });
      expect(await states(id)).toEqual(['queued', 'leased', 'queued', 'leased', 'lost']);
    });

    it('waits for an at-most-once task as long as the grace says, and takes its late result', async () => {
      await use({ lossGraceMs: 5_000 });
      const [kept, gone] = [await submit({ maxAttempts: 1 }), await submit({ maxAttempts: 1 })];
      const { ref } = await session();
      await claim(ref);
      pass(leaseMs + 1);
      await sweepTwice();
      expect((await get(kept)).state).toBe('leased');
      expect(await complete(ref, end(kept, 1))).toEqual(['confirm']);
      pass(5_000);
      await sweepTwice();
      expect((await get(kept)).state).toBe('succeeded');
      expect((await get(gone)).state).toBe('lost');
    });

    it('takes the result of an attempt that lost its lease, until the task is claimed again', async () => {
      const [early, late] = [await submit(), await submit()];
      const { ref } = await session();
      await claim(ref);
      pass(leaseMs + 1);
      await sweepTwice();
      expect((await get(early)).state).toBe('queued');
      expect(await complete(ref, end(early, 1))).toEqual(['confirm']);
      expect((await get(early)).state).toBe('succeeded');
      pass(1_000);
      expect((await claim(ref)).tasks).toMatchObject([{ task: late, attempt: 2 }]);
      expect(await complete(ref, end(late, 1))).toEqual(['stale']);
    });

    it('lets the agent keep an earlier result than the last while the task is queued, for the next attempt', async () => {
      const id = await submit({ maxAttempts: 3 });
      const first = await session();
      await claim(first.ref);
      pass(leaseMs + 1);
      await sweepTwice();
      pass(1_000);
      // The second attempt is claimed, and its message never arrives.
      const second = await session([[id, 1, 'started']]);
      expect((await claim(second.ref)).tasks).toMatchObject([{ task: id, attempt: 2 }]);
      pass(leaseMs + 1);
      await sweepTwice();
      for (const phase of ['started', 'ended'] as const) {
        const { ref, keep, drop } = await session([[id, 1, phase]]);
        expect({ keep, drop }).toEqual({ keep: [[id, 1]], drop: [] });
        expect(await complete(ref, end(id, 1))).toEqual(['queued']);
        expect(await complete(ref, end(id, 1, { outcome: 'cancelled', value: undefined }))).toEqual(['stale']);
      }
      const { ref } = await session([[id, 1, 'ended']]);
      pass(4_000);
      expect((await claim(ref)).tasks).toMatchObject([{ task: id, attempt: 3 }]);
      expect(await complete(ref, end(id, 3))).toEqual(['confirm']);
      expect(await get(id)).toMatchObject({ state: 'succeeded', attempt: 3 });
    });

    it('costs no task its lease that the broker itself was away', async () => {
      const id = await submit();
      const { ref } = await session();
      await claim(ref);
      pass(10 * leaseMs);
      await store.recover({ now, leaseMs });
      await sweepTwice();
      expect((await get(id)).state).toBe('leased');
      expect((await store.getEndpoint({ owner, id: endpoint })).status).toMatchObject({
        state: 'offline',
        since: now,
      });
      pass(leaseMs + 1);
      await sweepTwice();
      expect((await get(id)).state).toBe('queued');
    });

    it('puts back at once what an agent held that stopped in order, and counts only what had started', async () => {
      const [ran, waited] = [await submit({ maxAttempts: 2 }), await submit({ maxAttempts: 1 })];
      const { ref } = await session();
      await claim(ref);
      await store.start({ ...ref, now, attempts: [{ task: ran, attempt: 1, startedAt: now }] });
      expect(await store.release({ ...ref, now, limit: 1 })).toEqual({ more: true });
      expect((await store.getEndpoint({ owner, id: endpoint })).status).toMatchObject({ state: 'online', running: 1 });
      expect(await store.release({ ...ref, now, limit: 1 })).toEqual({ more: true });
      expect(await store.release({ ...ref, now, limit: 1 })).toEqual({ more: false });
      expect((await store.getEndpoint({ owner, id: endpoint })).status).toMatchObject({ state: 'offline', running: 0 });
      const next = (await session()).ref;
      expect((await claim(next)).tasks.map(t => [t.task, t.attempt])).toEqual([
        [ran, 2],
        [waited, 2],
      ]);
      await store.lose({ ...next, now, attempts: [{ task: ran, attempt: 2, reason: 'x', workerDied: false }] });
      expect((await get(ran)).state).toBe('lost');
    });
  });

  describe('reconnect', () => {
    it('keeps, drops, and sends again, each attempt as it should be', async () => {
      const ids = [];
      for (let i = 0; i < 7; i++) ids.push(await submit());
      const [both, started, brokerOnly, runningOnly, cancelling, ended, done] = ids as [
        string,
        string,
        string,
        string,
        string,
        string,
        string,
      ];
      const { ref } = await session();
      await claim(ref);
      const starts = [runningOnly, cancelling].map(id => ({ task: id, attempt: 1, startedAt: now }));
      await store.start({ ...ref, now, attempts: starts });
      await store.cancel({ owner, id: cancelling, now });
      await complete(ref, end(done, 1));
      const unknown = newId();
      const opened = await session([
        [both, 1, 'accepted'],
        [started, 1, 'started'],
        [cancelling, 1, 'started'],
        [ended, 1, 'ended'],
        [done, 1, 'ended'],
        [unknown, 1, 'started'],
      ]);
      expect(opened.keep.map(([id]) => id)).toEqual([both, started, cancelling, ended, done]);
      expect(opened.drop).toEqual([[unknown, 1]]);
      expect(opened.resend).toMatchObject([{ task: brokerOnly, attempt: 1 }]);
      expect(opened.cancels).toEqual([{ task: cancelling, attempt: 1 }]);
      expect((await get(started)).state).toBe('running');
      expect((await get(runningOnly)).state).toBe('queued');
      expect(await complete(opened.ref, end(done, 1), end(ended, 1))).toEqual(['confirm', 'confirm']);
    });

    it('drops what ended or went on meanwhile, and keeps what waits for its next claim', async () => {
      const [gone, again, queued] = [await submit(), await submit(), await submit()];
      const { ref } = await session();
      await claim(ref);
      await store.cancel({ owner, id: gone, now });
      pass(leaseMs + 1);
      await sweepTwice();
      pass(1_000);
      const next = (await session([[queued, 1, 'started']])).ref;
      expect((await claim(next, 1)).tasks).toMatchObject([{ task: again, attempt: 2 }]);
      const opened = await session([
        [gone, 1, 'started'],
        [again, 1, 'started'],
        [queued, 1, 'started'],
      ]);
      expect(opened.drop).toEqual([[gone, 1]]);
      expect(opened.keep).toEqual([
        [again, 1],
        [queued, 1],
      ]);
      expect(opened.resend).toMatchObject([{ task: again, attempt: 2 }]);
    });

    it('ends a task as cancelled whose agent came back without it', async () => {
      const id = await submit();
      const { ref } = await session();
      await claim(ref);
      await store.cancel({ owner, id, now });
      await session();
      expect((await get(id)).state).toBe('cancelled');
    });
  });
}
