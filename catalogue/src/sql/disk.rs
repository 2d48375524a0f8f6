//! What was found in disks.

use async_trait::async_trait;

use super::Database;
use crate::{CatalogueError, DiskFacts, Disks, GenerationId};

#[async_trait]
impl Disks for Database {
    async fn set_disk_facts(
        &self,
        generation: GenerationId,
        facts: &DiskFacts,
    ) -> Result<(), CatalogueError> {
        let doing = "recording what was found in a disk";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        sqlx::query(
            "UPDATE generation SET os = $1, os_version = $2, architecture = $3, started_by = $4, first_boot = $5,
                                   virtio = $6, can_grow = $7, inspected_at = $8, findings = $9
             WHERE id = $10",
        )
        .bind(&facts.os)
        .bind(&facts.os_version)
        .bind(&facts.architecture)
        .bind(facts.started_by)
        .bind(facts.first_boot)
        .bind(facts.virtio)
        .bind(facts.can_grow)
        .bind(&facts.inspected_at)
        .bind(facts.findings.0.join("\n"))
        .bind(generation)
        .execute(&mut *tx)
        .await
        .map_err(&failed)?;
        tx.commit().await.map_err(failed)
    }
}
