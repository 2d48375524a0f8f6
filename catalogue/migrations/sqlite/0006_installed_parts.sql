-- A service is a list of parts, each a copy of an image that its install ended with.

ALTER TABLE installed RENAME TO installed_before;

CREATE TABLE installed (
    service           TEXT NOT NULL,
    instance          TEXT NOT NULL,
    node              TEXT NOT NULL,
    template_checksum TEXT NOT NULL,
    answers_digest    TEXT NOT NULL,
    installed_at      TEXT NOT NULL,
    PRIMARY KEY (service, instance, node)
) STRICT, WITHOUT ROWID;

CREATE TABLE installed_part (
    service       TEXT    NOT NULL,
    instance      TEXT    NOT NULL,
    node          TEXT    NOT NULL,
    -- 1, 2, 3, .. in the order in which the install registered them.
    number        INTEGER NOT NULL,
    pool_id       INTEGER NOT NULL,
    generation_id INTEGER NOT NULL,
    PRIMARY KEY (service, instance, node, number),
    FOREIGN KEY (service, instance, node) REFERENCES installed (service, instance, node) ON DELETE CASCADE,
    FOREIGN KEY (pool_id, generation_id) REFERENCES copy (pool_id, generation_id)
) STRICT, WITHOUT ROWID;

INSERT INTO installed
SELECT service, instance, node, template_checksum, answers_digest, installed_at
FROM installed_before;

INSERT INTO installed_part
SELECT service, instance, node, 1, pool_id, generation_id
FROM installed_before
WHERE generation_id IS NOT NULL;

DROP TABLE installed_before;
