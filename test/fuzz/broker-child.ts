// The broker that is fuzzed: a process of its own, which can be asked for its memory after a collection of garbage.
import { type BrokerOptions, startBroker } from '../../broker/index.ts';

const broker = await startBroker({
  dataDir: process.argv[2]!,
  logFile: `${process.argv[2]}/log`,
  logLevel: 'warn',
  // The limit itself has its own test; here it would answer for everything else.
  authFailuresPerMinute: 1e9,
  ...(JSON.parse(process.argv[3]!) as Partial<BrokerOptions>),
});
process.send!({ url: broker.url, ownerTokenFile: broker.ownerTokenFile });
process.on('message', () => {
  (globalThis as unknown as { gc(): void }).gc();
  process.send!(process.memoryUsage());
});
process.on('disconnect', () => void broker.close());
