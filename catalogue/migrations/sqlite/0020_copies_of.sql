-- Where a generation is, without reading the copies of all others: each page of images asks that.
CREATE INDEX copy_of ON copy (generation_id);

-- As before, but CROSS JOIN has SQLite keep the order: from an image's few generations to their copies, and not through all
-- copies of the stack's pool.
DROP VIEW offered;
CREATE VIEW offered AS
SELECT environment_id, stack_id, image_id, pool_id, generation_id
FROM (
    SELECT s.environment_id, s.id AS stack_id, i.id AS image_id, s.pool_id,
           (SELECT g.id
            FROM generation g
            CROSS JOIN copy c ON c.generation_id = g.id AND c.pool_id = s.pool_id AND c.state = 'verified'
            -- Here, since an ORDER BY sees no table outside its own SELECT.
            JOIN generation current ON current.id = i.current_generation
            WHERE g.image_id = i.id
            ORDER BY g.number > current.number, g.number DESC
            LIMIT 1) AS generation_id
    FROM wanted w
    JOIN stack s ON s.id = w.stack_id
    JOIN image i ON i.id = w.image_id
    WHERE s.status = 'ENABLED' AND s.in_environment = 1 AND i.status = 'CREATED'
) AS candidate
WHERE generation_id IS NOT NULL;
