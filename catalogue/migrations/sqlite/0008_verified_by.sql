-- The checksum that a source's bytes were verified by: `md5:..`, `sha512:..`. None where nothing verified them, and of
-- generations of before.

ALTER TABLE generation ADD COLUMN verified_by TEXT;
