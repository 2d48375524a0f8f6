-- Who is told of changes, and how far they have been told.

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
