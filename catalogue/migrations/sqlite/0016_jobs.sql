-- Jobs: operations that workers do, what happens in them, and when they are asked for by themselves.

-- The process that holds the locks of this holder, where it is a worker: when that is gone, so are its locks.
ALTER TABLE lock_holder ADD COLUMN process TEXT;

CREATE TABLE schedule (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    environment_id INTEGER NOT NULL REFERENCES environment (id),
    -- `daily 03:00` and such.
    every          TEXT    NOT NULL,
    -- As JSON.
    operation      TEXT    NOT NULL,
    actor          TEXT    NOT NULL,
    created_at     TEXT    NOT NULL,
    next_at        TEXT    NOT NULL
) STRICT;

CREATE TABLE job (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    environment_id INTEGER NOT NULL REFERENCES environment (id),
    kind           TEXT    NOT NULL,
    -- As JSON.
    operation      TEXT    NOT NULL,
    status         TEXT    NOT NULL CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    actor          TEXT    NOT NULL,
    -- What asked for it; null: a person, or a schedule that is gone.
    schedule_id    INTEGER REFERENCES schedule (id) ON DELETE SET NULL,
    created_at     TEXT    NOT NULL,
    started_at     TEXT,
    ended_at       TEXT,
    -- The process that does it, or did it last.
    worker         TEXT,
    -- How often a worker has begun it.
    attempts       INTEGER NOT NULL DEFAULT 0,
    -- Who wants it to end.
    cancelled_by   TEXT,
    -- What it came to, and why not well: as JSON.
    report         TEXT,
    problem        TEXT
) STRICT;

CREATE INDEX job_of ON job (environment_id, status, id);

CREATE TABLE job_event (
    job_id INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    -- 1, 2, 3, .. in each job.
    number INTEGER NOT NULL,
    -- As JSON.
    record TEXT    NOT NULL,
    PRIMARY KEY (job_id, number)
) STRICT, WITHOUT ROWID;
