import type { EndpointRecord, EndpointStatus } from '../../../protocol/client-broker/endpoints.ts';
import type { TaskRecord } from '../../../protocol/client-broker/tasks.ts';
import type { RunSummary } from '../../../protocol/editor-server/messages.ts';
import { digestOf, newId } from '../../../protocol/ids.ts';

const owner = { id: newId(), name: 'owner' };

export function endpoint(status: EndpointStatus, name = 'lab'): EndpointRecord {
  return { id: newId(), name, owner, createdAt: 0, status };
}

export function task(parts: Partial<TaskRecord>): TaskRecord {
  return {
    id: newId(),
    function: { id: newId(), name: 'stats.ts#mean', version: 1, digest: digestOf('mean'), kind: 'sync' },
    endpoint: { id: newId(), name: 'lab' },
    owner,
    state: 'queued',
    attempt: 0,
    maxAttempts: 3,
    createdAt: 0,
    ...parts,
  };
}

export function run(parts: Partial<RunSummary>): RunSummary {
  return {
    task: newId(),
    state: 'succeeded',
    endpoint: { id: newId(), name: 'lab' },
    createdAt: 0,
    text: '',
    stale: false,
    ...parts,
  };
}
