//! What all stacks have of all images.

use async_trait::async_trait;

use super::Database;
use crate::{CatalogueError, Holding, HoldingFilter, Holdings};

#[async_trait]
impl Holdings for Database {
    async fn holdings(&self, filter: &HoldingFilter) -> Result<Vec<Holding>, CatalogueError> {
        sqlx::query_as(
            "SELECT i.id AS image, i.name AS image_name, s.id AS stack, s.name AS stack_name, i.gid,
                    current.number AS current, g.number AS offers, c.state AS copy
             FROM wanted w
             JOIN image i ON i.id = w.image_id
             JOIN stack s ON s.id = w.stack_id
             LEFT JOIN generation current ON current.id = i.current_generation
             LEFT JOIN offered o ON o.image_id = w.image_id AND o.stack_id = w.stack_id
             LEFT JOIN generation g ON g.id = o.generation_id
             LEFT JOIN copy c ON c.generation_id = i.current_generation AND c.pool_id = s.pool_id
             WHERE i.environment_id = $1 AND i.status NOT IN ('DELETED', 'DESTROYED') AND s.in_environment = $2
               AND ($3 = 0 OR s.id = $3)
               AND ($4 = 0 OR g.number IS NULL OR g.number <> current.number OR COALESCE(c.state, '') <> 'verified')
             ORDER BY i.name, i.gid, s.name",
        )
        .bind(self.environment)
        .bind(true)
        // No stack has the number 0.
        .bind(filter.stack.map_or(0, |stack| stack.0))
        .bind(i64::from(filter.only_wrong))
        .fetch_all(&self.readers)
        .await
        .map_err(self.failed("reading what stacks have"))
    }
}
