//! How long a large catalogue takes to answer. Run by `scripts/bench-catalogue`, which builds for release.

use std::time::{Duration, Instant};

use super::support::Fixture;
use crate::{ImageColumn, ImageQuery};

const IMAGES: i64 = 100_000;

/// The median of nine.
async fn median(ask: impl AsyncFn()) -> Duration {
    let mut times = Vec::new();
    for _ in 0..9 {
        let begun = Instant::now();
        ask().await;
        times.push(begun.elapsed());
    }
    times.sort();
    times[times.len() / 2]
}

#[tokio::test]
#[ignore = "a measurement"]
async fn a_hundred_thousand_images_by_page() {
    let fixture = Fixture::new().await;
    sqlx::query(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $2)
         INSERT INTO image (id, environment_id, guid, gid, name, description, type, size_gb, account_id, reference_id,
                            url, last_modified, status, boot_type, hot_resize)
         SELECT i, (SELECT MIN(id) FROM environment), 'guid-' || i, 1, 'image-' || (i * 7919 % 100003), 'Image ' || i,
                'Linux', 10, 0, 'reference-' || i, 'https://images.example/' || i, '2026-11-21T20:00:00.000Z', 'CREATED',
                'bios', $1
         FROM n",
    )
    .bind(true)
    .bind(IMAGES)
    .execute(&fixture.database.writer)
    .await
    .unwrap();
    let catalogue = &fixture.catalogue;
    let page = ImageQuery { limit: 50, ..ImageQuery::default() };
    let search = Some("image-4711".to_owned());
    for (what, query) in [
        ("first page by name", page.clone()),
        ("page 1000 by name", ImageQuery { skip: 50_000, ..page.clone() }),
        ("last by number", ImageQuery { sort: ImageColumn::Id, descending: true, ..page.clone() }),
        ("a search", ImageQuery { search, ..page }),
    ] {
        let took = median(async || drop(catalogue.image_page(&query).await.unwrap())).await;
        println!("{}: {IMAGES} images, {what}: {} ms", module_path!(), took.as_millis());
    }
}
