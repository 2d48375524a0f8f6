-- What the methods of a service leave for later runs: those that an unfinished install has done, and the values that they set.
CREATE TABLE service_state (
    environment_id INTEGER NOT NULL REFERENCES environment (id),
    service TEXT NOT NULL,
    instance TEXT NOT NULL,
    node TEXT NOT NULL,
    -- A digest of all that the methods of the unfinished install build on; empty: there is none.
    inputs TEXT NOT NULL,
    -- JSON: a list of names.
    methods TEXT NOT NULL,
    -- JSON: pairs of a key and its value.
    set_values TEXT NOT NULL,
    PRIMARY KEY (environment_id, service, instance, node)
) STRICT, WITHOUT ROWID;
