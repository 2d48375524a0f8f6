-- A generation is named by its content, what a machine sees, and a copy by the digest of its file, each with its kind:
-- 'fsverity-sha256:..'. What was recorded before has the SHA-256 of the file, 'sha256:..', until its data is read again.

DROP VIEW copy_record;

ALTER TABLE generation RENAME COLUMN stored_sha256 TO content;
UPDATE generation SET content = 'sha256:' || content;

ALTER TABLE copy RENAME COLUMN sha256 TO digest;
UPDATE copy SET digest = 'sha256:' || digest;

-- The same content may be raw in one pool and qcow2 in another. The default is for the rows of before only.
ALTER TABLE copy ADD COLUMN format TEXT NOT NULL DEFAULT 'raw' CHECK (format IN ('raw', 'qcow2'));
UPDATE copy SET format = (SELECT g.format FROM generation g WHERE g.id = generation_id);

CREATE VIEW copy_record AS
SELECT c.pool_id, p.gid AS pool_gid, p.name AS pool_name, NULLIF(p.node, '') AS pool_node, p.path AS pool_path,
       g.image_id, c.generation_id, g.number, g.source_sha256, g.content, c.format, g.virtual_size,
       c.state, c.file, c.digest, c.size, c.verified_at, c.scrubbed_at
FROM copy c
JOIN pool p ON p.id = c.pool_id
JOIN generation g ON g.id = c.generation_id;
