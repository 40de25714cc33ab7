import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, type ReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { Digest, digestOf } from '../../protocol/ids.ts';
import { storageError } from '../storage-error.ts';

/**
 * Bytes named by their sha256, as files `blobs/ab/cdef…`. A file appears whole or not at all, and stays through a power
 * loss once its write has returned: written apart, fsynced, renamed, and the folder fsynced.
 */
export class BlobFiles {
  readonly #folder: string;
  readonly #incoming: string;
  /** What waits for, or does, the last step with a digest. */
  readonly #busy = new Map<Digest, Promise<unknown>>();

  private constructor(folder: string) {
    this.#folder = folder;
    this.#incoming = join(folder, 'incoming');
  }

  /** Opens the folder, makes what is missing, and removes what a crash left half-written. */
  static async open(folder: string): Promise<BlobFiles> {
    const files = new BlobFiles(folder);
    await rm(files.#incoming, { recursive: true, force: true });
    await mkdir(files.#incoming, { recursive: true, mode: 0o700 });
    for (let i = 0; i < 256; i++) await mkdir(join(folder, i.toString(16).padStart(2, '0')), { recursive: true });
    await syncFolder(folder);
    return files;
  }

  #path(digest: Digest): string {
    return join(this.#folder, digest.slice(0, 2), digest.slice(2));
  }

  /**
   * Stores what arrives under the digest it was announced with. Returns its size in bytes.
   * @param record makes the bytes known once they are in place; no {@link remove} of this digest comes between
   * @throws RunaboutError `digest-mismatch`, `body-too-large` beyond `cap` bytes, or `broker-storage`; nothing is kept
   *   then
   */
  async put(
    digest: Digest,
    chunks: AsyncIterable<Uint8Array>,
    cap: number,
    record: (size: number) => Promise<unknown>,
  ): Promise<number> {
    const temporary = join(this.#incoming, randomUUID());
    const hash = createHash('sha256');
    let size = 0;
    const file = await open(temporary, 'wx', 0o600).catch(error => {
      throw storageError(error) ?? error;
    });
    try {
      for await (const chunk of chunks) {
        size += chunk.length;
        if (size > cap) throw new RunaboutError('body-too-large', `The body is larger than ${cap} bytes.`);
        hash.update(chunk);
        // Not `write`, which may take a part of it: a disk that is nearly full does.
        await file.writeFile(chunk);
      }
      const actual = hash.digest('hex');
      if (actual !== digest) {
        throw new RunaboutError('digest-mismatch', `The ${size} bytes received have the digest ${actual}.`, {
          hint: 'Compute the sha256 over exactly the bytes you send.',
        });
      }
      await file.sync();
      await this.#alone(digest, async () => {
        await rename(temporary, this.#path(digest));
        await syncFolder(join(this.#folder, digest.slice(0, 2)));
        await record(size);
      });
    } catch (error) {
      await rm(temporary, { force: true });
      throw storageError(error) ?? error;
    } finally {
      await file.close();
    }
    return size;
  }

  /** Stores bytes, makes their digest known, and returns it. */
  async write(bytes: Uint8Array, record: (digest: Digest) => Promise<unknown>): Promise<Digest> {
    const digest = digestOf(bytes);
    await this.put(digest, once(bytes), bytes.length, () => record(digest));
    return digest;
  }

  /**
   * Deletes the bytes of a digest, if it can be forgotten first: a crash between leaves a file that nobody knows, never
   * a record without its file. Returns whether it did.
   */
  remove(digest: Digest, forget: () => Promise<boolean>): Promise<boolean> {
    return this.#alone(digest, async () => {
      if (!(await forget())) return false;
      await rm(this.#path(digest), { force: true });
      return true;
    });
  }

  /** The digests of all files, folder by folder. */
  async *digests(): AsyncGenerator<Digest[]> {
    for (let i = 0; i < 256; i++) {
      const start = i.toString(16).padStart(2, '0');
      const names = await readdir(join(this.#folder, start));
      yield names.map(rest => start + rest).filter(name => Digest.safeParse(name).success);
    }
  }

  /** The last steps with one digest, one after the other. */
  async #alone<T>(digest: Digest, step: () => Promise<T>): Promise<T> {
    const before = this.#busy.get(digest);
    const done = Promise.resolve(before).then(step);
    const settled = done.catch(() => {});
    this.#busy.set(digest, settled);
    try {
      return await done;
    } finally {
      if (this.#busy.get(digest) === settled) this.#busy.delete(digest);
    }
  }

  read(digest: Digest): ReadStream {
    return createReadStream(this.#path(digest));
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Makes the names in a folder durable. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
