import { closeSync, openSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Logger } from 'pino';
import { Gathering } from '../../protocol/gathering.ts';
import type { Digest, Id } from '../../protocol/ids.ts';
import { type Change, type Ending, encodeChanges, type JournalRow, readChanges } from './log.ts';

/**
 * The journal is a log: each commit adds one row with all that changed, whatever the number of attempts. A row per
 * attempt would cost an attempt three statements instead of a few bytes.
 */
const SCHEMA = `
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS log (num INTEGER PRIMARY KEY, changes BLOB NOT NULL) STRICT;
  PRAGMA user_version = 2;
`;

/** How long to wait before writing again to a disk that took nothing, in milliseconds. */
const RETRY_MS = 1_000;
/** What is forgotten is not worth a commit of its own: at worst the broker is told once more what it knows. */
const LAZY_MS = 200;
/** How long an ending that its manager still holds may wait for the broker to settle it, in milliseconds. */
const LATE_MS = 20;
/** Changes in one commit from which on they gather, and for how many milliseconds at the most. */
const LARGE = 64;
const GATHER_MS = 4;
/** Changes in the log, above which it is written anew without what is forgotten. */
const COMPACT_ABOVE = 20_000;

interface Late {
  row: JournalRow;
  after: () => void;
  due: number;
}

/**
 * What the agent must not forget over a crash: the attempts it took, which of them were started, and every ending that
 * the broker has not confirmed. All that is written in one turn of the event loop becomes durable in one commit, and
 * only then the call-backs run, in order.
 */
