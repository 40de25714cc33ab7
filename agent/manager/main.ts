/** The manager process. Its output is its log; it ends by `stop`, by SIGTERM, or when its agent stays away. */
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { logTarget } from '../log.ts';
import { Manager } from './manager.ts';

const { values } = parseArgs({
  options: {
    id: { type: 'string' },
    rendezvous: { type: 'string' },
    workers: { type: 'string' },
    folder: { type: 'string' },
    log: { type: 'string', default: 'info' },
  },
});
const { id, rendezvous, workers, folder } = values;
if (!id || !rendezvous || !workers || !folder) {
  console.error('Usage: manager --id UUID --rendezvous FILE --workers N --folder FOLDER [--log LEVEL]');
  process.exit(2);
}

const log = pino({ level: values.log, base: { part: 'manager', pid: process.pid } }, logTarget(1));
const manager = new Manager({
  id,
  rendezvous,
  workers: Number(workers),
  folder,
  log,
  ended: () => {
    log.info('The manager has stopped.');
    // The connection says goodbye before the process goes.
    setTimeout(() => process.exit(0), 50);
  },
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void manager.close());
