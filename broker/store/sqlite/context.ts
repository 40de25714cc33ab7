import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';
import { RunaboutError } from '../../../protocol/errors/error.ts';
import type { CommitNotice, StorePolicy } from '../contract.ts';
import { principalName } from './constants.ts';

/** Rows of one statement that are kept at the most. */
const CONSTANTS_MOST = 50_000;

/** A row as an object. The statement and the type stand side by side wherever one is read. */
type Row = Record<string, SQLOutputValue>;

/**
 * A prepared statement and what makes objects of its rows, which come as arrays: objects that `node:sqlite` makes have
 * their names made anew with each call, and are slow to read.
 */
interface Prepared {
  statement: StatementSync;
  toRow: (values: readonly SQLOutputValue[]) => Row;
}

/**
 * What the statement groups share: prepared statements, the owners' event numbers, and what a verb changed besides its
 * rows. A verb's effects are gathered and written at its end, so that a batch of a thousand tasks updates its endpoint
 * once.
 *
 * Statements say `LIMIT +?`: after each binding of a bare `LIMIT ?` SQLite prepares the statement anew, which takes five
 * times as long as running it.
 */
export class Context {
  readonly policy: StorePolicy;
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, Prepared>();
  readonly #heads = new Map<number, number>();
  readonly #dirtyHeads = new Set<number>();
  /** Event numbers taken in this transaction. */
  #changes = 0;
  readonly #constants = new Map<string, Map<number, object>>();
  #counts = new Map<number, { queued: number; live: number }>();
  #verb: Omit<CommitNotice, 'heads'> = emptyNotice();
  #commit: CommitNotice = { heads: {}, ...emptyNotice() };

  constructor(db: DatabaseSync, policy: StorePolicy) {
    this.#db = db;
    this.policy = policy;
  }

  get<T extends object>(sql: string, ...params: SQLInputValue[]): T | undefined {
    const { statement, toRow } = this.#prepare(sql);
    const values = statement.get(...params) as unknown as SQLOutputValue[] | undefined;
    return values && (toRow(values) as T);
  }

  all<T extends object>(sql: string, ...params: SQLInputValue[]): T[] {
    const { statement, toRow } = this.#prepare(sql);
    const rows = statement.all(...params) as unknown as SQLOutputValue[][];
    return rows.map(values => toRow(values) as T);
  }

  /** The number of rows changed. */
  run(sql: string, ...params: SQLInputValue[]): number {
    return this.#prepare(sql).statement.run(...params).changes as number;
  }

  /** The key of the inserted row. */
  insert(sql: string, ...params: SQLInputValue[]): number {
    return this.#prepare(sql).statement.run(...params).lastInsertRowid as number;
  }

