import { Writable } from 'node:stream';
import { limits } from '../../protocol/limits.ts';
import { report } from './channel.ts';
import { current } from './context.ts';

// Held from before any user's code ran: a bundle with fake timers does not change the time stamps.
const now = Date.now;

/** Takes what a function prints, and reports it in pieces of at most `limits.outputChunk` bytes. */
class TaskStream extends Writable {
  readonly fd: number;
  readonly #stream: 'stdout' | 'stderr';

  constructor(stream: 'stdout' | 'stderr', fd: number) {
    super({ decodeStrings: true });
    this.#stream = stream;
    this.fd = fd;
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    // What a finished task still prints belongs to nobody.
    const run = current();
    if (run) {
      const header = { t: 'output', task: run.task, stream: this.#stream, at: now() } as const;
      for (let at = 0; at < bytes.length; at += limits.outputChunk) {
        report(header, bytes.subarray(at, at + limits.outputChunk));
      }
    }
    done();
  }

  // One task must not close the stream of the next; Node's own standard streams cannot be closed either.
  override end(...args: unknown[]): this {
    if (args.length > 0 && typeof args[0] !== 'function') this.write(args[0]);
    for (const done of args) if (typeof done === 'function') process.nextTick(done as () => void);
    return this;
  }

  override destroy(): this {
    return this;
  }
}

/**
 * Replaces `process.stdout` and `process.stderr`, and with them `console`, before any user's code runs. The raw
 * descriptors 1 and 2 stay pipes to the manager, for child processes and native code.
 */
export function captureStreams(): void {
  for (const [name, fd] of [
    ['stdout', 1],
    ['stderr', 2],
  ] as const) {
    Object.defineProperty(process, name, { value: new TaskStream(name, fd), configurable: true, enumerable: true });
  }
}
