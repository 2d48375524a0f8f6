-- What is installed where, and what was run. `service` is a template's name, `node` a node's.

CREATE TABLE installed (
    service           TEXT NOT NULL,
    instance          TEXT NOT NULL,
    node              TEXT NOT NULL,
    template_checksum TEXT NOT NULL,
    answers_digest    TEXT NOT NULL,
    -- The copy that the install ended with; both null for a service that registers no image.
    pool_id           INTEGER,
    generation_id     INTEGER,
    installed_at      TEXT NOT NULL,
    PRIMARY KEY (service, instance, node),
    FOREIGN KEY (pool_id, generation_id) REFERENCES copy (pool_id, generation_id),
    CHECK ((pool_id IS NULL) = (generation_id IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE run (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    service    TEXT NOT NULL,
    instance   TEXT NOT NULL,
    node       TEXT NOT NULL,
    action     TEXT NOT NULL,
    status     TEXT NOT NULL CHECK (status IN ('running', 'succeeded', 'failed', 'interrupted')),
    message    TEXT,
    started_at TEXT NOT NULL,
    ended_at   TEXT
) STRICT;

CREATE INDEX run_of ON run (service, instance, node, id);
