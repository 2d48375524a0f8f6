-- The last jobs of a kind, without reading all others.
CREATE INDEX job_of_kind ON job (environment_id, kind, id);
