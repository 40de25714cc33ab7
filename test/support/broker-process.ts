// A broker in a process of its own, from source, for tests that kill it. Says its address in one JSON line.
import { startBroker } from '../../broker/index.ts';

const broker = await startBroker({ dataDir: process.argv[2]!, logLevel: 'silent' });
process.stdout.write(`${JSON.stringify({ url: broker.url, ownerTokenFile: broker.ownerTokenFile })}\n`);
process.on('SIGTERM', () => void broker.close());
