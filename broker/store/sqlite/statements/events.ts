import type { BrokerEvent } from '../../../../protocol/client-broker/events.ts';
import {
  type EndpointRow,
  type FunctionRow,
  Queues,
  SELECT_ENDPOINT,
  SELECT_FUNCTION,
  SELECT_TASK_RECORD,
  type TaskRecordRow,
  toEndpointRecord,
  toFunctionRecord,
  toTaskRecord,
} from '../records.ts';
import type { VerbGroup } from './principals.ts';

// Statements that run for each task or commit are made once: a text put together at each call has to be hashed anew.
const CHANGED_TASKS = `${SELECT_TASK_RECORD} INDEXED BY tasks_changed WHERE owner = ? AND seq > ? ORDER BY seq LIMIT +?`;
const CHANGED_ENDPOINTS = `${SELECT_ENDPOINT} WHERE e.owner = ? AND e.seq > ? AND e.deleted = 0 ORDER BY e.seq LIMIT +?`;
const CHANGED_FUNCTIONS = `${SELECT_FUNCTION} WHERE f.owner = ? AND f.seq > ? AND f.deleted = 0 ORDER BY f.seq LIMIT +?`;

/** Bytes in one frame, above which it takes nothing more; records of functions have schemas of up to 256 KiB. */
const FRAME_BYTES = 1024 * 1024;

export const events = {
  events(ctx, { owner: ownerId, after, limit, now }) {
    const owner = ctx.owner(ownerId);
    const head = ctx.head(owner);
    if (after >= head) return { frame: Buffer.from('[]'), count: 0, through: head, head };

    const tasks = ctx.all<TaskRecordRow>(CHANGED_TASKS, owner, after, limit);
    const endpoints = ctx.all<EndpointRow>(CHANGED_ENDPOINTS, owner, after, limit);
    const functions = ctx.all<FunctionRow>(CHANGED_FUNCTIONS, owner, after, limit);
    const deletions = ctx.all<{ seq: number; kind: 'function' | 'endpoint'; id: string }>(
      'SELECT seq, kind, id FROM deletions WHERE owner = ? AND seq > ? ORDER BY seq LIMIT +?',
      owner,
      after,
      limit,
    );

    const queues = new Queues(ctx, now);
    const merged: BrokerEvent[] = [
      ...tasks.map(row => ({ t: 'task' as const, seq: row.seq, task: toTaskRecord(ctx, row, queues) })),
      ...endpoints.map(row => ({ t: 'endpoint' as const, seq: row.seq, endpoint: toEndpointRecord(row) })),
      ...functions.map(row => ({ t: 'function' as const, seq: row.seq, function: toFunctionRecord(row) })),
      ...deletions.map(({ seq, kind, id }) => ({ t: `${kind}-deleted` as const, seq, id })),
    ].sort((a, b) => a.seq - b.seq);
    const texts: string[] = [];
    let length = 0;
    for (const event of merged.slice(0, limit)) {
      if (length > FRAME_BYTES) break;
      texts.push(JSON.stringify(event));
      length += texts.at(-1)!.length;
    }
    return {
      // Text made here is made off the broker's main thread, and goes through that as bytes.
      frame: Buffer.from(`[${texts.join(',')}]`),
      count: texts.length,
      through: texts.length === merged.length && merged.length < limit ? head : merged[texts.length - 1]!.seq,
      head,
    };
  },

  eventRange(ctx, { owner }) {
    const num = ctx.owner(owner);
    const head = ctx.head(num);
    const { floor } = ctx.get<{ floor: number }>('SELECT floor FROM principals WHERE num = ?', num)!;
    return { head, floor: Math.max(floor, head - ctx.policy.eventsKept) };
  },
} satisfies VerbGroup<'events' | 'eventRange'>;
