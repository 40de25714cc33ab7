import { chmodSync } from 'node:fs';
import { type DestinationStream, destination, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

/** Characters of log lines that wait for a disk that takes none. */
const MOST_UNWRITTEN = 1024 * 1024;

/** Log lines are JSON, to a file that only its owner can read, or to standard error. They hold no token. */
export function openLog(level: string, file?: string): { log: Logger; close(): void } {
  const stream = destination({ dest: file ?? 2, mkdir: true, sync: true, maxLength: MOST_UNWRITTEN });
  // A full disk is no reason to stop: lines that cannot be written wait up to that cap, and further ones are dropped.
  stream.on('error', () => {});
  if (file !== undefined) chmodSync(file, 0o600);
  const log = pino(
    {
      level,
      base: { pid: process.pid },
      redact: ['authorization', '*.authorization', 'req.headers.authorization', 'token', '*.token'],
      // A query may hold anything; the path is enough to find a request.
      serializers: { req: (req: { method: string; url: string }) => `${req.method} ${req.url.split('?')[0]}` },
    },
    stream as DestinationStream,
  );
  return { log, close: () => stream.end() };
}
