import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, type ReadStream } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { type Digest, digestOf } from '../../protocol/ids.ts';

/**
 * Bytes named by their sha256, as files `blobs/ab/cdef…`. A file appears whole or not at all, and stays through a power
 * loss once its write has returned: written apart, fsynced, renamed, and the folder fsynced.
 */
export class BlobFiles {
  readonly #folder: string;
  readonly #incoming: string;

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
   * @throws RunaboutError `digest-mismatch`, or `body-too-large` beyond `cap` bytes; nothing is kept then
   */
  async put(digest: Digest, chunks: AsyncIterable<Uint8Array>, cap: number): Promise<number> {
    const temporary = join(this.#incoming, randomUUID());
    const hash = createHash('sha256');
    let size = 0;
    const file = await open(temporary, 'wx', 0o600);
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
      await rename(temporary, this.#path(digest));
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    } finally {
      await file.close();
    }
    await syncFolder(join(this.#folder, digest.slice(0, 2)));
    return size;
  }

  /** Stores bytes and returns their digest. */
  async write(bytes: Uint8Array): Promise<Digest> {
    const digest = digestOf(bytes);
    await this.put(digest, once(bytes), bytes.length);
    return digest;
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
