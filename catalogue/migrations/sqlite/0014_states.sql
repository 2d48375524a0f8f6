-- Who changed what and why; which generations were undone; why a stack offers nothing; files that are removed.

CREATE TABLE audit (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    environment_id INTEGER NOT NULL REFERENCES environment (id),
    at             TEXT    NOT NULL,
    actor          TEXT    NOT NULL,
    -- What was changed, by its name and grid: what is told of it stays true when it has another name or is gone.
    subject        TEXT    NOT NULL CHECK (subject IN ('image', 'stack', 'pool')),
    gid            INTEGER NOT NULL,
    name           TEXT    NOT NULL,
    what           TEXT    NOT NULL,
    reason         TEXT,
    -- As JSON; null: there was nothing, or is nothing any more.
    before         TEXT,
    after          TEXT
) STRICT;

CREATE INDEX audit_of ON audit (environment_id, subject, name, id);

DROP VIEW stack_record;
DROP VIEW generation_record;
DROP VIEW offered;

-- `status` is what an operator said. Whether the environment still has the stack is another fact: one that comes back is
-- as the operator left it.
ALTER TABLE stack ADD COLUMN in_environment INTEGER NOT NULL DEFAULT 1 CHECK (in_environment IN (0, 1));
ALTER TABLE stack ADD COLUMN status_by TEXT;
ALTER TABLE stack ADD COLUMN status_reason TEXT;
UPDATE stack SET in_environment = 0, status = 'ENABLED' WHERE status = 'DISABLED';

-- An operator went back from it: registering it again does not make it current.
ALTER TABLE generation ADD COLUMN undone_at TEXT;
ALTER TABLE generation ADD COLUMN undone_by TEXT;

-- A copy may be pruned, and the service is still installed: its part names no copy any more.
CREATE TABLE new_installed_part (
    environment_id INTEGER NOT NULL,
    service        TEXT    NOT NULL,
    instance       TEXT    NOT NULL,
    node           TEXT    NOT NULL,
    -- 1, 2, 3, .. in the order in which the install registered them.
    number         INTEGER NOT NULL,
    pool_id        INTEGER NOT NULL REFERENCES pool (id),
    generation_id  INTEGER NOT NULL REFERENCES generation (id),
    PRIMARY KEY (environment_id, service, instance, node, number),
    FOREIGN KEY (environment_id, service, instance, node)
        REFERENCES installed (environment_id, service, instance, node) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

INSERT INTO new_installed_part
SELECT environment_id, service, instance, node, number, pool_id, generation_id FROM installed_part;
DROP TABLE installed_part;
ALTER TABLE new_installed_part RENAME TO installed_part;

-- What is true: the stack is in the environment and enabled, the image is there and wanted on it, and the stack's pool
-- holds a verified copy. Of those that it holds, the newest that is not newer than the current generation is offered; when
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
    WHERE s.status = 'ENABLED' AND s.in_environment = 1 AND i.status = 'CREATED'
) AS candidate
WHERE generation_id IS NOT NULL;

-- A generation as it is shown.
CREATE VIEW generation_record AS
SELECT g.*, g.source_verified AS verified_at_source, g.id = i.current_generation AS current
FROM generation g
JOIN image i ON i.id = g.image_id;

-- A stack as it is shown.
CREATE VIEW stack_record AS
SELECT s.environment_id, s.id, s.gid, s.name, CASE WHEN s.in_environment = 1 THEN s.status ELSE 'DISABLED' END AS status,
       s.in_environment, s.status_by, s.status_reason, s.reference_id, 'LIBVIRT' AS type,
       'pool ' || p.name || ', ' || p.path AS descr
FROM stack s
JOIN pool p ON p.id = s.pool_id;
