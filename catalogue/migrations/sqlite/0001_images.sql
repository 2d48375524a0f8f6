-- The words are those of the project's model: image, generation, copy, wanted, offered.
-- Times are UTC, RFC 3339 with milliseconds. Sizes are bytes, unless the name says otherwise.
-- Pools, stacks and images are never deleted, so that their numbers are never given twice.

CREATE TABLE pool (
    id   INTEGER PRIMARY KEY,
    gid  INTEGER NOT NULL,
    name TEXT    NOT NULL,
    -- Whose disk it is; empty: shared.
    node TEXT    NOT NULL,
    -- Another path is another pool: what the old one holds is not there.
    path TEXT    NOT NULL,
    UNIQUE (gid, name, node, path)
) STRICT;

CREATE TABLE stack (
    id           INTEGER PRIMARY KEY,
    gid          INTEGER NOT NULL,
    name         TEXT    NOT NULL,
    status       TEXT    NOT NULL CHECK (status IN ('ENABLED', 'MAINTENANCE', 'DISABLED')),
    reference_id TEXT    NOT NULL,
    pool_id      INTEGER NOT NULL REFERENCES pool (id),
    UNIQUE (gid, name)
) STRICT;

-- There is no column for the password of an image's own login: it is a secret.
CREATE TABLE image (
    id                 INTEGER PRIMARY KEY,
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
    UNIQUE (gid, name)
) STRICT;

-- Never changed, never removed while a copy stands on it.
CREATE TABLE generation (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    image_id          INTEGER NOT NULL REFERENCES image (id),
    -- 1, 2, 3, .. within the image.
    number            INTEGER NOT NULL,
    source_url        TEXT    NOT NULL,
    etag              TEXT,
    last_modified     TEXT,
    source_md5        TEXT    NOT NULL,
    source_sha256     TEXT    NOT NULL,
    source_size       INTEGER NOT NULL,
    source_verified   INTEGER NOT NULL CHECK (source_verified IN (0, 1)),
    format            TEXT    NOT NULL CHECK (format IN ('raw', 'qcow2')),
    stored_sha256     TEXT    NOT NULL,
    stored_size       INTEGER NOT NULL,
    virtual_size      INTEGER NOT NULL,
    template          TEXT    NOT NULL,
    template_checksum TEXT    NOT NULL,
    template_commit   TEXT,
    made_at           TEXT    NOT NULL,
    made_by           TEXT    NOT NULL,
    UNIQUE (image_id, number)
) STRICT;

CREATE INDEX generation_source ON generation (image_id, source_sha256);
CREATE INDEX generation_stored ON generation (image_id, stored_sha256);

-- A copy has its own hash and size: a converter of another version may write the same disk in other bytes.
CREATE TABLE copy (
    pool_id       INTEGER NOT NULL REFERENCES pool (id),
    generation_id INTEGER NOT NULL REFERENCES generation (id),
    state         TEXT    NOT NULL CHECK (state IN ('arriving', 'verified', 'damaged', 'removing')),
    file          TEXT    NOT NULL,
    sha256        TEXT    NOT NULL,
    size          INTEGER NOT NULL,
    -- When it became verified.
    verified_at   TEXT,
    PRIMARY KEY (pool_id, generation_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX copy_file ON copy (pool_id, file);

CREATE TABLE wanted (
    image_id INTEGER NOT NULL REFERENCES image (id),
    stack_id INTEGER NOT NULL REFERENCES stack (id),
    PRIMARY KEY (image_id, stack_id)
) STRICT, WITHOUT ROWID;

-- What is true: the stack is enabled, the image is there and wanted on it, and the stack's pool holds a
-- verified copy. Of those that it holds, the newest that is not newer than the current generation is offered; when
-- all are newer, the newest: content that came back elsewhere made an older generation current, and no stack loses
-- what it offers by another's registration.
CREATE VIEW offered AS
SELECT stack_id, image_id, pool_id, generation_id
FROM (
    SELECT s.id AS stack_id, i.id AS image_id, s.pool_id,
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
SELECT c.pool_id, p.gid AS pool_gid, p.name AS pool_name, NULLIF(p.node, '') AS pool_node, p.path AS pool_path,
       g.image_id, c.generation_id, g.number, g.source_sha256, g.format, g.virtual_size,
       c.state, c.file, c.sha256, c.size, c.verified_at
FROM copy c
JOIN pool p ON p.id = c.pool_id
JOIN generation g ON g.id = c.generation_id;

-- A stack as it is shown.
CREATE VIEW stack_record AS
SELECT s.id, s.gid, s.name, s.status, s.reference_id, 'LIBVIRT' AS type,
       'pool ' || p.name || ', ' || p.path AS descr
FROM stack s
JOIN pool p ON p.id = s.pool_id;
