import { closeSync, openSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Logger } from 'pino';
import type { Lost, Phase, Result } from '../../protocol/broker-agent/messages.ts';
import type { Digest, Id } from '../../protocol/ids.ts';

/** How an attempt ended, as it is told to the broker; and the value, if it goes inside the message. */
export interface Ending {
  message: Result | Lost;
  payload: Uint8Array;
}

/** The digest of an ending's value, when that is too large for a message. */
export function blobOf({ message }: Ending): Digest | undefined {
  return message.t === 'result' ? message.value?.blob : undefined;
}

export interface JournalRow {
  task: Id;
  attempt: number;
  phase: Phase;
  digest: Digest;
  ending: Ending | undefined;
}

const SCHEMA = `
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS attempts (
    task TEXT PRIMARY KEY,
    attempt INTEGER NOT NULL,
    phase TEXT NOT NULL CHECK (phase IN ('accepted', 'started', 'ended')),
    digest TEXT NOT NULL,
    message TEXT,
    payload BLOB
  ) STRICT, WITHOUT ROWID;
  PRAGMA user_version = 1;
`;

/** How long to wait before writing again to a disk that took nothing, in milliseconds. */
const RETRY_MS = 1_000;
/** A forgotten row is not worth a commit of its own: at worst the broker is told once more what it knows. */
const LAZY_MS = 200;

/**
 * What the agent must not forget over a crash: the attempts it took, which of them were started, and every ending that
 * the broker has not confirmed. All that is written in one turn of the event loop becomes durable in one commit, and
 * only then the call-backs run, in order.
 */
export class Journal {
  readonly #db: DatabaseSync;
  readonly #log: Logger;
  readonly #put: StatementSync;
  readonly #end: StatementSync;
  readonly #forget: StatementSync;
  #writes: (() => void)[] = [];
  #after: (() => void)[] = [];
  #scheduled: NodeJS.Immediate | undefined;
  #lazy: NodeJS.Timeout | undefined;
  #closed = false;
  /** Why nothing can be written, while that is so. Nothing is acknowledged meanwhile. */
  problem: string | undefined;

  /**
   * Opens the journal and holds it: a second process gets an error.
   * @param file created if it is not there, readable by this user only
   */
  constructor(file: string, log: Logger) {
    this.#log = log;
    // SQLite would make it as readable as any file, and its log with the same mode.
    closeSync(openSync(file, 'a', 0o600));
    this.#db = new DatabaseSync(file, { timeout: 100 });
    this.#db.exec(SCHEMA);
    this.#put = this.#db.prepare(
      `INSERT INTO attempts (task, attempt, phase, digest) VALUES (?1, ?2, ?3, ?4)
       ON CONFLICT (task) DO UPDATE SET attempt = ?2, phase = ?3, digest = ?4, message = NULL, payload = NULL`,
    );
    this.#end = this.#db.prepare(
      `INSERT INTO attempts (task, attempt, phase, digest, message, payload) VALUES (?1, ?2, 'ended', ?3, ?4, ?5)
       ON CONFLICT (task) DO UPDATE SET attempt = ?2, phase = 'ended', digest = ?3, message = ?4, payload = ?5`,
    );
    this.#forget = this.#db.prepare('DELETE FROM attempts WHERE task = ?1');
  }

  /** Everything that is in the journal, oldest task first. */
  rows(): JournalRow[] {
    const rows = this.#db.prepare('SELECT * FROM attempts ORDER BY task').all();
    return rows.map(row => ({
      task: row.task as Id,
      attempt: row.attempt as number,
      phase: row.phase as Phase,
      digest: row.digest as Digest,
      ending:
        row.message === null
          ? undefined
          : {
              message: JSON.parse(row.message as string) as Result | Lost,
              payload: (row.payload as Uint8Array | null) ?? new Uint8Array(0),
            },
    }));
  }

  put(task: Id, attempt: number, phase: 'accepted' | 'started', digest: Digest, after: () => void): void {
    this.#write(() => this.#put.run(task, attempt, phase, digest), after);
  }

  end(task: Id, attempt: number, digest: Digest, { message, payload }: Ending, after: () => void): void {
    const bytes = payload.length > 0 ? payload : null;
    this.#write(() => this.#end.run(task, attempt, digest, JSON.stringify(message), bytes), after);
  }

  forget(task: Id): void {
    this.#writes.push(() => this.#forget.run(task));
    this.#lazy ??= setTimeout(() => this.#commit(), LAZY_MS);
  }

  /** Lets the file have so many pages at the most, as a full disk would. */
  limitPages(count: number): void {
    this.#db.exec(`PRAGMA max_page_count = ${count}`);
  }

  /** Writes what waits, and closes the file. */
  close(): void {
    this.#commit();
    this.#closed = true;
    this.#db.close();
  }

  #write(write: () => void, after: () => void): void {
    this.#writes.push(write);
    this.#after.push(after);
    // At the end of this turn of the loop: all messages that came with it share the commit.
    this.#scheduled ??= setImmediate(() => this.#commit());
  }

  #commit(): void {
    clearImmediate(this.#scheduled);
    clearTimeout(this.#lazy);
    this.#lazy = undefined;
    if (this.#closed || this.#writes.length === 0) {
      this.#scheduled = undefined;
      return;
    }
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      for (const write of this.#writes) write();
      // failpoint: agent.journal.committing
      this.#db.exec('COMMIT');
    } catch (error) {
      this.#failed(error as Error);
      return;
    }
    this.#scheduled = undefined;
    this.problem = undefined;
    // failpoint: agent.journal.committed
    const after = this.#after;
    this.#writes = [];
    this.#after = [];
    for (const call of after) call();
  }

  #failed(error: Error): void {
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    this.problem = `The journal cannot be written: ${error.message}.`;
    this.#log.error(this.problem);
    // `#scheduled` stays set, so that nothing but this timer commits.
    this.#lazy = setTimeout(() => this.#commit(), RETRY_MS);
  }
}
