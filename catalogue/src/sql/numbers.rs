//! Counting.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::stack::stacks;
use super::{Database, Work};
use crate::{CatalogueError, Counting, Numbers, Timestamp};

#[async_trait]
impl Counting for Database {
    async fn numbers(&self) -> Result<Numbers, CatalogueError> {
        let doing = "counting";
        let failed = self.failed(doing);
        let mut tx = self.read(doing).await?;
        let oldest: Option<Timestamp> = sqlx::query_scalar(
            "SELECT MIN(COALESCE(c.scrubbed_at, c.verified_at)) FROM copy c JOIN pool p ON p.id = c.pool_id
             WHERE p.environment_id = $1 AND c.state = 'verified'",
        )
        .bind(tx.environment)
        .fetch_one(&mut *tx)
        .await
        .map_err(&failed)?;
        let asked: Option<String> = sqlx::query_scalar(
            "SELECT report FROM job WHERE environment_id = $1 AND kind = 'outdated' AND status = 'succeeded'
             ORDER BY id DESC LIMIT 1",
        )
        .bind(tx.environment)
        .fetch_optional(&mut *tx)
        .await
        .map_err(&failed)?;
        let wanted: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM wanted w JOIN image i ON i.id = w.image_id JOIN stack s ON s.id = w.stack_id
             WHERE i.environment_id = $1 AND i.status NOT IN ('DELETED', 'DESTROYED') AND s.in_environment = $2",
        )
        .bind(tx.environment)
        .bind(true)
        .fetch_one(&mut *tx)
        .await
        .map_err(&failed)?;
        let mut offers = BTreeMap::new();
        // Grids may have stacks of one name.
        for stack in stacks(&mut tx).await.map_err(&failed)? {
            *offers.entry(stack.name.to_string()).or_insert(0) += stack.images.len() as u64;
        }
        let counted = async {
            Ok::<_, sqlx::Error>(Numbers {
                offers: offers.into_iter().collect(),
                wanted: u64::try_from(wanted).unwrap_or(0),
                copies: count(
                    &mut tx,
                    "SELECT c.state, COUNT(*) AS count FROM copy c JOIN pool p ON p.id = c.pool_id
                     WHERE p.environment_id = $1 GROUP BY c.state ORDER BY c.state",
                )
                .await?,
                images: count(
                    &mut tx,
                    "SELECT status, COUNT(*) AS count FROM image WHERE environment_id = $1 GROUP BY status ORDER BY status",
                )
                .await?,
                jobs: count(
                    &mut tx,
                    "SELECT status, COUNT(*) AS count FROM job WHERE environment_id = $1 GROUP BY status ORDER BY status",
                )
                .await?,
                oldest_scrub_seconds: oldest.as_ref().and_then(age),
                outdated: asked.as_deref().and_then(outdated),
            })
        };
        counted.await.map_err(self.failed(doing))
    }
}

async fn count(db: &mut Work, sql: &'static str) -> sqlx::Result<Vec<(String, u64)>> {
    let rows: Vec<(String, i64)> = sqlx::query_as(sql).bind(db.environment).fetch_all(&mut **db).await?;
    Ok(rows.into_iter().map(|(word, count)| (word, u64::try_from(count).unwrap_or(0))).collect())
}

fn age(then: &Timestamp) -> Option<f64> {
    Some(then.milliseconds_until(&Timestamp::now())? as f64 / 1000.0)
}

/// How many of the answers of a job that asked sources say that there is something newer.
fn outdated(report: &str) -> Option<u64> {
    let answers: Vec<serde_json::Value> = serde_json::from_str(report).ok()?;
    Some(answers.iter().filter(|answer| answer["state"] == "outdated").count() as u64)
}
