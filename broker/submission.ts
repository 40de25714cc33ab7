import { createHash } from 'node:crypto';
import type { z } from 'zod';
import type { SubmitTasks } from '../protocol/client-broker/tasks.ts';
import { RunaboutError } from '../protocol/errors/error.ts';
import { newId } from '../protocol/ids.ts';
import { limits } from '../protocol/limits.ts';
import { fromJsonPayload, type JsonPayload } from '../protocol/values/payload.ts';
import type { Services } from './services.ts';
import type { StoredValue, TaskToSubmit } from './store/contract.ts';

type Submitted = z.output<typeof SubmitTasks>['tasks'][number];

/**
 * The tasks of a request as the store takes them: with ids, arguments as bytes (large ones as blobs, already durable),
 * and a digest of the content where an idempotency key has to be compared.
 * @throws RunaboutError `arguments-invalid` for arguments over the cap
 */
export async function toTasks(
  tasks: readonly Submitted[],
  owner: string,
  services: Pick<Services, 'store' | 'blobs' | 'clock'>,
): Promise<TaskToSubmit[]> {
  const out: TaskToSubmit[] = [];
  for (const [i, task] of tasks.entries()) {
    // Awaiting a value that is there already would cost a turn per task.
    const inline = inlineArguments(task.args, `tasks.${i}.args`);
    const args = inline ?? (await largeArguments(task.args, owner, services));
    const contentDigest = task.idempotencyKey === undefined ? undefined : digestOfContent(task, args);
    out.push({ ...task, id: newId(), args, contentDigest });
  }
  return out;
}

function inlineArguments(payload: JsonPayload, path: string): StoredValue | undefined {
  const size =
    'blob' in payload ? payload.size : 'text' in payload ? payload.text.length : payload.base64.length * 0.75;
  if (size > limits.args) {
    throw new RunaboutError('arguments-invalid', `The arguments take more than ${limits.args} bytes.`, { path });
  }
  const inline = fromJsonPayload(payload);
  if (!inline || inline.bytes.length > limits.inlinePayload) return undefined;
  return { ...inline, size: inline.bytes.length };
}

async function largeArguments(
  payload: JsonPayload,
  owner: string,
  { store, blobs, clock }: Pick<Services, 'store' | 'blobs' | 'clock'>,
): Promise<StoredValue> {
  if ('blob' in payload) return payload;
  const { type, bytes } = fromJsonPayload(payload)!;
  const blob = await blobs.write(bytes, digest =>
    store.addBlob({ digest, size: bytes.length, holder: owner, now: clock.now() }),
  );
  return { type, size: bytes.length, blob };
}

function digestOfContent({ idempotencyKey: _key, args: _args, ...task }: Submitted, args: StoredValue): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([task.function.id, task.function.version ?? null, task.endpoint, task.timeoutMs ?? null]));
  hash.update(JSON.stringify([task.deadline ?? null, task.maxAttempts, task.priority, args.type, args.size]));
  hash.update('blob' in args ? args.blob : args.bytes);
  return hash.digest('hex');
}
