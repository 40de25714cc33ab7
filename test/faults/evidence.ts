// What a round leaves to be judged: the ledger, and what the public API says when all is quiet.
import { createHash } from 'node:crypto';
import type { BrokerClient } from '../../client/client.ts';
import type { HistoryEntry, TaskRecord } from '../../protocol/client-broker/tasks.ts';
import type { CampaignLine, ClientLine, FunctionLine } from './ledger.ts';
import type { PlannedTask } from './load.ts';

export interface TaskEvidence {
  record: TaskRecord;
  history: HistoryEntry[];
  /** Absent while it has not ended. */
  result?: {
    state: string;
    attempt: number;
    /** sha256 of the value's bytes, as the function counted it. */
    digest?: string;
    error?: { code: string; message: string };
  };
}

export interface Evidence {
  leaseMs: number;
  planned: PlannedTask[];
  functions: FunctionLine[];
  clients: ClientLine[];
  campaign: CampaignLine[];
  tasks: TaskEvidence[];
  /** What was left behind when all had stopped: processes, folders, half-written files. */
  leftovers: string[];
}

export async function readTasks(client: BrokerClient): Promise<TaskEvidence[]> {
  const records: TaskRecord[] = [];
  for (let cursor: string | undefined; ; ) {
    const { items, next } = await client.listTasks({ limit: 500, ...(cursor ? { cursor } : {}) });
    records.push(...items);
    if (!next) break;
    cursor = next;
  }
  const tasks: TaskEvidence[] = [];
  for (const record of records) tasks.push(await readTask(client, record));
  return tasks;
}

async function readTask(client: BrokerClient, record: TaskRecord): Promise<TaskEvidence> {
  const { entries: history } = await client.taskHistory(record.id);
  if (record.endedAt === undefined) return { record, history };
  const { state, attempt, value, error } = await client.taskResult(record.id);
  const digest = value && { digest: await digestOf(client, value) };
  return { record, history, result: { state, attempt, ...digest, ...(error ? { error } : {}) } };
}

/** Of JSON the bytes themselves; a binary value is the function's bytes in an envelope. */
async function digestOf(client: BrokerClient, value: Parameters<BrokerClient['decode']>[0]): Promise<string> {
  const bytes =
    value.type === 'application/json'
      ? (await client.valueBytes(value)).bytes
      : ((await client.decode(value)) as Uint8Array);
  return createHash('sha256').update(bytes).digest('hex');
}
