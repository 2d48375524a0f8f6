-- What many nodes at once need: locks, runs that belong together, copies that are read again.

-- Whoever holds locks now: an open catalogue of one process. It renews its row alone, whatever the number of its locks;
-- one that it did not renew in time is dead, and goes with all that it held.
CREATE TABLE lock_holder (
    id         TEXT PRIMARY KEY,
    -- Seconds since 1970 by the database's own clock, for it is only ever compared with that.
    renewed_at REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE lock (
    -- What is locked: one row each.
    scope    TEXT PRIMARY KEY,
    -- The rows that were taken together.
    id       TEXT NOT NULL,
    holder   TEXT NOT NULL REFERENCES lock_holder (id) ON DELETE CASCADE,
    taken_by TEXT NOT NULL,
    since    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX lock_id ON lock (id);
CREATE INDEX lock_of ON lock (holder);

-- What the runs of one command share; null for those of before.
ALTER TABLE run ADD COLUMN rollout TEXT;

CREATE INDEX run_rollout ON run (rollout);

-- When its file was last read whole and was as it should be.
ALTER TABLE copy ADD COLUMN scrubbed_at TEXT;

DROP VIEW copy_record;

CREATE VIEW copy_record AS
SELECT c.pool_id, p.gid AS pool_gid, p.name AS pool_name, NULLIF(p.node, '') AS pool_node, p.path AS pool_path,
       g.image_id, c.generation_id, g.number, g.source_sha256, g.format, g.virtual_size,
       c.state, c.file, c.sha256, c.size, c.verified_at, c.scrubbed_at
FROM copy c
JOIN pool p ON p.id = c.pool_id
JOIN generation g ON g.id = c.generation_id;

-- A generation as it is shown.
CREATE VIEW generation_record AS
SELECT g.*, g.source_verified AS verified_at_source, g.id = i.current_generation AS current
FROM generation g
JOIN image i ON i.id = g.image_id;
