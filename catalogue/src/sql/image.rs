//! Images and their generations.

use async_trait::async_trait;
use ays_model::Digest;
use sqlx::{AssertSqlSafe, FromRow};

use super::stack::stacks;
use super::{Database, Work};
use crate::{
    CatalogueError, Copy, Generation, GenerationId, Image, ImageColumn, ImageDetail, ImageQuery, Images,
    Page, StackId, StackOffer,
};

#[derive(FromRow)]
struct Contained {
    #[sqlx(try_from = "String")]
    content: Digest,
}

#[async_trait]
impl Images for Database {
    async fn images(&self) -> Result<Vec<Image>, CatalogueError> {
        sqlx::query_as("SELECT * FROM image_record WHERE environment_id = $1 ORDER BY name, gid")
            .bind(self.environment)
            .fetch_all(&self.readers)
            .await
            .map_err(self.failed("listing images"))
    }

    async fn image_page(&self, query: &ImageQuery) -> Result<Page<Image>, CatalogueError> {
        let doing = "listing images";
        let failed = self.failed(doing);
        let search = query.search.as_ref().map(|text| format!("%{}%", like(&text.to_lowercase())));
        let mut tx = self.read(doing).await?;
        // Without a search, the index has all that is asked.
        const SEARCH: &str =
            "AND lower(name || ' ' || type || ' ' || description || ' ' || url) LIKE $2 ESCAPE '\\'";
        const NO_SEARCH: &str = "AND CAST($2 AS TEXT) IS NULL";
        let searching = if search.is_some() { SEARCH } else { NO_SEARCH };
        let there = if query.destroyed { "" } else { "AND status <> 'DESTROYED'" };
        let in_column = |(at, (column, _)): (usize, &(ImageColumn, String))| {
            format!(" AND lower(CAST({} AS TEXT)) LIKE ${} ESCAPE '\\'", column.sql(), at + 3)
        };
        let columns: String = query.columns.iter().enumerate().map(in_column).collect();
        let texts: Vec<String> =
            query.columns.iter().map(|(_, text)| format!("%{}%", like(&text.to_lowercase()))).collect();
        let matching = format!("FROM image WHERE environment_id = $1 {there} {searching}{columns}");
        let mut counting = sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) {matching}")))
            .bind(tx.environment)
            .bind(&search);
        for text in &texts {
            counting = counting.bind(text);
        }
        let total: i64 = counting.fetch_one(&mut *tx).await.map_err(&failed)?;
        let (column, direction) = (query.sort.sql(), if query.descending { "DESC" } else { "ASC" });
        // What the view looks up for each image is looked up for those of the page alone.
        let order = match query.sort {
            ImageColumn::Name => format!("ORDER BY name {direction}, gid {direction}"),
            _ => format!("ORDER BY {column} {direction}, name {direction}, gid {direction}"),
        };
        let (limit, skip) = (texts.len() + 3, texts.len() + 4);
        let sql = format!(
            "SELECT * FROM image_record
             WHERE id IN (SELECT id {matching} {order} LIMIT ${limit} OFFSET ${skip}) {order}"
        );
        let mut listing = sqlx::query_as(AssertSqlSafe(sql)).bind(tx.environment).bind(&search);
        for text in &texts {
            listing = listing.bind(text);
        }
        let items = listing
            .bind(i64::from(query.limit))
            .bind(i64::from(query.skip))
            .fetch_all(&mut *tx)
            .await
            .map_err(&failed)?;
        Ok(Page { items, total: u64::try_from(total).unwrap_or(0) })
    }

    async fn current_generations(&self) -> Result<Vec<(Image, Generation)>, CatalogueError> {
        let doing = "listing images";
        let failed = self.failed(doing);
        let mut tx = self.read(doing).await?;
        let images: Vec<Image> = sqlx::query_as(
            "SELECT * FROM image_record
             WHERE environment_id = $1 AND current_generation IS NOT NULL AND status NOT IN ('DELETED', 'DESTROYED')
             ORDER BY name, gid",
        )
        .bind(tx.environment)
        .fetch_all(&mut *tx)
        .await
        .map_err(&failed)?;
        let generations: Vec<Generation> = sqlx::query_as(
            "SELECT g.* FROM generation_record g JOIN image i ON i.id = g.image_id
             WHERE i.environment_id = $1 AND i.status NOT IN ('DELETED', 'DESTROYED')
               AND g.id = COALESCE((SELECT undone.id FROM generation undone
                                    JOIN generation current ON current.id = i.current_generation
                                    WHERE undone.image_id = i.id AND undone.number > current.number
                                      AND undone.undone_at IS NOT NULL
                                    ORDER BY undone.number DESC LIMIT 1), i.current_generation)
             ORDER BY i.name, i.gid",
        )
        .bind(tx.environment)
        .fetch_all(&mut *tx)
        .await
        .map_err(&failed)?;
        Ok(images.into_iter().zip(generations).collect())
    }

    async fn offered_generations(&self) -> Result<Vec<(Image, Generation)>, CatalogueError> {
        let doing = "listing what is offered";
        let failed = self.failed(doing);
        let mut tx = self.read(doing).await?;
        let images: Vec<Image> = sqlx::query_as(
            "SELECT * FROM image_record WHERE environment_id = $1 AND id IN (SELECT image_id FROM offered WHERE environment_id = $1)
             ORDER BY name, gid",
        )
        .bind(tx.environment)
        .fetch_all(&mut *tx)
        .await
        .map_err(&failed)?;
        let mut offered = Vec::new();
        for image in images {
            let generations: Vec<Generation> = sqlx::query_as(
                "SELECT * FROM generation_record WHERE id IN (SELECT generation_id FROM offered WHERE image_id = $1)
                 ORDER BY number",
            )
            .bind(image.id)
            .fetch_all(&mut *tx)
            .await
            .map_err(&failed)?;
            let all_undone = generations.iter().all(|generation| generation.undone_at.is_some());
            let shown =
                generations.into_iter().filter(|generation| all_undone || generation.undone_at.is_none());
            offered.extend(shown.map(|generation| (image.clone(), generation)));
        }
        Ok(offered)
    }

    async fn verified_contents(&self) -> Result<Vec<Digest>, CatalogueError> {
        let doing = "listing verified contents";
        let failed = self.failed(doing);
        let mut tx = self.read(doing).await?;
        let contents: Vec<Contained> = sqlx::query_as(
            "SELECT DISTINCT g.content FROM generation g
             JOIN copy c ON c.generation_id = g.id JOIN image i ON i.id = g.image_id
             WHERE i.environment_id = $1 AND c.state = 'verified'",
        )
        .bind(tx.environment)
        .fetch_all(&mut *tx)
        .await
        .map_err(&failed)?;
        Ok(contents.into_iter().map(|row| row.content).collect())
    }

    async fn image(&self, name_or_id: &str) -> Result<Option<ImageDetail>, CatalogueError> {
        let doing = "reading an image";
        let failed = self.failed(doing);
        let mut tx = self.read(doing).await?;
        let Some(image) = self.named(&mut tx, name_or_id).await? else { return Ok(None) };
        let mut generations: Vec<Generation> =
            sqlx::query_as("SELECT * FROM generation_record WHERE image_id = $1 ORDER BY number DESC")
                .bind(image.id)
                .fetch_all(&mut *tx)
                .await
                .map_err(&failed)?;
        for generation in &mut generations {
            generation.copies = copies(&mut tx, generation.id).await.map_err(&failed)?;
        }
        let stacks = stack_offers(&mut tx, &image).await.map_err(&failed)?;
        Ok(Some(ImageDetail { image, generations, stacks }))
    }
}

