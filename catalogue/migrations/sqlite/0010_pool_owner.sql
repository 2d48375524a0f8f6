-- What tells this catalogue from all others, in the marks of pools; and what adopted pools had in their indexes.

-- One row.
CREATE TABLE identity (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    catalogue  TEXT NOT NULL
) STRICT;

INSERT INTO identity (id, catalogue) VALUES (1, lower(hex(randomblob(16))));

-- Entries of a pool's ays-images.json that a former owner of the pool wrote. They stay in the index; nothing else is known
-- of their files.
CREATE TABLE adopted (
    pool_id INTEGER NOT NULL REFERENCES pool (id),
    file    TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    -- As JSON, with all that the former owner said.
    entry   TEXT    NOT NULL,
    PRIMARY KEY (pool_id, file, name)
) STRICT, WITHOUT ROWID;
