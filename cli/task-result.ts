import { inspect } from 'node:util';
import type { BrokerClient } from '../client/client.ts';
import type { TaskRecord, TaskResult } from '../protocol/client-broker/tasks.ts';
import { errorKinds, isErrorCode } from '../protocol/errors/registry.ts';
import type { TaskError } from '../protocol/tasks/error.ts';
import { asJson } from '../protocol/values/as-json.ts';
import { duration, exit, printJson, say } from './output.ts';

/** Prints the end of a task and sets the exit status. */
export async function printResult(
  client: BrokerClient,
  task: TaskRecord,
  result: TaskResult,
  json: boolean,
): Promise<void> {
  if (result.state !== 'succeeded') {
    process.exitCode = isFunctionError(result.error) ? exit.functionFailed : exit.notRun;
  }
  if (json) {
    const value = result.value ? await client.decode(result.value) : undefined;
    printJson({
      t: 'result',
      task,
      state: result.state,
      ...(result.value ? { value: asJson(value) } : {}),
      ...(result.error ? { error: result.error } : {}),
    });
    return;
  }
  const took = task.startedAt && task.endedAt ? ` · ${duration(task.endedAt - task.startedAt)}` : '';
  const where = `${task.function.name} v${task.function.version} on ${task.endpoint.name}${took}`;
  if (result.state === 'succeeded') {
    const value = result.value ? await client.decode(result.value) : undefined;
    say(
      typeof value === 'string'
        ? value
        : inspect(value, {
            depth: 8,
            maxArrayLength: 100,
            breakLength: process.stdout.columns ?? 120,
            colors: process.stdout.isTTY,
          }),
    );
    process.stderr.write(`${where}\n`);
  } else {
    process.stderr.write(`${describe(result.error, result.state)}\n${where}\n`);
  }
}

function isFunctionError(error: TaskError | undefined): boolean {
  return error !== undefined && isErrorCode(error.code) && errorKinds[error.code].whose === 'function';
}

function describe(error: TaskError | undefined, state: string): string {
  if (!error) return `The task is ${state}.`;
  const lines = [error.stack ?? `${error.name ? `${error.name}: ` : ''}${error.message}`];
  for (let cause = error.cause; cause; cause = cause.cause)
    lines.push(`Caused by ${cause.stack ?? `${cause.name ?? 'Error'}: ${cause.message}`}`);
  if (error.hint) lines.push(error.hint);
  return lines.join('\n');
}
