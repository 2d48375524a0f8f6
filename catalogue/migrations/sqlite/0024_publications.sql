-- Accounts at clouds, what is published there, and the ledger of what was made for it. What a column may hold cannot be changed:
-- the table of changes is made again, and so is the one that refers to it.
ALTER TABLE audit RENAME TO audit_before;
ALTER TABLE webhook RENAME TO webhook_before;

CREATE TABLE audit (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    environment_id INTEGER NOT NULL REFERENCES environment (id),
    at             TEXT    NOT NULL,
    actor          TEXT    NOT NULL,
    -- What was changed, by its name and grid: what is told of it stays true when it has another name or is gone.
    subject        TEXT    NOT NULL CHECK (subject IN ('image', 'stack', 'pool', 'user', 'account')),
    gid            INTEGER NOT NULL,
    name           TEXT    NOT NULL,
    what           TEXT    NOT NULL,
    reason         TEXT,
    -- As JSON; null: there was nothing, or is nothing any more.
    before         TEXT,
    after          TEXT
) STRICT;

CREATE TABLE webhook (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    environment_id INTEGER NOT NULL REFERENCES environment (id),
    url            TEXT    NOT NULL,
    -- The name of the secret that signs.
    secret         TEXT    NOT NULL,
    actor          TEXT    NOT NULL,
    created_at     TEXT    NOT NULL,
    -- The number of the last change that it was told of, or that was there before it; null: there was none.
    told           INTEGER REFERENCES audit (id),
    -- How often in a row it did not take what it was told.
    failures       INTEGER NOT NULL DEFAULT 0,
    -- Nobody tells it anything before.
    next_at        TEXT    NOT NULL,
    -- Why it did not take it the last time.
    problem        TEXT,
    delivered_at   TEXT
) STRICT;

INSERT INTO audit SELECT id, environment_id, at, actor, subject, gid, name, what, reason, before, after FROM audit_before;

INSERT INTO webhook
SELECT id, environment_id, url, secret, actor, created_at, told, failures, next_at, problem, delivered_at
FROM webhook_before;

-- Numbers that were given are not given again.
DELETE FROM sqlite_sequence WHERE name IN ('audit', 'webhook');
INSERT INTO sqlite_sequence (name, seq) SELECT 'audit', seq FROM sqlite_sequence WHERE name = 'audit_before';
INSERT INTO sqlite_sequence (name, seq) SELECT 'webhook', seq FROM sqlite_sequence WHERE name = 'webhook_before';

DROP TABLE webhook_before;
DROP TABLE audit_before;

CREATE INDEX audit_of ON audit (environment_id, subject, name, id);

-- What is known of an account beside its secrets, which are never here.
CREATE TABLE cloud_account (
    environment_id INTEGER NOT NULL REFERENCES environment (id),
    name           TEXT    NOT NULL,
    target         TEXT    NOT NULL,
    -- JSON: the fields that are no secrets, by their keys.
    fields         TEXT    NOT NULL,
    -- JSON: the keys of those that are secrets.
    secrets        TEXT    NOT NULL,
    created_at     TEXT    NOT NULL,
    created_by     TEXT    NOT NULL,
    tested_at      TEXT,
    -- Why the last test did not go well; null: it did.
    problem        TEXT,
    PRIMARY KEY (environment_id, name)
) STRICT, WITHOUT ROWID;

-- An account may be forgotten while what was published with it is still told of, so publications name it only.
CREATE TABLE publication (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    environment_id INTEGER NOT NULL REFERENCES environment (id),
    image_id       INTEGER NOT NULL REFERENCES image (id),
    generation     INTEGER NOT NULL,
    content        TEXT    NOT NULL,
    account        TEXT    NOT NULL,
    target         TEXT    NOT NULL,
    -- JSON: the target's fields, by their keys.
    fields         TEXT    NOT NULL,
    overwrite      INTEGER NOT NULL CHECK (overwrite IN (0, 1)),
    keep           INTEGER NOT NULL CHECK (keep IN (0, 1)),
    status         TEXT    NOT NULL CHECK (status IN ('running', 'done', 'failed', 'cancelled', 'removed')),
    message        TEXT    NOT NULL,
    bytes_done     INTEGER NOT NULL,
    bytes_total    INTEGER,
    problem        TEXT,
    cloud_id       TEXT,
    location       TEXT,
    actor          TEXT    NOT NULL,
    created_at     TEXT    NOT NULL,
    ended_at       TEXT,
    -- Who wants it to end.
    cancelled_by   TEXT
) STRICT;

CREATE INDEX publication_of ON publication (environment_id, image_id, id);

-- The ledger: a row is written before an object is made at a cloud, its id there after.
CREATE TABLE cloud_object (
    publication_id INTEGER NOT NULL REFERENCES publication (id),
    -- 1, 2, 3, .. in the order in which they were wanted.
    number         INTEGER NOT NULL,
    kind           TEXT    NOT NULL,
    -- What it is made with, so that it is found, and never made twice, when no answer came.
    key            TEXT    NOT NULL,
    cloud_id       TEXT,
    state          TEXT    NOT NULL CHECK (state IN ('intended', 'made', 'kept', 'removed')),
    changed_at     TEXT    NOT NULL,
    PRIMARY KEY (publication_id, number),
    UNIQUE (publication_id, kind, key)
) STRICT, WITHOUT ROWID;

-- Whoever has said yes to the licence of what is in an image, once.
CREATE TABLE licence (
    environment_id INTEGER NOT NULL REFERENCES environment (id),
    image_id       INTEGER NOT NULL REFERENCES image (id),
    accepted_by    TEXT    NOT NULL,
    accepted_at    TEXT    NOT NULL,
    PRIMARY KEY (environment_id, image_id)
) STRICT, WITHOUT ROWID;
