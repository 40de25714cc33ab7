// The broker of the campaign: `broker start` of the CLI with options that are no business of its users, as a lease of a
// few seconds. Argument: the options as JSON. Says its address in one line.
import { type BrokerOptions, startBroker } from '../../../broker/index.ts';

const broker = await startBroker(JSON.parse(process.argv[2]!) as BrokerOptions);
process.stdout.write(`${JSON.stringify({ url: broker.url })}\n`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void broker.close());
