-- The environment is in the key of all that a catalogue holds, so that several can share one. An older file has one, and
-- does not say its name: it is that of the first that opens it.
--
-- SQLite adds no column to a key: tables are made anew. Foreign keys are off here, and checked at the end.

CREATE TABLE environment (
    id        INTEGER PRIMARY KEY,
    name      TEXT NOT NULL UNIQUE,
    -- What tells this catalogue from all others, in the marks of its pools; it moves with the catalogue.
    catalogue TEXT NOT NULL,
    -- The remote of its git repository, in a database that several share; null where nobody said.
    repository TEXT,
    -- Where its catalogue is now, when it is here no more.
    moved_to   TEXT
) STRICT;

INSERT INTO environment (id, name, catalogue) SELECT 1, '', catalogue FROM identity;
DROP TABLE identity;

DROP VIEW generation_record;
DROP VIEW copy_record;
DROP VIEW stack_record;
DROP VIEW image_record;
DROP VIEW offered;

CREATE TABLE new_pool (
    id             INTEGER PRIMARY KEY,
    environment_id INTEGER NOT NULL REFERENCES environment (id),
    gid            INTEGER NOT NULL,
    name           TEXT    NOT NULL,
    -- Whose disk it is; empty: shared.
    node           TEXT    NOT NULL,
    -- Another path is another pool: what the old one holds is not there.
    path           TEXT    NOT NULL,
    UNIQUE (environment_id, gid, name, node, path)
) STRICT;

INSERT INTO new_pool SELECT id, 1, gid, name, node, path FROM pool;
DROP TABLE pool;
ALTER TABLE new_pool RENAME TO pool;

CREATE TABLE new_stack (
    id             INTEGER PRIMARY KEY,
    environment_id INTEGER NOT NULL REFERENCES environment (id),
    gid            INTEGER NOT NULL,
    name           TEXT    NOT NULL,
    status         TEXT    NOT NULL CHECK (status IN ('ENABLED', 'MAINTENANCE', 'DISABLED')),
    reference_id   TEXT    NOT NULL,
    pool_id        INTEGER NOT NULL REFERENCES pool (id),
    UNIQUE (environment_id, gid, name)
) STRICT;

INSERT INTO new_stack SELECT id, 1, gid, name, status, reference_id, pool_id FROM stack;
DROP TABLE stack;
ALTER TABLE new_stack RENAME TO stack;

-- There is no column for the password of an image's own login: it is a secret.
CREATE TABLE new_image (
    id                 INTEGER PRIMARY KEY,
    environment_id     INTEGER NOT NULL REFERENCES environment (id),
    guid               TEXT    NOT NULL UNIQUE,
    gid                INTEGER NOT NULL,
    name               TEXT    NOT NULL,
    description        TEXT    NOT NULL,
    type               TEXT    NOT NULL,
    size_gb            INTEGER NOT NULL,
    username           TEXT,
    account_id         INTEGER NOT NULL DEFAULT 0,
    reference_id       TEXT    NOT NULL UNIQUE,
    url                TEXT    NOT NULL,
    last_modified      TEXT    NOT NULL,
    status             TEXT    NOT NULL
        CHECK (status IN ('CREATING', 'CREATED', 'DISABLED', 'DELETED', 'DESTROYED')),
    boot_type          TEXT    NOT NULL CHECK (boot_type IN ('bios', 'uefi')),
    hot_resize         INTEGER NOT NULL CHECK (hot_resize IN (0, 1)),
    -- The generation that was registered last; null only within the transaction that makes the image.
    current_generation INTEGER REFERENCES generation (id),
    UNIQUE (environment_id, gid, name)
) STRICT;

INSERT INTO new_image
SELECT id, 1, guid, gid, name, description, type, size_gb, username, account_id, reference_id, url, last_modified,
       status, boot_type, hot_resize, current_generation
FROM image;
DROP TABLE image;
ALTER TABLE new_image RENAME TO image;

CREATE TABLE new_installed (
    environment_id    INTEGER NOT NULL REFERENCES environment (id),
    service           TEXT    NOT NULL,
    instance          TEXT    NOT NULL,
    node              TEXT    NOT NULL,
    template_checksum TEXT    NOT NULL,
    answers_digest    TEXT    NOT NULL,
    installed_at      TEXT    NOT NULL,
    PRIMARY KEY (environment_id, service, instance, node)
) STRICT, WITHOUT ROWID;

CREATE TABLE new_installed_part (
    environment_id INTEGER NOT NULL,
    service        TEXT    NOT NULL,
    instance       TEXT    NOT NULL,
    node           TEXT    NOT NULL,
    -- 1, 2, 3, .. in the order in which the install registered them.
    number         INTEGER NOT NULL,
    pool_id        INTEGER NOT NULL,
    generation_id  INTEGER NOT NULL,
    PRIMARY KEY (environment_id, service, instance, node, number),
    FOREIGN KEY (environment_id, service, instance, node)
        REFERENCES new_installed (environment_id, service, instance, node) ON DELETE CASCADE,
    FOREIGN KEY (pool_id, generation_id) REFERENCES copy (pool_id, generation_id)
) STRICT, WITHOUT ROWID;

