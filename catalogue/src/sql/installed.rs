//! What is installed where.

use async_trait::async_trait;
use ays_model::{Md5, Sha256};
use sqlx::FromRow;

use super::Database;
use super::pool::find;
use crate::{
    CatalogueError, GenerationId, ImageId, ImageOnNode, ImageStatus, Installed, InstalledImage,
    InstalledPart, Installs, NewInstalled, ServiceOnNode, ServiceState, Timestamp,
};

#[derive(FromRow)]
struct InstalledRow {
    #[sqlx(try_from = "String")]
    template_checksum: Md5,
    #[sqlx(try_from = "String")]
    answers_digest: Sha256,
    installed_at: Timestamp,
}

#[derive(FromRow)]
struct PartRow {
    service: String,
    instance: String,
    node: String,
    image_id: ImageId,
    #[sqlx(try_from = "i64")]
    number: u32,
}

#[async_trait]
impl Installs for Database {
    async fn installed(&self, of: &ServiceOnNode) -> Result<Option<Installed>, CatalogueError> {
        let doing = "reading what is installed";
        let failed = self.failed(doing);
        let mut tx = self.read(doing).await?;
        let row: Option<InstalledRow> = sqlx::query_as(
            "SELECT template_checksum, answers_digest, installed_at
             FROM installed
             WHERE environment_id = $1 AND service = $2 AND instance = $3 AND node = $4",
        )
        .bind(self.environment)
        .bind(of.service.as_str())
        .bind(of.instance.as_str())
        .bind(of.node.as_str())
        .fetch_optional(&mut *tx)
        .await
        .map_err(&failed)?;
        let Some(row) = row else { return Ok(None) };
        let found: Vec<(String, ImageStatus, i64, GenerationId)> = sqlx::query_as(
            "SELECT i.name, i.status, p.pool_id, p.generation_id
             FROM installed_part p
             JOIN generation g ON g.id = p.generation_id
             JOIN image i ON i.id = g.image_id
             WHERE p.environment_id = $1 AND p.service = $2 AND p.instance = $3 AND p.node = $4
             ORDER BY p.number",
        )
        .bind(self.environment)
        .bind(of.service.as_str())
        .bind(of.instance.as_str())
        .bind(of.node.as_str())
        .fetch_all(&mut *tx)
        .await
        .map_err(&failed)?;
        let mut parts = Vec::with_capacity(found.len());
        for (image, status, pool, generation) in found {
            let copy = sqlx::query_as(
                "SELECT * FROM copy_record WHERE pool_id = $1 AND generation_id = $2 AND state = 'verified'",
            )
            .bind(pool)
            .bind(generation)
            .fetch_optional(&mut *tx)
            .await
            .map_err(&failed)?;
            parts.push(InstalledPart { image: image.into(), status, copy });
        }
        Ok(Some(Installed {
            template_checksum: row.template_checksum,
            answers_digest: row.answers_digest,
            parts,
            installed_at: row.installed_at,
        }))
    }

    async fn installed_services(&self) -> Result<Vec<ServiceOnNode>, CatalogueError> {
        let rows: Vec<(String, String, String)> = sqlx::query_as(
            "SELECT service, instance, node FROM installed
             WHERE environment_id = $1
             ORDER BY node, installed_at, service, instance",
        )
        .bind(self.environment)
        .fetch_all(&self.readers)
        .await
        .map_err(self.failed("reading what is installed"))?;
        let read = |(service, instance, node): (String, String, String)| ServiceOnNode {
            service: service.into(),
            instance: instance.into(),
            node: node.into(),
        };
        Ok(rows.into_iter().map(read).collect())
    }

    async fn installed_images(&self) -> Result<Vec<ImageOnNode>, CatalogueError> {
        let rows: Vec<PartRow> = sqlx::query_as(
            "SELECT n.service, n.instance, n.node, g.image_id, g.number
             FROM installed_part n
             JOIN generation g ON g.id = n.generation_id
             WHERE n.environment_id = $1
             ORDER BY n.node, n.service, n.instance, n.number",
        )
        .bind(self.environment)
        .fetch_all(&self.readers)
        .await
        .map_err(self.failed("reading what is installed"))?;
        let read = |PartRow { service, instance, node, image_id, number }: PartRow| ImageOnNode {
            service: ServiceOnNode { service: service.into(), instance: instance.into(), node: node.into() },
            image: image_id,
            generation: number,
        };
        Ok(rows.into_iter().map(read).collect())
    }