export class Journal {
  readonly #db: DatabaseSync;
  readonly #log: Logger;
  readonly #insert: StatementSync;
  readonly #truncate: StatementSync;
  #changes: Change[] = [];
  #after: (() => void)[] = [];
  /** Endings that are written only if they are not forgotten first; oldest first. */
  readonly #late = new Map<Id, Late>();
  /** The first and the last row of each task that is in the log; lowest first row first. */
  readonly #live = new Map<Id, { first: number; last: number }>();
  /** Tasks that are in the log up to this row, and are not to be. */
  readonly #forgotten = new Map<Id, number>();
  #lastRow = 0;
  #logged = 0;
  #scheduled: NodeJS.Immediate | NodeJS.Timeout | undefined;
  #lateTimer: NodeJS.Timeout | undefined;
  #lazy: NodeJS.Timeout | undefined;
  readonly #gathering = new Gathering(LARGE, GATHER_MS);
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
    this.#insert = this.#db.prepare('INSERT INTO log (num, changes) VALUES (?, ?)');
    this.#truncate = this.#db.prepare('DELETE FROM log WHERE num < ?');
    this.#read((change, row) => this.#account(change, row));
  }

  /** Everything that is in the journal, oldest task first. */
  rows(): JournalRow[] {
    const rows = new Map<Id, JournalRow>();
    this.#read(change => {
      if (change.phase === 'forgotten') rows.delete(change.task);
      else rows.set(change.task, change);
    });
    for (const task of this.#forgotten.keys()) rows.delete(task);
    return [...rows.values()].sort((a, b) => (a.task < b.task ? -1 : 1));
  }

  put(task: Id, attempt: number, phase: 'accepted' | 'started', digest: Digest, after: () => void): void {
    this.#write({ task, attempt, phase, digest, ending: undefined }, after);
  }

  end(task: Id, attempt: number, digest: Digest, ending: Ending, after: () => void): void {
    this.#write({ task, attempt, phase: 'ended', digest, ending }, after);
  }

  /**
   * As {@link end}, for an ending that a manager holds until `after` is called: if it is forgotten within
   * {@link LATE_MS}, since the broker has settled it, it need not be written at all.
   */
  endUnlessForgotten(task: Id, attempt: number, digest: Digest, ending: Ending, after: () => void): void {
    const row: JournalRow = { task, attempt, phase: 'ended', digest, ending };
    this.#late.set(task, { row, after, due: performance.now() + LATE_MS });
    this.#lateTimer ??= setTimeout(() => this.#writeLate(), LATE_MS);
  }

  forget(task: Id): void {
    const late = this.#late.get(task);
    this.#late.delete(task);
    late?.after();
    // It may stand in what the next commit writes.
    const last = this.#changes.length > 0 ? this.#lastRow + 1 : this.#live.get(task)?.last;
    this.#live.delete(task);
    if (last === undefined) return;
    this.#forgotten.set(task, last);
    this.#lazy ??= setTimeout(() => this.#clean(), LAZY_MS);
  }

  /** Lets the file have so many pages at the most, as a full disk would. */
  limitPages(count: number): void {
    this.#db.exec(`PRAGMA max_page_count = ${count}`);
  }

  /** Writes what waits, and closes the file. */
  close(): void {
    this.#writeLate(Number.POSITIVE_INFINITY);
    this.#commit();
    if (this.#forgotten.size > 0) this.#clean();
    this.#closed = true;
    for (const timer of [this.#lateTimer, this.#lazy]) clearTimeout(timer);
    this.#db.close();
  }

  #write(row: JournalRow, after: () => void): void {
    this.#forgotten.delete(row.task);
    this.#changes.push(row);
    // What a manager holds for a late ending it holds until the newer row is there.
    const late = this.#late.get(row.task);
    if (late && this.#late.delete(row.task)) this.#after.push(late.after);
    this.#after.push(after);
    this.#schedule();
  }

  /** At the end of this turn of the loop, so that all messages that came with it share the commit. */
  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    const pause = this.#gathering.wait;
    this.#scheduled = pause > 0 ? setTimeout(() => this.#commit(), pause) : setImmediate(() => this.#commit());
  }

  #writeLate(now = performance.now()): void {
    clearTimeout(this.#lateTimer);
    this.#lateTimer = undefined;
    for (const [task, { row, after, due }] of this.#late) {
      // Timers are of whole milliseconds: what is due in the next one is due.
      if (due > now + 1) {
        this.#lateTimer = setTimeout(() => this.#writeLate(), due - now);
        break;
      }
      this.#late.delete(task);
      this.#write(row, after);
    }
  }

  #commit(): void {
    // One or the other; both kinds are cleared by either.
    clearTimeout(this.#scheduled as NodeJS.Timeout);
    clearImmediate(this.#scheduled as NodeJS.Immediate);
    if (this.#closed || this.#changes.length === 0) {
      this.#scheduled = undefined;
      return;
    }
    try {
      const changes = encodeChanges(this.#changes);
      // failpoint: agent.journal.committing
      this.#insert.run(this.#lastRow + 1, changes);
    } catch (error) {
      this.#failed(error as Error);
      return;
    }
    this.#scheduled = undefined;
    this.problem = undefined;
    // failpoint: agent.journal.committed
    this.#lastRow += 1;
    this.#gathering.left(this.#changes.length);
    for (const change of this.#changes) this.#account(change, this.#lastRow);
    const after = this.#after;
    this.#changes = [];
    this.#after = [];
    for (const call of after) call();
  }

  #account(change: Change, row: number): void {
    this.#lastRow = Math.max(this.#lastRow, row);
    this.#logged += 1;
    const { task, phase } = change;
    const live = this.#live.get(task);
    if (phase === 'forgotten') this.#live.delete(task);
    else if (live) live.last = row;
    else if (!this.#forgotten.has(task)) this.#live.set(task, { first: row, last: row });
  }

  /**
   * Takes out of the log what is forgotten: the rows before the first one that is still needed; or, when a long attempt
   * keeps too many, everything is written anew.
   */
  #clean(): void {
    clearTimeout(this.#lazy);
    this.#lazy = undefined;
    // What is on its way into the log may be what is forgotten.
    this.#commit();
    if (this.#closed || this.#changes.length > 0) return;
    const [oldest] = this.#live.values();
    const first = oldest?.first ?? this.#lastRow + 1;
    const stay = [...this.#forgotten].flatMap(([task, last]) =>
      last >= first ? [{ task, phase: 'forgotten' } as const] : [],
    );
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      if (this.#logged > COMPACT_ABOVE && this.#logged > 8 * this.#live.size) {
        const rows = this.rows();
        this.#truncate.run(this.#lastRow + 1);
        if (rows.length > 0) this.#insert.run(this.#lastRow + 1, encodeChanges(rows));
        this.#db.exec('COMMIT');
        this.#live.clear();
        this.#logged = 0;
        for (const row of rows) this.#account(row, this.#lastRow + 1);
      } else {
        this.#truncate.run(first);
        if (stay.length > 0) this.#insert.run(this.#lastRow + 1, encodeChanges(stay));
        this.#db.exec('COMMIT');
        if (stay.length > 0) this.#lastRow += 1;
        this.#logged = this.#live.size === 0 ? 0 : this.#logged + stay.length;
      }
    } catch (error) {
      this.#failed(error as Error);
      return;
    }
    this.#forgotten.clear();
    this.problem = undefined;
  }

  #failed(error: Error): void {
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    this.problem = `The journal cannot be written: ${error.message}.`;
    this.#log.error(this.problem);
    // While `#scheduled` is set, nothing but this timer commits.
    this.#scheduled = setTimeout(() => this.#commit(), RETRY_MS);
    if (this.#forgotten.size > 0) this.#lazy ??= setTimeout(() => this.#clean(), RETRY_MS);
  }

  #read(take: (change: Change, row: number) => void): void {
    for (const { num, changes } of this.#db.prepare('SELECT num, changes FROM log ORDER BY num').iterate()) {
      readChanges(changes as Uint8Array, change => take(change, num as number));
    }
  }
}
