import type { DatabaseSync } from 'node:sqlite';

/**
 * The schema, step by step; `user_version` says how many steps a database has. A step that was released never changes.
 *
 * Rows have an integer key (`num`, in the order of insertion) beside their public id: it keeps the indexes small.
 * `seq` is the number of the last event of a row: the rows themselves are the event log, compacted to the newest state
 * of each, so that an event costs one index entry and a replay never outgrows the tables. The partial indexes of
 * `tasks` hold only the tasks in a state, so that a claim among a million queued tasks reads just what it takes, and
 * each list has an index that ends where its page ends. Their conditions are plain comparisons: an `IN (…)` there builds
 * a temporary table at each change of a row, which more than doubled the cost of one.
 */
const migrations: readonly string[] = [
  `
  CREATE TABLE principals (
    num        INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    kind       TEXT NOT NULL,
    name       TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    head       INTEGER NOT NULL DEFAULT 0,
    floor      INTEGER NOT NULL DEFAULT 0
  ) STRICT;

  CREATE TABLE tokens (
    hash      TEXT PRIMARY KEY,
    principal INTEGER NOT NULL REFERENCES principals,
    endpoint  INTEGER REFERENCES endpoints
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX tokens_endpoint ON tokens (endpoint) WHERE endpoint IS NOT NULL;

  CREATE TABLE functions (
    num        INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    owner      INTEGER NOT NULL REFERENCES principals,
    name       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    latest     INTEGER,
    deleted    INTEGER NOT NULL DEFAULT 0,
    seq        INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX functions_name ON functions (owner, name) WHERE deleted = 0;
  CREATE INDEX functions_listed ON functions (owner, num);
  CREATE INDEX functions_changed ON functions (owner, seq);
  CREATE INDEX functions_deleted ON functions (num) WHERE deleted = 1;

  CREATE TABLE versions (
    num        INTEGER PRIMARY KEY,
    function   INTEGER NOT NULL REFERENCES functions,
    version    INTEGER NOT NULL,
    digest     TEXT NOT NULL,
    size       INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    details    TEXT NOT NULL,
    map_digest TEXT,
    created_at INTEGER NOT NULL,
    UNIQUE (function, version)
  ) STRICT;
  CREATE INDEX versions_digest ON versions (digest);
  CREATE INDEX versions_map ON versions (map_digest) WHERE map_digest IS NOT NULL;

  CREATE TABLE endpoints (
    num         INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    owner       INTEGER NOT NULL REFERENCES principals,
    name        TEXT NOT NULL,
    description TEXT,
    created_at  INTEGER NOT NULL,
    deleted     INTEGER NOT NULL DEFAULT 0,
    seq         INTEGER NOT NULL,
    state       TEXT NOT NULL DEFAULT 'new',
    state_at    INTEGER NOT NULL,
    host        TEXT,
    workers     TEXT,
    problem     TEXT,
    queued      INTEGER NOT NULL DEFAULT 0,
    live        INTEGER NOT NULL DEFAULT 0,
    epoch       INTEGER NOT NULL DEFAULT 0,
    session     TEXT,
    lease_until INTEGER,
    lapsed      INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE UNIQUE INDEX endpoints_name ON endpoints (owner, name) WHERE deleted = 0;
  CREATE INDEX endpoints_listed ON endpoints (owner, num);
  CREATE INDEX endpoints_changed ON endpoints (owner, seq);
  CREATE INDEX endpoints_deleted ON endpoints (num) WHERE deleted = 1;

  CREATE TABLE tasks (
    num           INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    owner         INTEGER NOT NULL REFERENCES principals,
    function      INTEGER NOT NULL REFERENCES functions,
    version       INTEGER NOT NULL REFERENCES versions,
    endpoint      INTEGER NOT NULL REFERENCES endpoints,
    seq           INTEGER NOT NULL,
    state         TEXT NOT NULL,
    state_at      INTEGER NOT NULL,
    attempt       INTEGER NOT NULL DEFAULT 0,
    tries         INTEGER NOT NULL DEFAULT 0,
    max_attempts  INTEGER NOT NULL,
    worker_deaths INTEGER NOT NULL DEFAULT 0,
    priority      INTEGER NOT NULL,
    not_before    INTEGER NOT NULL DEFAULT 0,
    deadline      INTEGER,
    timeout_ms    INTEGER,
    note          TEXT,
    created_at    INTEGER NOT NULL,
    started_at    INTEGER,
    ended_at      INTEGER,
    value_type    TEXT,
    value_size    INTEGER,
    error         TEXT,
    timings       TEXT,
    -- Its history: the elements of a JSON array [state, at, attempt, reason?]. Steps are written with the rest of the
    -- row; a table of them would double the rows written for a task.
    steps         TEXT NOT NULL,
    -- What came of it. Written once, with the last step; last in the row, so that lists need not read past it.
    outcome_bytes BLOB,
    outcome_blob  TEXT,
    outcome_error TEXT
  ) STRICT;
  CREATE INDEX tasks_listed ON tasks (owner, num);
  CREATE INDEX tasks_by_endpoint ON tasks (endpoint, num);
  CREATE INDEX tasks_by_function ON tasks (function, num);
  CREATE INDEX tasks_changed ON tasks (owner, seq);
  -- Tasks that wait for their next attempt stand apart from the queue: a claim does not read past them.
  CREATE INDEX tasks_queue ON tasks (endpoint, priority DESC, num) WHERE state = 'queued' AND not_before = 0;
  CREATE INDEX tasks_paused ON tasks (endpoint, not_before) WHERE state = 'queued' AND not_before > 0;
  CREATE INDEX tasks_waiting ON tasks (owner, num) WHERE state = 'queued';
  CREATE INDEX tasks_live ON tasks (endpoint, num) WHERE ended_at IS NULL AND state <> 'queued';
  CREATE INDEX tasks_ended ON tasks (owner, state, num) WHERE ended_at IS NOT NULL;
  CREATE INDEX tasks_deadline ON tasks (deadline) WHERE state = 'queued' AND deadline IS NOT NULL;
  CREATE INDEX tasks_over ON tasks (ended_at) WHERE ended_at IS NOT NULL;
  CREATE INDEX outcomes_blob ON tasks (outcome_blob) WHERE outcome_blob IS NOT NULL;

  -- Apart from the task, whose row is rewritten with every change.
  CREATE TABLE arguments (
    task  INTEGER PRIMARY KEY REFERENCES tasks,
    type  TEXT NOT NULL,
    size  INTEGER NOT NULL,
    bytes BLOB,
    blob  TEXT
  ) STRICT;
  CREATE INDEX arguments_blob ON arguments (blob) WHERE blob IS NOT NULL;

  CREATE TABLE idempotency (
    owner   INTEGER NOT NULL REFERENCES principals,
    key     TEXT NOT NULL,
    task    INTEGER NOT NULL REFERENCES tasks,
    content TEXT NOT NULL,
    PRIMARY KEY (owner, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX idempotency_task ON idempotency (task);

  CREATE TABLE output (
    num     INTEGER PRIMARY KEY,
    task    INTEGER NOT NULL REFERENCES tasks,
    seq     INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    stream  TEXT NOT NULL,
    type    TEXT,
    bytes   BLOB NOT NULL,
    UNIQUE (task, seq)
  ) STRICT;
  CREATE TABLE output_tails (
    task    INTEGER PRIMARY KEY REFERENCES tasks,
    attempt INTEGER NOT NULL,
    kept    INTEGER NOT NULL,
    dropped INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE blobs (
    digest     TEXT PRIMARY KEY,
    size       INTEGER NOT NULL,
    used_at    INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  -- Who may read a blob: a principal or an endpoint, by id.
  CREATE TABLE blob_readers (
    digest TEXT NOT NULL REFERENCES blobs,
    reader TEXT NOT NULL,
    PRIMARY KEY (digest, reader)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX blob_readers_reader ON blob_readers (reader);

  -- Deleted things leave their event here, as long as events are kept.
  CREATE TABLE deletions (
    owner INTEGER NOT NULL REFERENCES principals,
    seq   INTEGER NOT NULL,
    kind  TEXT NOT NULL,
    id    TEXT NOT NULL,
    PRIMARY KEY (owner, seq)
  ) STRICT, WITHOUT ROWID;
  `,
];

/** Brings a database up to date; one of a newer version is refused. */
export function migrate(db: DatabaseSync): void {
  const { user_version: version } = db.prepare('PRAGMA user_version').get() as { user_version: number };
  if (version > migrations.length) {
    throw new Error(
      `the database is of schema version ${version}, and this broker knows versions up to ${migrations.length}: it was written by a newer Runabout`,
    );
  }
  for (const [i, step] of migrations.entries()) {
    if (i < version) continue;
    db.exec(`BEGIN IMMEDIATE; ${step}; PRAGMA user_version = ${i + 1}; COMMIT;`);
  }
}
