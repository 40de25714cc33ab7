import * as z from 'zod';
import {
  OutputQuery,
  SubmitQuery,
  SubmitTasks,
  SubmittedIds,
  SubmittedTasks,
  TaskHistory,
  TaskOutput,
  TaskPage,
  TaskQuery,
  TaskRecord,
  TaskResult,
  WaitQuery,
} from '../../../protocol/client-broker/tasks.ts';
import { Id } from '../../../protocol/ids.ts';
import { isTerminal } from '../../../protocol/tasks/states.ts';
import { toJsonPayload } from '../../../protocol/values/payload.ts';
import type { StoredValue } from '../../store/contract.ts';
import { toTasks } from '../../submission.ts';
import type { Routes } from '../app.ts';
import { taskReader } from '../gone.ts';

const tags = ['tasks'];
const params = z.object({ id: Id });

export const taskRoutes: Routes = (app, services) => {
  const { store, clock, hub, sessions } = services;
  const found = taskReader(services);

  app.post(
    '/v1/tasks',
    {
      schema: {
        summary: 'Submits tasks, all or none; answered once they are durable',
        tags,
        body: SubmitTasks,
        querystring: SubmitQuery,
        response: { 201: z.union([SubmittedTasks, SubmittedIds]) },
      },
    },
    async ({ body, query, holder: { owner } }, reply) => {
      const tasks = await toTasks(body.tasks, owner, services);
      // failpoint: broker.submit.received
      const request = { owner, now: clock.now(), tasks };
      const submitted =
        query.answer === 'ids'
          ? store.submitForIds(request).then(ids => ({ ids }))
          : store.submit(request).then(records => ({ tasks: records }));
      // Asked for in the same turn, so that submission and claim are one commit where there is credit.
      for (const endpoint of new Set(tasks.map(task => task.endpoint))) sessions.pump(endpoint);
      const answer = await submitted;
      // failpoint: broker.submit.answering
      return reply.code(201).send(answer);
    },
  );

  app.get(
    '/v1/tasks',
    { schema: { summary: 'Tasks, newest first', tags, querystring: TaskQuery, response: { 200: TaskPage } } },
    ({ query, holder }) => store.listTasks({ ...query, owner: holder.owner, now: clock.now() }),
  );

  app.get(
    '/v1/tasks/:id',
    { schema: { summary: 'One task', tags, params, response: { 200: TaskRecord } } },
    ({ params: { id }, holder }) => found(id, store.getTask({ owner: holder.owner, id, now: clock.now() })),
  );

  app.post(
    '/v1/tasks/:id/cancel',
    { schema: { summary: 'Cancels a task', tags, params, response: { 200: TaskRecord } } },
    ({ params: { id }, holder }) => found(id, store.cancel({ owner: holder.owner, id, now: clock.now() })),
  );

  app.get(
    '/v1/tasks/:id/wait',
    {
      schema: {
        summary: 'The task once it has ended, or after `ms` as it is then',
        tags,
        params,
        querystring: WaitQuery,
        response: { 200: TaskRecord },
      },
    },
    async ({ params: { id }, query, holder: { owner }, raw }) => {
      // Watched before it is read: an end in between is not missed.
      const watch = hub.watch(id, query.ms);
      raw.socket.once('close', watch.stop);
      try {
        const task = await found(id, store.getTask({ owner, id, now: clock.now() }));
        if (isTerminal(task.state)) return task;
        await watch.ended;
        return await found(id, store.getTask({ owner, id, now: clock.now() }));
      } finally {
        raw.socket.off('close', watch.stop);
        watch.stop();
      }
    },
  );

  app.get(
    '/v1/tasks/:id/history',
    { schema: { summary: 'Every change of state, oldest first', tags, params, response: { 200: TaskHistory } } },
    async ({ params: { id }, holder }) => ({
      entries: await found(id, store.history({ owner: holder.owner, id })),
    }),
  );

  app.get(
    '/v1/tasks/:id/output',
    {
      schema: {
        summary: 'The tail of what the newest attempt printed and yielded',
        tags,
        params,
        querystring: OutputQuery,
        response: { 200: TaskOutput },
      },
    },
    ({ params: { id }, query: { from }, holder }) => found(id, store.output({ owner: holder.owner, id, from })),
  );

  app.get(
    '/v1/tasks/:id/result',
    { schema: { summary: 'What the task returned or threw', tags, params, response: { 200: TaskResult } } },
    async ({ params: { id }, holder }) => {
      const { value, ...result } = await found(id, store.result({ owner: holder.owner, id }));
      return value ? { ...result, value: toPayload(value) } : result;
    },
  );
};

const toPayload = (value: StoredValue) => ('blob' in value ? value : toJsonPayload(value));
