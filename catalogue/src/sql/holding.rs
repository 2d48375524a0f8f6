//! What all stacks have of all images.

use async_trait::async_trait;

use super::Database;
use super::offer::{OFFERS_CURRENT, WANTED};
use crate::{CatalogueError, Holding, HoldingFilter, Holdings};

#[async_trait]
impl Holdings for Database {
    async fn holdings(&self, filter: &HoldingFilter) -> Result<Vec<Holding>, CatalogueError> {
        let sql = format!(
            "SELECT i.id AS image, i.name AS image_name, s.id AS stack, s.name AS stack_name, i.gid,
                    current.number AS current,
                    CASE WHEN {OFFERS_CURRENT} THEN current.number
                         ELSE (SELECT g.number FROM offered o JOIN generation g ON g.id = o.generation_id
                               WHERE o.image_id = i.id AND o.stack_id = s.id)
                    END AS offers,
                    c.state AS copy
             {WANTED}
             LEFT JOIN generation current ON current.id = i.current_generation
             WHERE i.environment_id = $1 AND i.status NOT IN ('DELETED', 'DESTROYED') AND s.in_environment = $2
               AND ($3 = 0 OR s.id = $3) AND ($4 = 0 OR NOT {OFFERS_CURRENT})
             ORDER BY i.name, i.gid, s.name"
        );
        sqlx::query_as(sqlx::AssertSqlSafe(sql))
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
