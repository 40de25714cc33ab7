import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { BrokerClient } from '../../client/client.ts';
import { forgetConnection, storeConnection } from '../../client/credentials.ts';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { userAgent } from '../connect.ts';
import { say } from '../output.ts';

export function loginCommand(): Command {
  return new Command('login')
    .argument('<url>', 'address of the broker, for example https://runabout.example.org')
    .description(
      'Connect to a broker. The token is read from standard input, so that no history or process list holds it.',
    )
    .action(async (url: string) => {
      const token = await readToken();
      const { principal, broker } = await new BrokerClient({ url, token }, userAgent).whoAmI();
      const file = storeConnection({ url, token });
      say(`Connected to ${broker.name} as ${principal.name} (${principal.kind}). Stored in ${file}.`);
    });
}

export function logoutCommand(): Command {
  return new Command('logout').description('Forget the stored connection.').action(() => {
    forgetConnection();
    say('Forgotten.');
  });
}

/** The first line of standard input; at a terminal it is asked for and not shown. */
async function readToken(): Promise<string> {
  const terminal = process.stdin.isTTY;
  if (terminal) process.stderr.write('Token: ');
  // Without an output stream readline echoes nothing; raw mode keeps the terminal from doing it.
  const lines = createInterface({ input: process.stdin, terminal });
  try {
    for await (const line of lines) {
      if (terminal) process.stderr.write('\n');
      const token = line.trim();
      if (token !== '') return token;
      break;
    }
  } finally {
    lines.close();
  }
  throw new RunaboutError('token-missing', 'No token was given.', { hint: 'Paste it at the prompt, or pipe it in.' });
}
