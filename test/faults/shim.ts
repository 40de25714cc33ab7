// Disk errors and clock jumps in one process under test, by a small library that is loaded into it (`shim.c`).
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { diskCalls, diskErrors } from './schedule.ts';

const source = fileURLToPath(new URL('./shim.c', import.meta.url));
/** `struct control` of shim.c. */
const SIZE = 256;
const AT = { write: 0, sync: 4, clock: 8, path: 16 } as const;

/**
 * Compiles the library into a folder.
 * @returns its file; `undefined` where there is no C compiler, or the system has no LD_PRELOAD
 */
export function buildShim(folder: string): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const file = join(folder, 'shim.so');
  const { status, error, stderr } = spawnSync('gcc', ['-O1', '-Wall', '-shared', '-fPIC', '-o', file, source, '-ldl'], {
    encoding: 'utf8',
  });
  if (error) return undefined;
  if (status !== 0) throw new Error(`gcc does not compile ${source}:\n${stderr}`);
  return file;
}

/** What one process has to bear. It is well until told otherwise, also after its restarts. */
export class Shim {
  readonly environment: Record<string, string>;
  readonly #file: number;

  /**
   * @param library as {@link buildShim} made it
   * @param control a new file
   * @param path part of the paths of the files whose disk fails
   */
  constructor(library: string, control: string, path: string) {
    this.environment = { LD_PRELOAD: library, FAULT_SHIM: control };
    this.#file = openSync(control, 'wx', 0o600);
    const bytes = Buffer.alloc(SIZE);
    bytes.write(path, AT.path, 'latin1');
    writeSync(this.#file, bytes, 0, SIZE, 0);
  }

  /** Lets all calls of a kind fail on the disk. */
  disk(call: (typeof diskCalls)[number], error: (typeof diskErrors)[number] | undefined): void {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(error ? constants.errno[error] : 0);
    writeSync(this.#file, bytes, 0, 4, AT[call]);
  }

  /** Moves the wall clock by so many milliseconds from the true time. */
  clock(offsetMs: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(offsetMs));
    writeSync(this.#file, bytes, 0, 8, AT.clock);
  }

  close(): void {
    closeSync(this.#file);
  }
}