/// A text in which `LIKE` finds nothing but itself.
fn like(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

impl Database {
    /// The record of [`Catalogue::image`].
    pub(super) async fn named(
        &self,
        db: &mut Work,
        name_or_id: &str,
    ) -> Result<Option<Image>, CatalogueError> {
        let failed = self.failed("reading an image");
        let mut named: Vec<Image> =
            sqlx::query_as("SELECT * FROM image_record WHERE environment_id = $1 AND name = $2 ORDER BY id")
                .bind(db.environment)
                .bind(name_or_id)
                .fetch_all(&mut **db)
                .await
                .map_err(&failed)?;
        if named.len() > 1 {
            let ids = named.iter().map(|image| image.id.0).collect();
            return Err(CatalogueError::AmbiguousImage { name: name_or_id.to_owned(), ids });
        }
        match (named.pop(), name_or_id.parse::<i64>()) {
            (Some(image), _) => Ok(Some(image)),
            (None, Ok(id)) => {
                sqlx::query_as("SELECT * FROM image_record WHERE environment_id = $1 AND id = $2")
                    .bind(db.environment)
                    .bind(id)
                    .fetch_optional(&mut **db)
                    .await
                    .map_err(failed)
            }
            (None, Err(_)) => Ok(None),
        }
    }
}

pub(super) async fn copies(db: &mut Work, generation: GenerationId) -> sqlx::Result<Vec<Copy>> {
    sqlx::query_as("SELECT * FROM copy_record WHERE generation_id = $1 ORDER BY pool_name, pool_node NULLS FIRST, pool_id")
        .bind(generation)
        .fetch_all(&mut **db)
        .await
}

async fn stack_offers(db: &mut Work, image: &Image) -> sqlx::Result<Vec<StackOffer>> {
    let wanted: Vec<(StackId, Option<i64>)> = sqlx::query_as(
        // Looked up for each stack: joined, SQLite would first find what all stacks offer of all images.
        "SELECT w.stack_id,
                (SELECT g.number FROM offered o JOIN generation g ON g.id = o.generation_id
                 WHERE o.image_id = w.image_id AND o.stack_id = w.stack_id)
         FROM wanted w WHERE w.image_id = $1",
    )
    .bind(image.id)
    .fetch_all(&mut **db)
    .await?;
    let of_grid = stacks(db).await?.into_iter().filter(|stack| stack.gid == image.gid);
    Ok(of_grid
        .map(|stack| {
            let found = wanted.iter().find(|(id, _)| *id == stack.id);
            StackOffer {
                wanted: found.is_some(),
                offered_generation: found.and_then(|(_, number)| u32::try_from((*number)?).ok()),
                stack,
            }
        })
        .collect())
}