  #prepare(sql: string): Prepared {
    let prepared = this.#statements.get(sql);
    if (!prepared) {
      const statement = this.#db.prepare(sql);
      statement.setReturnArrays(true);
      prepared = { statement, toRow: rowMaker(statement.columns().map(({ name }) => name)) };
      this.#statements.set(sql, prepared);
    }
    return prepared;
  }

  /** The next event number of an owner. A number that a failed change took is skipped, never used again. */
  nextSeq(owner: number): number {
    const next = this.head(owner) + 1;
    this.#heads.set(owner, next);
    this.#dirtyHeads.add(owner);
    this.#changes += 1;
    return next;
  }

  head(owner: number): number {
    let head = this.#heads.get(owner);
    if (head === undefined) {
      head = this.get<{ head: number }>('SELECT head FROM principals WHERE num = ?', owner)?.head ?? 0;
      this.#heads.set(owner, head);
    }
    return head;
  }

  /** A task of this endpoint came into, or left, the queue or the hands of an agent. */
  count(endpoint: number, queued: number, live: number): void {
    const counts = this.#counts.get(endpoint);
    if (counts) {
      counts.queued += queued;
      counts.live += live;
    } else {
      this.#counts.set(endpoint, { queued, live });
    }
  }

  noteEnded(task: string): void {
    this.#verb.ended.push(task);
  }

  noteReady(endpoint: string): void {
    if (!this.#verb.ready.includes(endpoint)) this.#verb.ready.push(endpoint);
  }

  /** Nothing is left to claim: those who listen for `ready` need not look. */
  noteDrained(endpoint: string): void {
    this.#commit.ready = this.#commit.ready.filter(id => id !== endpoint);
  }

  noteCancel(cancel: CommitNotice['cancels'][number]): void {
    this.#verb.cancels.push(cancel);
  }

  /** Writes what the verb gathered. */
  finishVerb(): void {
    for (const [endpoint, { queued, live }] of this.#counts) {
      const row = this.get<{ owner: number }>('SELECT owner FROM endpoints WHERE num = ?', endpoint)!;
      this.run(
        'UPDATE endpoints SET queued = queued + ?, live = live + ?, seq = ? WHERE num = ?',
        queued,
        live,
        this.nextSeq(row.owner),
        endpoint,
      );
    }
    this.#counts.clear();
    this.#commit.ended.push(...this.#verb.ended);
    this.#commit.cancels.push(...this.#verb.cancels);
    for (const endpoint of this.#verb.ready) {
      if (!this.#commit.ready.includes(endpoint)) this.#commit.ready.push(endpoint);
    }
    this.#verb = emptyNotice();
  }

  /** Forgets what the verb gathered: its rows were rolled back. */
  dropVerb(): void {
    this.#counts.clear();
    this.#constants.clear();
    this.#verb = emptyNotice();
  }

  forgetConstants(): void {
    this.#constants.clear();
  }

  /** Writes the event numbers, right before the commit. `changes`: how many were taken. */
  finishTransaction(): { notice: CommitNotice; changes: number } {
    for (const owner of this.#dirtyHeads) {
      const head = this.#heads.get(owner)!;
      this.run('UPDATE principals SET head = ? WHERE num = ?', head, owner);
      this.#commit.heads[principalName(this, owner).id] = head;
    }
    this.#dirtyHeads.clear();
    const notice = this.#commit;
    this.#commit = { heads: {}, ...emptyNotice() };
    const changes = this.#changes;
    this.#changes = 0;
    return { notice, changes };
  }

  /** Forgets what the transaction gathered, its event numbers too: it told nobody of them, and the next one takes them. */
  dropTransaction(): void {
    this.dropVerb();
    this.#heads.clear();
    this.#dirtyHeads.clear();
    this.#changes = 0;
    this.#commit = { heads: {}, ...emptyNotice() };
  }

  /** The key of a principal that a token named. */
  owner(id: string): number {
    const row = this.get<{ num: number }>('SELECT num FROM principals WHERE id = ?', id);
    if (!row) throw new RunaboutError('token-invalid', 'The principal of this token is not there any more.');
    return row.num;
  }

  /**
   * The row that a statement gives for a key, read once: for what never changes while it is there.
   * @throws RunaboutError `broker-internal` when there is none
   */
  constant<T extends object>(sql: string, key: number): T {
    let rows = this.#constants.get(sql);
    if (!rows || rows.size >= CONSTANTS_MOST) {
      rows = new Map();
      this.#constants.set(sql, rows);
    }
    let row = rows.get(key);
    if (!row) {
      row = this.get<T>(sql, key);
      if (!row) throw new RunaboutError('broker-internal', `The store lacks a row that another one refers to: ${key}.`);
      rows.set(key, row);
    }
    return row as T;
  }
}

/** One literal of the row's shape: filling an object name by name takes five times as long, four times for each task. */
function rowMaker(columns: readonly string[]): Prepared['toRow'] {
  const members = columns.map((name, i) => `${JSON.stringify(name)}: values[${i}]`);
  return new Function('values', `return { ${members.join(', ')} };`) as Prepared['toRow'];
}

export const emptyNotice = (): Omit<CommitNotice, 'heads'> => ({ ended: [], ready: [], cancels: [] });

export function notFound(what: string, id: string, path?: string): RunaboutError {
  return new RunaboutError('not-found', `There is no ${what} ${id}, or it is not yours.`, path ? { path } : {});
}

/** `undefined` as SQL's NULL. */
export const orNull = <T>(value: T | undefined): T | null => value ?? null;

/** A cursor is the key of the last item of its page, so that a list that grows shifts nothing. */
export function encodeCursor(num: number): string {
  return Buffer.from(String(num)).toString('base64url');
}

/** @throws RunaboutError `request-invalid` */
export function decodeCursor(cursor: string): number {
  const num = Number(Buffer.from(cursor, 'base64url').toString('latin1'));
  if (!Number.isSafeInteger(num) || num < 0) {
    throw new RunaboutError('request-invalid', 'This cursor is not one that the broker gave.', {
      hint: 'Send the `next` of the page before, unchanged.',
      path: 'cursor',
    });
  }
  return num;
}

/** Cuts the page out of one row more than it holds. */
export function toPage<R extends { num: number }, T>(
  rows: R[],
  limit: number,
  toItem: (row: R) => T,
): { items: T[]; next?: string } {
  const more = rows.length > limit;
  const kept = more ? rows.slice(0, limit) : rows;
  return { items: kept.map(toItem), ...(more ? { next: encodeCursor(kept.at(-1)!.num) } : {}) };
}