INSERT INTO new_installed
SELECT 1, service, instance, node, template_checksum, answers_digest, installed_at FROM installed;
INSERT INTO new_installed_part
SELECT 1, service, instance, node, number, pool_id, generation_id FROM installed_part;
DROP TABLE installed_part;
DROP TABLE installed;
ALTER TABLE new_installed RENAME TO installed;
ALTER TABLE new_installed_part RENAME TO installed_part;

CREATE TABLE new_run (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    environment_id INTEGER NOT NULL REFERENCES environment (id),
    service        TEXT    NOT NULL,
    instance       TEXT    NOT NULL,
    node           TEXT    NOT NULL,
    action         TEXT    NOT NULL,
    status         TEXT    NOT NULL CHECK (status IN ('running', 'succeeded', 'failed', 'interrupted')),
    message        TEXT,
    started_at     TEXT    NOT NULL,
    ended_at       TEXT,
    -- What the runs of one command share; null for those of before.
    rollout        TEXT,
    log            TEXT
) STRICT;

INSERT INTO new_run
SELECT id, 1, service, instance, node, action, status, message, started_at, ended_at, rollout, log FROM run;
DROP TABLE run;
ALTER TABLE new_run RENAME TO run;
CREATE INDEX run_of ON run (environment_id, service, instance, node, id);
CREATE INDEX run_rollout ON run (environment_id, rollout);

-- Locks live for seconds: none is moved.
DROP TABLE lock;

CREATE TABLE lock (
    environment_id INTEGER NOT NULL REFERENCES environment (id),
    -- What is locked: one row each.
    scope          TEXT NOT NULL,
    -- The rows that were taken together.
    id             TEXT NOT NULL,
    holder         TEXT NOT NULL REFERENCES lock_holder (id) ON DELETE CASCADE,
    taken_by       TEXT NOT NULL,
    since          TEXT NOT NULL,
    PRIMARY KEY (environment_id, scope)
) STRICT, WITHOUT ROWID;

CREATE INDEX lock_id ON lock (id);
CREATE INDEX lock_of ON lock (holder);

CREATE TABLE new_stacks_from (
    environment_id INTEGER PRIMARY KEY REFERENCES environment (id),
    commit_id      TEXT NOT NULL,
    -- As RFC 3339 in UTC with milliseconds.
    committed_at   TEXT NOT NULL
) STRICT;

INSERT INTO new_stacks_from SELECT 1, commit_id, committed_at FROM stacks_from;
DROP TABLE stacks_from;
ALTER TABLE new_stacks_from RENAME TO stacks_from;

-- What is true: the stack is enabled, the image is there and wanted on it, and the stack's pool holds a
-- verified copy. Of those that it holds, the newest that is not newer than the current generation is offered; when
-- all are newer, the newest: content that came back elsewhere made an older generation current, and no stack loses
-- what it offers by another's registration.
CREATE VIEW offered AS
SELECT environment_id, stack_id, image_id, pool_id, generation_id
FROM (
    SELECT s.environment_id, s.id AS stack_id, i.id AS image_id, s.pool_id,
           (SELECT g.id
            FROM generation g
            JOIN copy c ON c.generation_id = g.id AND c.pool_id = s.pool_id AND c.state = 'verified'
            -- Here, since an ORDER BY sees no table outside its own SELECT.
            JOIN generation current ON current.id = i.current_generation
            WHERE g.image_id = i.id
            ORDER BY g.number > current.number, g.number DESC
            LIMIT 1) AS generation_id
    FROM wanted w
    JOIN stack s ON s.id = w.stack_id
    JOIN image i ON i.id = w.image_id
    WHERE s.status = 'ENABLED' AND i.status = 'CREATED'
) AS candidate
WHERE generation_id IS NOT NULL;

-- An image as it is shown. `unc_path` is where its current generation lies; shared pools go first.
CREATE VIEW image_record AS
SELECT i.*, 'libvirt' AS provider_name,
       (SELECT p.path || '/' || c.file
        FROM copy c
        JOIN pool p ON p.id = c.pool_id
        WHERE c.generation_id = i.current_generation AND c.state = 'verified'
        ORDER BY p.node <> '', p.id
        LIMIT 1) AS unc_path
FROM image i;

-- A copy with its pool's key and what is the same for all copies of its generation.
CREATE VIEW copy_record AS
SELECT p.environment_id, c.pool_id, p.gid AS pool_gid, p.name AS pool_name, NULLIF(p.node, '') AS pool_node,
       p.path AS pool_path, g.image_id, c.generation_id, g.number, g.source_sha256, g.content, c.format,
       g.virtual_size, c.state, c.file, c.digest, c.size, c.verified_at, c.scrubbed_at
FROM copy c
JOIN pool p ON p.id = c.pool_id
JOIN generation g ON g.id = c.generation_id;

-- A generation as it is shown.
CREATE VIEW generation_record AS
SELECT g.*, g.source_verified AS verified_at_source, g.id = i.current_generation AS current
FROM generation g
JOIN image i ON i.id = g.image_id;

-- A stack as it is shown.
CREATE VIEW stack_record AS
SELECT s.environment_id, s.id, s.gid, s.name, s.status, s.reference_id, 'LIBVIRT' AS type,
       'pool ' || p.name || ', ' || p.path AS descr
FROM stack s
JOIN pool p ON p.id = s.pool_id;
