import type { BrokerEvent } from '../../../../protocol/client-broker/events.ts';
import {
  type EndpointRow,
  type FunctionRow,
  SELECT_ENDPOINT,
  SELECT_FUNCTION,
  SELECT_TASK_RECORD,
  type TaskRecordRow,
  tasksAhead,
  toEndpointRecord,
  toFunctionRecord,
  toTaskRecord,
} from '../records.ts';
import type { VerbGroup } from './principals.ts';

export const events = {
  events(ctx, { owner: ownerId, after, limit, now }) {
    const owner = ctx.owner(ownerId);
    const head = ctx.head(owner);
    if (after >= head) return { events: [], through: head, head };

    const tasks = ctx.all<TaskRecordRow>(
      `${SELECT_TASK_RECORD} WHERE t.num IN (
         SELECT num FROM tasks INDEXED BY tasks_changed WHERE owner = ? AND seq > ? ORDER BY seq LIMIT +?
       ) ORDER BY t.seq`,
      owner,
      after,
      limit,
    );
    const endpoints = ctx.all<EndpointRow>(
      `${SELECT_ENDPOINT} WHERE e.owner = ? AND e.seq > ? AND e.deleted = 0 ORDER BY e.seq LIMIT +?`,
      owner,
      after,
      limit,
    );
    const functions = ctx.all<FunctionRow>(
      `${SELECT_FUNCTION} WHERE f.owner = ? AND f.seq > ? AND f.deleted = 0 ORDER BY f.seq LIMIT +?`,
      owner,
      after,
      limit,
    );
    const deletions = ctx.all<{ seq: number; kind: 'function' | 'endpoint'; id: string }>(
      'SELECT seq, kind, id FROM deletions WHERE owner = ? AND seq > ? ORDER BY seq LIMIT +?',
      owner,
      after,
      limit,
    );

    const ahead = tasksAhead(ctx, tasks);
    const merged: BrokerEvent[] = [
      ...tasks.map(row => ({ t: 'task' as const, seq: row.seq, task: toTaskRecord(ctx, row, now, ahead(row)) })),
      ...endpoints.map(row => ({ t: 'endpoint' as const, seq: row.seq, endpoint: toEndpointRecord(row) })),
      ...functions.map(row => ({ t: 'function' as const, seq: row.seq, function: toFunctionRecord(row) })),
      ...deletions.map(({ seq, kind, id }) => ({ t: `${kind}-deleted` as const, seq, id })),
    ].sort((a, b) => a.seq - b.seq);
    if (merged.length < limit) return { events: merged, through: head, head };
    const kept = merged.slice(0, limit);
    return { events: kept, through: kept.at(-1)!.seq, head };
  },

  eventRange(ctx, { owner }) {
    const num = ctx.owner(owner);
    const head = ctx.head(num);
    const { floor } = ctx.get<{ floor: number }>('SELECT floor FROM principals WHERE num = ?', num)!;
    return { head, floor: Math.max(floor, head - ctx.policy.eventsKept) };
  },
} satisfies VerbGroup<'events' | 'eventRange'>;
