-- What the methods of a service leave for later runs: those that an unfinished install has done, and the values that they set.
CREATE TABLE service_state (
    environment_id bigint NOT NULL REFERENCES environment (id),
    service text COLLATE "C" NOT NULL,
    instance text COLLATE "C" NOT NULL,
    node text COLLATE "C" NOT NULL,
    -- A digest of all that the methods of the unfinished install build on; empty: there is none.
    inputs text COLLATE "C" NOT NULL,
    -- JSON: a list of names.
    methods text COLLATE "C" NOT NULL,
    -- JSON: pairs of a key and its value.
    set_values text COLLATE "C" NOT NULL,
    PRIMARY KEY (environment_id, service, instance, node)
);
