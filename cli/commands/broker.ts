import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import type { BrokerOptions } from '../../broker/index.ts';
import { announceLocalBroker, withdrawLocalBroker } from '../../client/local.ts';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { connect, home } from '../connect.ts';
import * as numbers from '../numbers.ts';
import { exit, printJson, say } from '../output.ts';

/** The port that a broker asks for first; registered for nothing else. */
export const DEFAULT_PORT = 7411;
/** How long a broker that can not go on may take to end in order. */
const LAST_WORDS_MS = 10_000;
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'];

interface StartOptions {
  data?: string;
  host: string;
  port: number;
  portFallback?: boolean;
  tlsCert?: string;
  tlsKey?: string;
  allowInsecure?: boolean;
  announce?: boolean;
  retention?: number;
  logFile?: string;
  logLevel: string;
}

export function brokerCommand(): Command {
  const command = new Command('broker').description('Run a broker, and manage who may use it.');

  command
    .command('start')
    .description('Run a broker in the foreground until SIGINT or SIGTERM.')
    .option('--data <folder>', 'where it keeps everything (default: ~/.runabout/broker)')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port to listen on; 0 takes any', numbers.port, DEFAULT_PORT)
    .option('--port-fallback', 'take another port when that one is taken')
    .option('--tls-cert <file>', 'certificate chain (PEM); needed for an address other machines reach')
    .option('--tls-key <file>', 'its key (PEM)')
    .option('--allow-insecure', 'listen on such an address without TLS (a proxy in front has it)')
    .option(
      '--retention <time>',
      'how long a task and its result are kept: 90min, 12h (default: 30d)',
      numbers.timeSpan,
    )
    .option('--announce', 'make it the broker that local commands and editors find by themselves')
    .option('--log-file <file>', 'log there instead of to standard error')
    .addOption(new Option('--log-level <level>', 'how much to log').choices(LOG_LEVELS).default('info'))
    .action(async (options: StartOptions) => {
      // Only this command pays for loading the service.
      const { startBroker } = await import('../../broker/index.ts');
      const broker = await startBroker({
        dataDir: options.data ?? join(home(), 'broker'),
        host: options.host,
        port: options.port,
        portFallback: options.portFallback ?? false,
        allowInsecure: options.allowInsecure ?? false,
        logLevel: options.logLevel,
        ...(options.retention ? { retentionMs: options.retention } : {}),
        ...(options.logFile ? { logFile: options.logFile } : {}),
        ...tlsOf(options),
      });
      if (options.announce)
        announceLocalBroker(home(), { url: broker.url, tokenFile: broker.ownerTokenFile, pid: process.pid });
      say(`Broker at ${broker.url}; the owner's token is in ${broker.ownerTokenFile}.`);
      const stopped = new Promise<undefined>(resolve => {
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(undefined));
      });
      const failure = await Promise.race([stopped, broker.failed]);
      if (options.announce) withdrawLocalBroker(home());
      if (failure) setTimeout(() => process.exit(exit.notRun), LAST_WORDS_MS).unref();
      await broker.close();
      // A supervisor starts what ended with an error, and not what was told to stop.
      if (failure) throw failure;
    });

  command
    .command('token')
    .description("Print the owner's token of the broker whose data is here, for `runabout login` elsewhere.")
    .option('--data <folder>', 'its data folder (default: ~/.runabout/broker)')
    .action((options: { data?: string }) => {
      const file = join(options.data ?? join(home(), 'broker'), 'owner-token');
      try {
        say(readFileSync(file, 'utf8').trim());
      } catch (cause) {
        throw new RunaboutError('not-found', `The owner's token cannot be read: ${(cause as Error).message}.`, {
          hint: 'Name the data folder of the broker with --data; the first start of a broker writes the token.',
          cause,
        });
      }
    });

  command
    .command('add-user')
    .argument('<name>')
    .description('Make a user and print their token, this once (owner only).')
    .option('--json', 'print JSON')
    .action(async (name: string, { json }: { json?: boolean }) => {
      const { user, token } = await connect().createUser(name);
      if (json) printJson({ user, token });
      else say(`User ${user.name}. Their token, shown only now:\n${token}`);
    });

  return command;
}

/** Half of what TLS needs is not the same as no TLS. */
function tlsOf({ tlsCert, tlsKey }: StartOptions): Pick<BrokerOptions, 'tls'> {
  if (tlsCert && tlsKey) return { tls: { certFile: tlsCert, keyFile: tlsKey } };
  if (!tlsCert && !tlsKey) return {};
  throw new RunaboutError('request-invalid', 'TLS takes both a certificate and its key.', {
    hint: 'Give --tls-cert and --tls-key, or neither.',
  });
}
