import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { type Digest, digestOf, newId } from '../../protocol/ids.ts';

interface Entry {
  size: number;
  /** Users that need the file to stay. */
  pins: number;
  /** The content was compared with the digest in this process. */
  verified: boolean;
}

/**
 * Files named by the sha256 of their content. What nobody holds is removed, least recently used first, when all
 * together pass `maxBytes`. A file appears whole or not at all, also over a crash.
 */
export class BlobCache {
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #suffix: string;
  /** In order of use, the oldest first. */
  readonly #entries = new Map<Digest, Entry>();
  #bytes = 0;

  /** @param suffix of the file names, for example `.mjs` */
  constructor(folder: string, maxBytes: number, suffix = '') {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
    this.#suffix = suffix;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const found = readdirSync(folder).flatMap(name => {
      const digest = name.slice(0, 64);
      if (name !== digest + suffix || !/^[0-9a-f]{64}$/.test(digest)) {
        rmSync(join(folder, name), { recursive: true, force: true });
        return [];
      }
      const { size, mtimeMs } = statSync(join(folder, name));
      return [{ digest, size, mtimeMs }];
    });
    for (const { digest, size } of found.sort((a, b) => a.mtimeMs - b.mtimeMs)) {
      this.#entries.set(digest, { size, pins: 0, verified: false });
      this.#bytes += size;
    }
  }

  file(digest: Digest): string {
    return join(this.#folder, digest + this.#suffix);
  }

  /** It is here, and its content was checked: {@link pin} has nothing to wait for. */
  isVerified(digest: Digest): boolean {
    return this.#entries.get(digest)?.verified === true;
  }

  /** Keeps a blob until {@link unpin}; `false` when it is not here, or was damaged and is gone now. */
  async pin(digest: Digest): Promise<boolean> {
    const entry = this.#entries.get(digest);
    if (!entry) return false;
    entry.pins += 1;
    this.#entries.delete(digest);
    this.#entries.set(digest, entry);
    if (entry.verified) return true;
    const bytes = await readFile(this.file(digest)).catch(() => undefined);
    if (bytes && digestOf(bytes) === digest) {
      entry.verified = true;
      return true;
    }
    this.#drop(digest, entry);
    return false;
  }

  unpin(digest: Digest): void {
    const entry = this.#entries.get(digest);
    if (entry && entry.pins > 0) entry.pins -= 1;
    this.#shrink();
  }

  async read(digest: Digest): Promise<Buffer> {
    return await readFile(this.file(digest));
  }

  /**
   * Stores bytes; durable when the promise resolves.
   * @throws RunaboutError `digest-mismatch`
   */
  async put(digest: Digest, bytes: Uint8Array): Promise<void> {
    if (digestOf(bytes) !== digest) {
      throw new RunaboutError('digest-mismatch', `The bytes received are not those of ${digest}.`);
    }
    if (this.#entries.get(digest)?.verified) return;
    const temporary = join(this.#folder, `.${newId()}`);
    let handle: FileHandle | undefined;
    try {
      handle = await open(temporary, 'wx', 0o600);
      await handle.writeFile(bytes);
      await handle.sync();
      await handle.close();
      await rename(temporary, this.file(digest));
    } catch (error) {
      await handle?.close().catch(() => {});
      await rm(temporary, { force: true });
      throw error;
    }
    const before = this.#entries.get(digest);
    this.#bytes += bytes.length - (before?.size ?? 0);
    this.#entries.set(digest, { size: bytes.length, pins: before?.pins ?? 0, verified: true });
    this.#shrink(digest);
  }

  #shrink(except?: Digest): void {
    if (this.#bytes <= this.#maxBytes) return;
    for (const [digest, entry] of this.#entries) {
      if (entry.pins > 0 || digest === except) continue;
      this.#drop(digest, entry);
      if (this.#bytes <= this.#maxBytes) return;
    }
  }

  #drop(digest: Digest, entry: Entry): void {
    this.#entries.delete(digest);
    this.#bytes -= entry.size;
    rmSync(this.file(digest), { force: true });
  }
}
