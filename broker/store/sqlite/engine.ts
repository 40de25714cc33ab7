import { closeSync, openSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { asRunaboutError, type RunaboutError } from '../../../protocol/errors/error.ts';
import { storageError } from '../../storage-error.ts';
import type { CommitNotice, StorePolicy, Verb } from '../contract.ts';
import { Context, emptyNotice } from './context.ts';
import { migrate } from './migrations.ts';
import { verbs } from './verbs.ts';

export interface Call {
  verb: Verb;
  request: unknown;
}

export type Reply = { ok: true; value: unknown } | { ok: false; error: RunaboutError };

export interface Committed {
  replies: Reply[];
  notice: CommitNotice;
  /** How many events it brought about. */
  changes: number;
}

/**
 * The store itself, synchronous: runs any number of verbs in one transaction and one fsync (*group commit*). A verb
 * that fails is undone by itself; if the commit fails, so do they all.
 */
export class SqliteEngine {
  readonly #db: DatabaseSync;
  readonly #ctx: Context;
  readonly #savepoint: StatementSync;
  readonly #release: StatementSync;

  /** @param file the database, made if it is not there; `:memory:` for tests */
  constructor(file: string, policy: StorePolicy) {
    // SQLite would make it as readable as any file, and its log with the same mode.
    if (file !== ':memory:') closeSync(openSync(file, 'a', 0o600));
    // Rows are referenced by keys that were just read, and never deleted: the checks would only cost.
    this.#db = new DatabaseSync(file, { enableForeignKeyConstraints: false, timeout: 5_000 });
    this.#db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA wal_autocheckpoint = 4000;
      PRAGMA journal_size_limit = 67108864;
      PRAGMA cache_size = -65536;
      PRAGMA temp_store = MEMORY;
    `);
    migrate(this.#db);
    this.#ctx = new Context(this.#db, policy);
    this.#savepoint = this.#db.prepare('SAVEPOINT verb');
    this.#release = this.#db.prepare('RELEASE verb');
  }

  /**
   * Replies in the order of the calls; they may be sent when this returns: everything is durable then. While the disk
   * takes nothing, what only reads is answered still, and the rest fails with `broker-storage`.
   */
  run(calls: readonly Call[]): Committed {
    try {
      this.#db.exec('BEGIN IMMEDIATE');
    } catch (cause) {
      // Another program holds the database, for longer than we wait: each call by itself would wait as long again.
      return refused(calls, cause);
    }
    try {
      return this.#commit(calls);
    } catch (cause) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      this.#ctx.dropTransaction();
      if (storageError(cause) && calls.length > 1) return calls.map(call => this.run([call])).reduce(joined);
      return refused(calls, cause);
    }
  }

  #commit(calls: readonly Call[]): Committed {
    const replies = calls.map(call => this.#runOne(call));
    const { notice, changes } = this.#ctx.finishTransaction();
    // failpoint: store.committing of calls.map(call => call.verb)
    this.#db.exec('COMMIT');
    // failpoint: store.committed of calls.map(call => call.verb)
    return { replies, notice, changes };
  }

  #runOne({ verb, request }: Call): Reply {
    this.#savepoint.run();
    try {
      const value = verbs[verb](this.#ctx, request as never);
      this.#ctx.finishVerb();
      this.#release.run();
      return { ok: true, value };
    } catch (cause) {
      // SQLite may have rolled back more than this verb.
      if (storageError(cause)) throw cause;
      this.#ctx.dropVerb();
      this.#db.exec('ROLLBACK TO verb; RELEASE verb');
      return { ok: false, error: asRunaboutError(cause, 'broker-internal', `The store could not ${verb}`) };
    }
  }

  close(): void {
    this.#db.close();
  }
}

/** No call was taken. */
function refused(calls: readonly Call[], cause: unknown): Committed {
  const error = storageError(cause) ?? asRunaboutError(cause, 'broker-internal', 'The store could not commit');
  return { replies: calls.map(() => ({ ok: false, error })), notice: { heads: {}, ...emptyNotice() }, changes: 0 };
}

/** Two commits as one. */
function joined(a: Committed, b: Committed): Committed {
  return {
    replies: [...a.replies, ...b.replies],
    changes: a.changes + b.changes,
    notice: {
      heads: { ...a.notice.heads, ...b.notice.heads },
      ended: [...a.notice.ended, ...b.notice.ended],
      ready: [...new Set([...a.notice.ready, ...b.notice.ready])],
      cancels: [...a.notice.cancels, ...b.notice.cancels],
    },
  };
}
