import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { encodeMessage, MessageReader } from '../../protocol/frames.ts';
import { COMMAND_FD, REPORT_FD, WorkerCommand, type WorkerReport } from '../../protocol/manager-worker/messages.ts';

/**
 * Says something to the manager. The write blocks until the kernel has the bytes: what was said before `process.exit`
 * or a crash is not lost, and the order is the order of the calls. `writeSync` is held from before any user's code ran,
 * so a bundle that patches `fs` changes nothing here.
 */
export function report(header: WorkerReport, payload?: Uint8Array): void {
  const bytes = encodeMessage(header, payload);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(REPORT_FD, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') die();
    }
  }
}

/** Calls `take` for each command of the manager, in order. When the manager closes the channel, the process ends. */
export function listen(take: (command: WorkerCommand, payload: Uint8Array) => void): void {
  const commands = new Socket({ fd: COMMAND_FD, readable: true, writable: false });
  const reader = new MessageReader();
  commands.on('data', bytes => {
    for (const { header, payload } of reader.push(bytes)) take(WorkerCommand.parse(header), payload);
  });
  commands.on('end', die);
  commands.on('error', die);
}

/** The manager is gone, or done with this worker: nobody is left to work for, and no `exit` listener may hold it up. */
function die(): never {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('unreachable');
}
