import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type {
  BrokerStore,
  CommitNotice,
  EndedAttempt,
  SessionRef,
  StorePolicy,
  TaskToSubmit,
} from '../../../broker/store/contract.ts';
import type { RunaboutError } from '../../../protocol/errors/error.ts';
import { newId } from '../../../protocol/ids.ts';
import { limits } from '../../../protocol/limits.ts';
import { HOST, WORKERS } from '../../support/raw-agent.ts';

/** What every implementation of the store has to do. `open` gives a new, empty one. */
export function conformance(name: string, open: (policy?: Partial<StorePolicy>) => Promise<BrokerStore>): void {
  describe(`${name} as a store`, () => {
    const digest = 'a'.repeat(64);
    const leaseMs = 1_000;
    let store: BrokerStore;
    let notices: CommitNotice[];
    let owner: string;
    let fn: string;
    let endpoint: string;
    /** The clock of the test. */
    let now: number;

    const use = async (policy?: Partial<StorePolicy>) => {
      store = await open(policy);
      const opened = store;
      onTestFinished(() => opened.close());
      notices = [];
      store.onCommit(notice => notices.push(notice));
      now = 1_000_000;
      owner = (await store.setOwner({ id: newId(), name: 'owner', tokenHash: 'owner', now })).id;
      await store.addBlob({ digest, size: 10, holder: owner, now });
      const registered = await store.registerFunction({
        owner,
        id: newId(),
        now,
        name: 'f',
        digest,
        details: { kind: 'sync' },
      });
      fn = registered.function.id;
      endpoint = (await store.createEndpoint({ owner, id: newId(), now, name: 'lab', tokenHash: 'agent' })).id;
    };

    beforeEach(() => use());

    const task = (more: Partial<TaskToSubmit> = {}): TaskToSubmit => ({
      id: newId(),
      function: { id: fn },
      endpoint,
      args: { type: 'application/json', size: 2, bytes: Buffer.from('[]') },
      maxAttempts: 3,
      priority: 0,
      ...more,
    });
    const submit = async (more?: Partial<TaskToSubmit>) =>
      (await store.submit({ owner, now, tasks: [task(more)] }))[0]!.id;
    const session = async (have: [string, number, 'accepted' | 'started' | 'ended'][] = []) => {
      const opened = await store.openSession({
        endpoint,
        tokenHash: 'agent',
        session: newId(),
        now,
        leaseMs,
        host: HOST,
        workers: WORKERS,
        have,
      });
      return { ...opened, ref: { endpoint, epoch: opened.epoch } };
    };
    const claim = async (ref: SessionRef, limit = 10) => {
      const claimed = await store.claim({ ...ref, now, limit });
      if (claimed === 'superseded') throw new Error('superseded');
      return claimed;
    };
    const end = (id: string, attempt: number, more: Partial<EndedAttempt> = {}): EndedAttempt => ({
      task: id,
      attempt,
      outcome: 'succeeded',
      started: true,
      value: { type: 'application/json', size: 1, bytes: Buffer.from('7') },
      timings: { loadMs: 0, runMs: 1, agentMs: 2 },
      ...more,
    });
    const complete = (ref: SessionRef, ...results: EndedAttempt[]) => store.complete({ ...ref, now, results });
    const get = (id: string) => store.getTask({ owner, id, now });
    const states = async (id: string) => (await store.history({ owner, id })).map(entry => entry.state);
    const refusal = (promise: Promise<unknown>) =>
      promise.then(
        () => 'no error',
        (error: RunaboutError) => error.code,
      );
    /** Sweeps twice: the first pass marks, the second takes back. */
    const sweepTwice = async () => {
      await store.sweep({ now, limit: 100 });
      await store.sweep({ now, limit: 100 });
    };

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
        expect(await store.findBlob({ digest: args.blob, holder: endpoint })).toBe(11);
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
        expect(await store.findBlob({ digest: two, holder: endpoint })).toBe(3);
        expect(await store.findBlob({ digest: map, holder: endpoint })).toBe(3);
      });

      it('expires what is past its deadline instead of sending it, and finds expired ones by itself', async () => {
        const late = await submit({ deadline: now + 10 });
        const good = await submit();
        now += 11;
        const { ref } = await session();
        expect((await claim(ref, 1)).tasks.map(t => t.task)).toEqual([good]);
        expect(await get(late)).toMatchObject({ state: 'expired', error: { code: 'task-expired' } });
        const alone = await submit({ deadline: now + 10 });
        now += 11;
        await store.sweep({ now, limit: 100 });
        expect((await get(alone)).state).toBe('expired');
      });

      it('lets a task that started in time finish after its deadline', async () => {
        const id = await submit({ deadline: now + 10 });
        const { ref } = await session();
        await claim(ref);
        now += 11;
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
          have: [],
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
        expect(await store.start({ ...old, now, attempts: [attempt] })).toBe(false);
        expect(await store.lose({ ...old, now, attempts: [{ ...attempt, reason: '', workerDied: true }] })).toBe(false);
        expect(await store.preparing({ ...old, ...attempt, now, text: '' })).toBe(false);
        expect(await store.setStatus({ ...old, now, workers: WORKERS })).toBe(false);
        expect(await store.release({ ...old, now })).toBe(false);
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
        expect(await store.findBlob({ digest: blob, holder: owner })).toBe(99);
        expect((await store.result({ owner, id })).value).toEqual(value);
      });
    });

    describe('leases', () => {
      it('takes back what a silent session holds, in two passes, after a pause that grows', async () => {
        const id = await submit();
        const { ref } = await session();
        await claim(ref);
        now += leaseMs + 1;
        expect(await store.sweep({ now, limit: 100 })).toEqual({ lapsed: [ref], more: false });
        expect((await get(id)).state).toBe('leased');
        expect(await store.sweep({ now, limit: 100 })).toEqual({ lapsed: [], more: false });
        const back = await get(id);
        expect(back).toMatchObject({ state: 'queued', wait: { reason: 'endpoint-offline' } });

        const again = (await session()).ref;
        expect(await claim(again)).toEqual({ tasks: [], nextAt: now + 1_000 });
        expect((await get(id)).wait).toMatchObject({
          reason: 'retry',
          text: expect.stringContaining('Attempt 1 was lost'),
        });
        now += 1_000;
        expect((await claim(again)).tasks).toMatchObject([{ task: id, attempt: 2 }]);
        await store.lose({ ...again, now, attempts: [{ task: id, attempt: 2, reason: 'x', workerDied: false }] });
        expect(await claim(again)).toEqual({ tasks: [], nextAt: now + 2_000 });
      });

      it('leaves everything to a session that is heard between the passes', async () => {
        const id = await submit();
        const { ref } = await session();
        await claim(ref);
        now += leaseMs + 1;
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
        now += 1_000;
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
        now += leaseMs + 1;
        await sweepTwice();
        expect((await get(kept)).state).toBe('leased');
        expect(await complete(ref, end(kept, 1))).toEqual(['confirm']);
        now += 5_000;
        await sweepTwice();
        expect((await get(kept)).state).toBe('succeeded');
        expect((await get(gone)).state).toBe('lost');
      });

      it('takes the result of an attempt that lost its lease, until the task is claimed again', async () => {
        const [early, late] = [await submit(), await submit()];
        const { ref } = await session();
        await claim(ref);
        now += leaseMs + 1;
        await sweepTwice();
        expect((await get(early)).state).toBe('queued');
        expect(await complete(ref, end(early, 1))).toEqual(['confirm']);
        expect((await get(early)).state).toBe('succeeded');
        now += 1_000;
        expect((await claim(ref)).tasks).toMatchObject([{ task: late, attempt: 2 }]);
        expect(await complete(ref, end(late, 1))).toEqual(['stale']);
      });

      it('costs no task its lease that the broker itself was away', async () => {
        const id = await submit();
        const { ref } = await session();
        await claim(ref);
        now += 10 * leaseMs;
        await store.recover({ now, leaseMs });
        await sweepTwice();
        expect((await get(id)).state).toBe('leased');
        expect((await store.getEndpoint({ owner, id: endpoint })).status).toMatchObject({
          state: 'offline',
          since: now,
        });
        now += leaseMs + 1;
        await sweepTwice();
        expect((await get(id)).state).toBe('queued');
      });

      it('puts back at once what an agent held that stopped in order, and counts only what had started', async () => {
        const [ran, waited] = [await submit({ maxAttempts: 2 }), await submit({ maxAttempts: 1 })];
        const { ref } = await session();
        await claim(ref);
        await store.start({ ...ref, now, attempts: [{ task: ran, attempt: 1 }] });
        expect(await store.release({ ...ref, now })).toBe(true);
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
        await store.start({ ...ref, now, attempts: [runningOnly, cancelling].map(id => ({ task: id, attempt: 1 })) });
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
        now += leaseMs + 1;
        await sweepTwice();
        now += 1_000;
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
        expect(notices.flatMap(({ cancels }) => cancels)).toEqual([{ endpoint, task: id, attempt: 1 }]);
        expect(await complete(ref, end(id, 1, { outcome: 'cancelled', value: undefined }))).toEqual(['confirm']);
        expect((await get(id)).state).toBe('cancelled');
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
        now += leaseMs + 1;
        await sweepTwice();
        expect((await get(id)).state).toBe('cancelled');
      });
    });

    describe('poison', () => {
      it('fails a task that brought down two workers, and counts disconnects apart', async () => {
        const id = await submit({ maxAttempts: 9 });
        const { ref } = await session();
        const lose = async (workerDied: boolean) => {
          now += 60_000;
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

    describe('waits', () => {
      it('says why a task waits', async () => {
        const id = await submit();
        expect((await get(id)).wait).toMatchObject({ reason: 'endpoint-new', since: now });
        const since = now;
        now += 5;
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
        await store.start({ ...ref, now, attempts: [{ task: id, attempt: 1 }] });
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
        for (let i = 0; i < 3; i++)
          await store.submit({ owner, now, tasks: Array.from({ length: 500 }, () => task()) });
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
          chunks: [
            chunk(id, 0, 'a'),
            chunk(id, 1, 'b'),
            chunk(id, 1, 'b'),
            chunk(id, 0, 'x', 2),
            chunk(newId(), 0, 'x'),
          ],
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
        now += 1_000;
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
      const since = (after: number, limit = 100) => store.events({ owner, after, limit, now });

      it('numbers every change per owner and replays the newest state of each thing', async () => {
        const { head } = await since(0);
        const id = await submit();
        const { ref } = await session();
        await claim(ref);
        await complete(ref, end(id, 1));
        const batch = await since(head);
        expect(batch.events.map(({ t }) => t).sort()).toEqual(['endpoint', 'task']);
        expect(batch.events.find(({ t }) => t === 'task')).toMatchObject({ task: { id, state: 'succeeded' } });
        expect(batch.through).toBe(batch.head);
        expect(notices.at(-1)!.heads).toEqual({ [owner]: batch.head });
        expect((await since(batch.head)).events).toEqual([]);
        const seqs = batch.events.map(({ seq }) => seq);
        expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
      });

      it('gives long replays in parts', async () => {
        const { head } = await since(0);
        const ids = [];
        for (let i = 0; i < 7; i++) ids.push(await submit());
        const seen: string[] = [];
        for (let at = head; ; ) {
          const { events, through, head: newest } = await since(at, 3);
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
        expect((await since(head)).events).toEqual([
          { t: 'function-deleted', seq: head + 1, id: fn },
          { t: 'endpoint-deleted', seq: head + 2, id: endpoint },
        ]);
        expect(await store.eventRange({ owner })).toEqual({ head: head + 2, floor: head - 1 });
      });

      it("keeps one owner's events from another", async () => {
        const other = (await store.createUser({ id: newId(), name: 'ann', tokenHash: 'ann', now })).id;
        await submit();
        expect(await store.events({ owner: other, after: 0, limit: 10, now })).toMatchObject({ events: [], head: 0 });
      });
    });

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
