import { Command } from 'commander';
import { home } from '../connect.ts';
import { type Step, startLocal, stopLocal } from '../local.ts';
import * as numbers from '../numbers.ts';
import { fail, printJson, say } from '../output.ts';
import { DEFAULT_PORT } from './broker.ts';

interface UpOptions {
  endpoint: string;
  workers?: number;
  port: number;
  json?: boolean;
}

export function upCommand(): Command {
  return new Command('up')
    .description('Start a broker and an endpoint on this machine, for yourself; they stay until `runabout down`.')
    .option('--endpoint <name>', 'name of the endpoint', 'local')
    .option('--workers <n>', 'workers of a new endpoint (default: one per processor core)', numbers.workers)
    .option('--port <port>', 'port of the broker; another is taken when it is not free', numbers.port, DEFAULT_PORT)
    .option('--json', 'print each step as a line of JSON')
    .action(async ({ endpoint, workers, port, json }: UpOptions) => {
      const report = (step: Step) =>
        json
          ? printJson(step)
          : say(step.t === 'ready' ? `Ready: endpoint ${step.endpoint.name} at ${step.url}` : step.text);
      try {
        await startLocal({
          home: home(),
          endpoint,
          workers,
          port,
          report,
        });
      } catch (error) {
        fail(error, json);
      }
    });
}

export function downCommand(): Command {
  return new Command('down')
    .description('Stop the broker and the endpoints of this machine that `up` started.')
    .action(async () => {
      await stopLocal(home(), text => say(text));
    });
}
