import { Command } from 'commander';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { connect } from '../connect.ts';
import { ago, printJson, say, table } from '../output.ts';
import { splitTarget } from '../target.ts';

export function functionCommand(): Command {
  const command = new Command('function').description('The functions in the registry.');

  command
    .command('push')
    .argument('<file#function>')
    .description('Push a marked function without running it.')
    .option('--json', 'print JSON')
    .action(async (target: string, { json }: { json?: boolean }) => {
      const functions = await import('../../language-server/functions/index.ts');
      const prepared = await functions.prepareFunction(...splitTarget(target));
      const pushed = await functions.pushFunction(connect(), prepared);
      if (json) printJson(pushed);
      else
        say(
          `${pushed.function.name} v${pushed.version.version}${pushed.created ? '' : ' (unchanged)'} · ${pushed.version.digest.slice(0, 12)}`,
        );
    });

  command
    .command('list')
    .description('Every function you have pushed.')
    .option('--search <text>', 'only those with these words in name or description')
    .option('--json', 'print JSON')
    .action(async ({ search, json }: { search?: string; json?: boolean }) => {
      const { items } = await connect().listFunctions(search ? { search } : {});
      if (json) printJson(items);
      else if (items.length === 0) say('No functions.');
      else {
        const rows = items.map(({ name, latest }) => [
          name,
          `v${latest.version}`,
          ago(latest.createdAt),
          latest.details.description?.split('\n')[0] ?? '',
        ]);
        say(table(['NAME', 'VERSION', 'PUSHED', 'WHAT'], rows));
      }
    });

  command
    .command('delete')
    .argument('<name>')
    .description('Remove a function and its versions from the registry. Tasks that ran keep their records.')
    .action(async (name: string) => {
      const client = connect();
      const found = await client.findFunction(name);
      if (!found)
        throw new RunaboutError('not-found', `You have no function "${name}".`, {
          hint: '`runabout function list` lists them.',
        });
      await client.deleteFunction(found.id);
      say(`Deleted ${name}.`);
    });

  return command;
}
