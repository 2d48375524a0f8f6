-- Who may what, and by which tokens, is changed by somebody too. What a column may hold cannot be changed: the table is made
-- again, and so is the one that refers to it.
ALTER TABLE audit RENAME TO audit_before;
ALTER TABLE webhook RENAME TO webhook_before;

CREATE TABLE audit (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    environment_id INTEGER NOT NULL REFERENCES environment (id),
    at             TEXT    NOT NULL,
    actor          TEXT    NOT NULL,
    -- What was changed, by its name and grid: what is told of it stays true when it has another name or is gone.
    subject        TEXT    NOT NULL CHECK (subject IN ('image', 'stack', 'pool', 'user')),
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
