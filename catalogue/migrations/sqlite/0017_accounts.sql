-- Who may ask a server for what.

CREATE TABLE account (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    environment_id INTEGER NOT NULL REFERENCES environment (id),
    name           TEXT    NOT NULL,
    role           TEXT    NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    -- Argon2, as a PHC string; null: no password lets in.
    password       TEXT,
    created_at     TEXT    NOT NULL,
    created_by     TEXT    NOT NULL,
    UNIQUE (environment_id, name)
) STRICT;

CREATE TABLE token (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    -- What it is for, in its owner's words.
    name       TEXT    NOT NULL,
    -- SHA-256 of the token, hexadecimal: the token itself has 256 random bits.
    hash       TEXT    NOT NULL UNIQUE,
    role       TEXT    NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    created_at TEXT    NOT NULL,
    expires_at TEXT,
    revoked_at TEXT
) STRICT;

CREATE INDEX token_of ON token (account_id);
