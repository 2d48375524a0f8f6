-- A run names its log; the stacks know which commit they were last read from.

ALTER TABLE run ADD COLUMN log TEXT;

-- One row at most: the newest commit that the stacks were ever read from.
CREATE TABLE stacks_from (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    commit_id    TEXT NOT NULL,
    -- As RFC 3339 in UTC with milliseconds.
    committed_at TEXT NOT NULL
) STRICT;
