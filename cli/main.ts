#!/usr/bin/env node
import { Command } from 'commander';
import { version } from '../package.json';
import { brokerCommand } from './commands/broker.ts';
import { endpointCommand } from './commands/endpoint.ts';
import { functionCommand } from './commands/function.ts';
import { loginCommand, logoutCommand } from './commands/login.ts';
import { runCommand } from './commands/run.ts';
import { taskCommand } from './commands/task.ts';
import { downCommand, upCommand } from './commands/up.ts';
import { fail } from './output.ts';

const program = new Command('runabout')
  .description('Run a function anywhere: push it to a broker, pick an endpoint, read the result.')
  .version(version)
  .showHelpAfterError('(--help shows how)')
  // Usage errors are 2; 1 is kept for "your function failed".
  .exitOverride(error => process.exit(error.exitCode === 0 ? 0 : 2));

/** Commands within commands end in the same way. */
function add(parent: Command, command: Command): void {
  command.copyInheritedSettings(parent);
  for (const inner of command.commands) inner.copyInheritedSettings(command);
  parent.addCommand(command);
}

for (const command of [
  runCommand(),
  upCommand(),
  downCommand(),
  loginCommand(),
  logoutCommand(),
  endpointCommand(),
  functionCommand(),
  taskCommand(),
  brokerCommand(),
]) {
  add(program, command);
}

try {
  await program.parseAsync();
} catch (error) {
  fail(error, process.argv.includes('--json'));
}
