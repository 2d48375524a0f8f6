-- Whose signature proved a source's bytes: the fingerprint of the key, and whose it is by its own words. Both null where
-- nothing was signed, and for generations of before.

ALTER TABLE generation ADD COLUMN signed_by TEXT;
ALTER TABLE generation ADD COLUMN signer TEXT;
-- What the source calls this state of its image, such as `20241106`, where it has versions.
ALTER TABLE generation ADD COLUMN source_version TEXT;
