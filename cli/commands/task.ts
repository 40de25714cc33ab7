import { Command, Option } from 'commander';
import { taskStates } from '../../protocol/tasks/states.ts';
import { connect, endpointByName } from '../connect.ts';
import { wholeNumber } from '../numbers.ts';
import { ago, duration, printJson, say, table } from '../output.ts';
import { OutputPrinter } from '../task-output.ts';
import { printResult } from '../task-result.ts';

export function taskCommand(): Command {
  const command = new Command('task').description('Tasks: what ran, what runs, what waits and why.');

  command
    .command('list')
    .description('The newest tasks.')
    .addOption(new Option('--state <state>', 'only in this state').choices(taskStates))
    .option('--on <endpoint>', 'only on this endpoint')
    .option('--limit <n>', 'how many', wholeNumber(1, 500), 20)
    .option('--json', 'print JSON')
    .action(
      async ({
        state,
        on,
        limit,
        json,
      }: {
        state?: (typeof taskStates)[number];
        on?: string;
        limit: number;
        json?: boolean;
      }) => {
        const client = connect();
        const endpoint = on ? (await endpointByName(client, on)).id : undefined;
        const { items } = await client.listTasks({
          limit,
          ...(state ? { state } : {}),
          ...(endpoint ? { endpoint } : {}),
        });
        if (json) printJson(items);
        else if (items.length === 0) say('No tasks.');
        else {
          const rows = items.map(task => [
            task.id,
            task.function.name,
            task.endpoint.name,
            task.state,
            ago(task.createdAt),
            task.wait?.text ??
              task.error?.message.split('\n')[0] ??
              (task.startedAt && task.endedAt ? duration(task.endedAt - task.startedAt) : ''),
          ]);
          say(table(['TASK', 'FUNCTION', 'ENDPOINT', 'STATE', 'SUBMITTED', ''], rows));
        }
      },
    );

  command
    .command('show')
    .argument('<task>')
    .description('A task: its record, every change of its state, and its result.')
    .option('--json', 'print JSON')
    .action(async (id: string, { json }: { json?: boolean }) => {
      const client = connect();
      const task = await client.getTask(id);
      const { entries } = await client.taskHistory(id);
      if (json) printJson({ task, history: entries });
      else {
        for (const { at, state, attempt, reason } of entries) {
          say(
            `${new Date(at).toISOString()}  ${state}${attempt > 0 ? ` (attempt ${attempt})` : ''}${reason ? `  ${reason}` : ''}`,
          );
        }
        if (task.wait) say(`Waits: ${task.wait.text}`);
        if (task.keptUntil) say(`Kept until ${new Date(task.keptUntil).toISOString()}, with its result and output.`);
      }
      if (task.endedAt) {
        await printResult(client, task, await client.taskResult(id), json ?? false);
        // That the task failed is what was asked for here, not a failure of this command.
        process.exitCode = 0;
      }
    });

  command
    .command('output')
    .argument('<task>')
    .description('What a task printed.')
    .option('--json', 'print JSON')
    .action(async (id: string, { json }: { json?: boolean }) => {
      await new OutputPrinter(connect(), id, json ?? false).catchUp();
    });

  command
    .command('cancel')
    .argument('<task>')
    .description('Cancel a task; one that runs is stopped.')
    .action(async (id: string) => {
      const { state } = await connect().cancelTask(id);
      say(state === 'cancelled' ? 'Cancelled.' : 'Cancelling: its endpoint stops it.');
    });

  return command;
}
