import { Command } from 'commander';
import type { BrokerClient } from '../../client/client.ts';
import type { TaskRecord } from '../../protocol/client-broker/tasks.ts';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { connect, endpointByName } from '../connect.ts';
import { wholeNumber } from '../numbers.ts';
import { printJson, say } from '../output.ts';
import { splitTarget } from '../target.ts';
import { OutputPrinter } from '../task-output.ts';
import { printResult } from '../task-result.ts';

interface RunOptions {
  on?: string;
  json?: boolean;
  timeout?: string;
  attempts: number;
  wait: boolean;
}

export function runCommand(): Command {
  return new Command('run')
    .argument('<file#function>', 'a marked function, for example src/stats.ts#mean')
    .argument('[args...]', 'its arguments: JSON where it is JSON, text otherwise (after -- when one begins with -)')
    .description('Push a function if it is new, run it on an endpoint, and print what it returns.')
    .option('--on <endpoint>', "endpoint to run on (default: the one of the function's mark)")
    .option('--json', 'print JSON lines: output as it comes, at last the result')
    .option('--timeout <time>', 'time limit of the function, for example 30s (default: the one of its mark)')
    .option('--attempts <n>', 'attempts at the most; 1 means at most once', wholeNumber(1, 10), 3)
    .option('--no-wait', 'print the task and do not wait for it')
    .action(async (target: string, args: string[], options: RunOptions) => {
      const client = connect();
      const task = await submit(client, target, args.map(argument), options);
      if (!options.wait) {
        if (options.json) printJson({ t: 'task', task });
        else say(`Task ${task.id} on ${task.endpoint.name}.`);
        return;
      }
      await follow(client, task, options.json ?? false);
    });
}

/** `3`, `[1,2]`, `{"a":1}`, `true` are JSON; everything else is text. */
function argument(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function submit(client: BrokerClient, target: string, args: unknown[], options: RunOptions): Promise<TaskRecord> {
  // Loads the compiler: only the commands that bundle pay for it.
  const functions = await import('../../language-server/functions/index.ts');
  const prepared = await functions.prepareFunction(...splitTarget(target));
  const endpointName = options.on ?? prepared.settings.endpoint;
  if (!endpointName) {
    throw new RunaboutError('request-invalid', 'No endpoint was named.', {
      hint: 'Add --on NAME, or `@remote endpoint=NAME` at the function.',
    });
  }
  const endpoint = await endpointByName(client, endpointName);
  const values = functions.reviveArguments(prepared, args);
  const { function: registered, version } = await functions.pushFunction(client, prepared);
  const timeoutMs = options.timeout ? functions.parseTime(options.timeout) : prepared.settings.timeoutMs;
  const [task] = await client.submit([
    {
      function: { id: registered.id, version: version.version },
      endpoint: endpoint.id,
      args: await client.encodeArguments(values),
      maxAttempts: options.attempts,
      ...(timeoutMs ? { timeoutMs } : {}),
    },
  ]);
  return task!;
}

/** Prints output as it comes and the result at last. Ctrl-C cancels the task; a second one leaves it. */
async function follow(client: BrokerClient, task: TaskRecord, json: boolean): Promise<void> {
  const printer = new OutputPrinter(client, task.id, json);
  let away = false;
  const stream = client.subscribe(
    {
      output: event => event.task === task.id && printer.live(event.chunks),
      connected: complete => complete || void printer.catchUp(),
      state: (state, problem) => {
        if (state === 'disconnected' && !away && !json) process.stderr.write(`waiting: ${problem?.explained}\n`);
        away = state === 'disconnected' || (away && state === 'connecting');
      },
      event: event => {
        if (
          event.t === 'task' &&
          event.task.id === task.id &&
          event.task.state === 'queued' &&
          event.task.wait &&
          !json
        ) {
          process.stderr.write(`waiting: ${event.task.wait.text}\n`);
        }
      },
    },
    { output: true },
  );
  let interrupts = 0;
  const interrupt = () => {
    interrupts += 1;
    if (interrupts > 1) process.exit(130);
    process.stderr.write('Cancelling; Ctrl-C again leaves the task to itself.\n');
    client.cancelTask(task.id).catch((error: unknown) => process.stderr.write(`${String(error)}\n`));
  };
  process.on('SIGINT', interrupt);
  try {
    const ended = await client.waitForTask(task.id);
    await printer.catchUp();
    await printResult(client, ended, await client.taskResult(task.id), json);
  } finally {
    process.off('SIGINT', interrupt);
    stream.close();
  }
}
