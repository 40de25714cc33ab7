// One client of the campaign. It works off its plan, and writes down what it was told. Killed and started again, it goes
// on by its own ledger, as a program would that keeps its idempotency keys.
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { BrokerClient } from '../../../client/client.ts';
import type { Connection } from '../../../client/http.ts';
import type { SubmitTask } from '../../../protocol/client-broker/tasks.ts';
import { RunaboutError } from '../../../protocol/errors/error.ts';
import { isTerminal } from '../../../protocol/tasks/states.ts';
import { append, type ClientLine, read } from '../ledger.ts';
import type { PlannedTask } from '../load.ts';
import type { Call } from './function.ts';

export interface ClientPlan {
  connection: Connection;
  ledger: string;
  functionLedger: string;
  /** Id of the function, and those of the endpoints. */
  function: string;
  endpoints: string[];
  /** When the round began, by the machine's clock. */
  startedAt: number;
  tasks: PlannedTask[];
}

const plan = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as ClientPlan;
const client = new BrokerClient(plan.connection, 'runabout-faults');
const before = read<ClientLine>(plan.ledger);
/** Task ids by key. */
const acknowledged = new Map<string, string>();
const intents = new Map<string, Extract<ClientLine, { what: 'intent' }>>();
const finished = new Set<string>();
for (const line of before) {
  if (line.what === 'intent') intents.set(line.key, line);
  if (line.what === 'acknowledged') acknowledged.set(line.key, line.task);
  if (line.what === 'unknown') finished.add(line.key);
}

const write = (line: ClientLine) => append(plan.ledger, line);
const at = () => Date.now();
/** What a fault may bring about: the call is made again. */
const isPassing = (error: unknown) => error instanceof RunaboutError && error.status === 503;
const RETRY_MS = 150;

client.subscribe({
  event(event) {
    if (event.t !== 'task' || !isTerminal(event.task.state)) return;
    const { id, state, attempt } = event.task;
    write({ what: 'ended', task: id, state, attempt, at: at() });
  },
});

async function submission(task: PlannedTask, deadline: number | undefined): Promise<SubmitTask> {
  const { key, behaviour, ms, bytes, keyed, maxAttempts } = task;
  const call: Call = { ledger: plan.functionLedger, key, behaviour, ms, bytes };
  return {
    function: { id: plan.function },
    endpoint: plan.endpoints[task.endpoint]!,
    args: await client.encodeArguments([call]),
    ...(maxAttempts === undefined ? {} : { maxAttempts }),
    ...(deadline === undefined ? {} : { deadline }),
    ...(keyed ? { idempotencyKey: key } : {}),
  };
}

async function submit(task: PlannedTask): Promise<string | undefined> {
  const { key, keyed, deadlineAfter } = task;
  let intent = intents.get(key);
  if (intent && !keyed) {
    // It was killed before it heard: without a key, asking again could make a second task.
    write({ what: 'unknown', key, at: at() });
    return undefined;
  }
  if (!intent) {
    const deadline = deadlineAfter === undefined ? {} : { deadline: at() + deadlineAfter };
    intent = { what: 'intent', key, keyed, ...deadline, at: at() };
    write(intent);
    intents.set(key, intent);
  }
  const request = await submission(task, intent.deadline);
  for (;;) {
    try {
      // failpoint: client.submit.sending
      const [record] = await client.submit([request]);
      write({ what: 'acknowledged', key, task: record!.id, at: at() });
      // failpoint: client.submit.acknowledged
      return record!.id;
    } catch (error) {
      if (!isPassing(error)) {
        write({ what: 'refused', key, error: String(error), at: at() });
        return undefined;
      }
      if (!keyed) {
        write({ what: 'unknown', key, at: at() });
        return undefined;
      }
      await pause(RETRY_MS);
    }
  }
}

/** Asks for the same key with other content, until there is an answer. */
async function conflict(task: PlannedTask): Promise<void> {
  const request = await submission({ ...task, ms: task.ms + 1 }, intents.get(task.key)?.deadline);
  for (;;) {
    try {
      await client.submit([request]);
      write({ what: 'conflict', key: task.key, code: 'taken', at: at() });
      return;
    } catch (error) {
      if (!isPassing(error)) {
        const code = error instanceof RunaboutError ? error.code : String(error);
        write({ what: 'conflict', key: task.key, code, at: at() });
        return;
      }
      await pause(RETRY_MS);
    }
  }
}

async function cancel(key: string, task: string): Promise<void> {
  write({ what: 'cancel', key, task, at: at() });
  for (;;) {
    try {
      await client.cancelUnlessEnded(task);
      return;
    } catch (error) {
      if (!isPassing(error)) {
        write({ what: 'refused', key, error: `cancel: ${error}`, at: at() });
        return;
      }
      await pause(RETRY_MS);
    }
  }
}

async function live(task: PlannedTask): Promise<void> {
  await pause(Math.max(0, plan.startedAt + task.at - at()));
  const known = acknowledged.get(task.key);
  const id = known ?? (await submit(task));
  if (id === undefined) return;
  await Promise.all([
    task.conflict && known === undefined ? conflict(task) : undefined,
    task.cancelAfter === undefined ? undefined : pause(task.cancelAfter).then(() => cancel(task.key, id)),
    task.againAfter === undefined ? undefined : pause(task.againAfter).then(() => submit(task)),
  ]);
}

await Promise.all(plan.tasks.filter(({ key }) => !finished.has(key)).map(live));
// From here on it only listens, until it is told to stop.
write({ what: 'done', at: at() });
