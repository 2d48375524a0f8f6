//! What is installed where.

use ays_model::{ImageName, InstanceName, Md5, NodeName, PoolKey, Sha256, TemplateName};
use sqlx::FromRow;

use crate::pool::find;
use crate::{Catalogue, CatalogueError, GenerationId, ImageId, KnownCopy, Timestamp};

/// A service instance on a node: what is installed, and what runs are for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServiceOnNode {
    /// The template's name.
    pub service: TemplateName,
    /// The instance's name.
    pub instance: InstanceName,
    /// The node's name.
    pub node: NodeName,
}

/// What an install ended with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInstalled {
    /// The template's checksum.
    pub template_checksum: Md5,
    /// What tells one set of answers from another without holding them.
    pub answers_digest: Sha256,
    /// The registered images' generations, in the order in which they were registered.
    pub images: Vec<InstalledImage>,
}

/// A registered generation and the pool that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledImage {
    /// What [`Catalogue::register`] made or found.
    pub generation: GenerationId,
    /// Where.
    pub pool: PoolKey,
}

/// An image that an install brought to a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageOnNode {
    /// What was installed, and where.
    pub service: ServiceOnNode,
    /// The image that it registered.
    pub image: ImageId,
    /// The number of the generation that it ended with.
    pub generation: u32,
}

/// What the last install that worked ended with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// The template's checksum then.
    pub template_checksum: Md5,
    /// What tells that set of answers from another.
    pub answers_digest: Sha256,
    /// What it consists of: the images that it registered, in that order.
    pub parts: Vec<InstalledPart>,
    /// When.
    pub installed_at: Timestamp,
}

/// One of the images that a service consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledPart {
    /// The image's name.
    pub image: ImageName,
    /// Its copy; none when it is no longer verified.
    pub copy: Option<KnownCopy>,
}

#[derive(FromRow)]
struct InstalledRow {
    #[sqlx(try_from = "String")]
    template_checksum: Md5,
    #[sqlx(try_from = "String")]
    answers_digest: Sha256,
    installed_at: Timestamp,
}

impl Catalogue {
    /// What is installed; none when nothing is, or it was forgotten.
    pub async fn installed(&self, of: &ServiceOnNode) -> Result<Option<Installed>, CatalogueError> {
        let doing = "reading what is installed";
        let failed = self.failed(doing);
        let mut tx = self.read(doing).await?;
        let row: Option<InstalledRow> = sqlx::query_as(
            "SELECT template_checksum, answers_digest, installed_at
             FROM installed
             WHERE service = ? AND instance = ? AND node = ?",
        )
        .bind(of.service.as_str())
        .bind(of.instance.as_str())
        .bind(of.node.as_str())
        .fetch_optional(&mut *tx)
        .await
        .map_err(&failed)?;
        let Some(row) = row else { return Ok(None) };
        let found: Vec<(String, i64, GenerationId)> = sqlx::query_as(
            "SELECT i.name, p.pool_id, p.generation_id
             FROM installed_part p
             JOIN generation g ON g.id = p.generation_id
             JOIN image i ON i.id = g.image_id
             WHERE p.service = ? AND p.instance = ? AND p.node = ?
             ORDER BY p.number",
        )
        .bind(of.service.as_str())
        .bind(of.instance.as_str())
        .bind(of.node.as_str())
        .fetch_all(&mut *tx)
        .await
        .map_err(&failed)?;
        let mut parts = Vec::with_capacity(found.len());
        for (image, pool, generation) in found {
            let copy = sqlx::query_as(
                "SELECT * FROM copy_record WHERE pool_id = ? AND generation_id = ? AND state = 'verified'",
            )
            .bind(pool)
            .bind(generation)
            .fetch_optional(&mut *tx)
            .await
            .map_err(&failed)?;
            parts.push(InstalledPart { image: image.into(), copy });
        }
        Ok(Some(Installed {
            template_checksum: row.template_checksum,
            answers_digest: row.answers_digest,
            parts,
            installed_at: row.installed_at,
        }))
    }

    /// All images that installs brought to nodes, by node.
    pub async fn installed_images(&self) -> Result<Vec<ImageOnNode>, CatalogueError> {
        let rows: Vec<(String, String, String, ImageId, u32)> = sqlx::query_as(
            "SELECT n.service, n.instance, n.node, g.image_id, g.number
             FROM installed_part n
             JOIN generation g ON g.id = n.generation_id
             ORDER BY n.node, n.service, n.instance, n.number",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(self.failed("reading what is installed"))?;
        let read = |(service, instance, node, image, generation): (String, String, String, _, _)| {
            let service =
                ServiceOnNode { service: service.into(), instance: instance.into(), node: node.into() };
            ImageOnNode { service, image, generation }
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// Says what is installed now, in the place of what was said before. Only for an install whose every step worked.
    ///
    /// # Errors
    ///
    /// [`CatalogueError::UnknownCopy`] when the pool has never had the generation.
    pub async fn set_installed(
        &self,
        of: &ServiceOnNode,
        installed: &NewInstalled,
        now: &Timestamp,
    ) -> Result<(), CatalogueError> {
        let doing = "writing what is installed";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        // What it consisted of before goes with it.
        sqlx::query("DELETE FROM installed WHERE service = ? AND instance = ? AND node = ?")
            .bind(of.service.as_str())
            .bind(of.instance.as_str())
            .bind(of.node.as_str())
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
        sqlx::query(
            "INSERT INTO installed (service, instance, node, template_checksum, answers_digest, installed_at)
             VALUES (?, ?, ?, ?, ?, ?)",
        )
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
                "INSERT INTO installed_part (service, instance, node, number, pool_id, generation_id)
                 SELECT ?, ?, ?, ?, pool_id, generation_id FROM copy WHERE pool_id = ? AND generation_id = ?",
            )
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
        tx.commit().await.map_err(&failed)
    }

    /// Nothing is said to be installed any more.
    pub async fn forget_installed(&self, of: &ServiceOnNode) -> Result<(), CatalogueError> {
        sqlx::query("DELETE FROM installed WHERE service = ? AND instance = ? AND node = ?")
            .bind(of.service.as_str())
            .bind(of.instance.as_str())
            .bind(of.node.as_str())
            .execute(&self.writer)
            .await
            .map_err(self.failed("forgetting what is installed"))?;
        Ok(())
    }
}