    async fn set_installed(
        &self,
        of: &ServiceOnNode,
        installed: &NewInstalled,
        now: &Timestamp,
    ) -> Result<(), CatalogueError> {
        let doing = "writing what is installed";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        // What it consisted of before goes with it.
        sqlx::query("DELETE FROM installed WHERE environment_id = $1 AND service = $2 AND instance = $3 AND node = $4")
            .bind(self.environment)
            .bind(of.service.as_str())
            .bind(of.instance.as_str())
            .bind(of.node.as_str())
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
        sqlx::query(
            "INSERT INTO installed (environment_id, service, instance, node, template_checksum, answers_digest,
                                    installed_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(self.environment)
        .bind(of.service.as_str())
        .bind(of.instance.as_str())
        .bind(of.node.as_str())
        .bind(installed.template_checksum.to_string())
        .bind(installed.answers_digest.to_string())
        .bind(now)
        .execute(&mut *tx)
        .await
        .map_err(&failed)?;
        for (number, InstalledImage { generation, pool }) in (1_i64..).zip(&installed.images) {
            let pool_id = find(&mut tx, pool).await.map_err(&failed)?;
            let added = sqlx::query(
                "INSERT INTO installed_part (environment_id, service, instance, node, number, pool_id, generation_id)
                 SELECT $1, $2, $3, $4, $5, pool_id, generation_id FROM copy
                 WHERE pool_id = $6 AND generation_id = $7",
            )
            .bind(self.environment)
            .bind(of.service.as_str())
            .bind(of.instance.as_str())
            .bind(of.node.as_str())
            .bind(number)
            .bind(pool_id)
            .bind(generation)
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
            if added.rows_affected() == 0 {
                return Err(CatalogueError::UnknownCopy {
                    generation: generation.0,
                    pool: pool.name.clone(),
                });
            }
        }
        // It has come to its end.
        sqlx::query(
            "UPDATE service_state SET inputs = '', methods = '[]'
             WHERE environment_id = $1 AND service = $2 AND instance = $3 AND node = $4",
        )
        .bind(self.environment)
        .bind(of.service.as_str())
        .bind(of.instance.as_str())
        .bind(of.node.as_str())
        .execute(&mut *tx)
        .await
        .map_err(&failed)?;
        tx.commit().await.map_err(&failed)
    }

    async fn forget_installed(&self, of: &ServiceOnNode) -> Result<(), CatalogueError> {
        sqlx::query("DELETE FROM installed WHERE environment_id = $1 AND service = $2 AND instance = $3 AND node = $4")
            .bind(self.environment)
            .bind(of.service.as_str())
            .bind(of.instance.as_str())
            .bind(of.node.as_str())
            .execute(&self.writer)
            .await
            .map_err(self.failed("forgetting what is installed"))?;
        Ok(())
    }

    async fn service_state(&self, of: &ServiceOnNode) -> Result<ServiceState, CatalogueError> {
        let row: Option<(String, String, String)> = sqlx::query_as(
            "SELECT inputs, methods, set_values FROM service_state
             WHERE environment_id = $1 AND service = $2 AND instance = $3 AND node = $4",
        )
        .bind(self.environment)
        .bind(of.service.as_str())
        .bind(of.instance.as_str())
        .bind(of.node.as_str())
        .fetch_optional(&self.readers)
        .await
        .map_err(self.failed("reading what methods have left"))?;
        let Some((inputs, methods, values)) = row else { return Ok(ServiceState::default()) };
        // Nothing but this writes them.
        let (methods, values) = (serde_json::from_str(&methods), serde_json::from_str(&values));
        Ok(ServiceState { inputs, methods: methods.unwrap_or_default(), values: values.unwrap_or_default() })
    }

    async fn set_service_state(
        &self,
        of: &ServiceOnNode,
        state: &ServiceState,
    ) -> Result<(), CatalogueError> {
        let failed = self.failed("writing what methods have left");
        if *state == ServiceState::default() {
            sqlx::query(
                "DELETE FROM service_state
                 WHERE environment_id = $1 AND service = $2 AND instance = $3 AND node = $4",
            )
            .bind(self.environment)
            .bind(of.service.as_str())
            .bind(of.instance.as_str())
            .bind(of.node.as_str())
            .execute(&self.writer)
            .await
            .map_err(failed)?;
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO service_state (environment_id, service, instance, node, inputs, methods, set_values)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (environment_id, service, instance, node)
             DO UPDATE SET inputs = excluded.inputs, methods = excluded.methods, set_values = excluded.set_values",
        )
        .bind(self.environment)
        .bind(of.service.as_str())
        .bind(of.instance.as_str())
        .bind(of.node.as_str())
        .bind(&state.inputs)
        .bind(serde_json::json!(state.methods).to_string())
        .bind(serde_json::json!(state.values).to_string())
        .execute(&self.writer)
        .await
        .map_err(failed)?;
        Ok(())
    }
}
