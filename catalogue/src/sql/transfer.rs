//! An environment's rows, out of one database and into another.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Row as _};

use super::lock::any_lock;
use super::{Database, Work, numbers_were_given};
use crate::transfer::{Cell, Column, Export, TABLES, Table, TableFacts, Transfers};
use crate::{CatalogueError, LockHolder, Place};

/// The new number of each row, by table and old number.
type Numbers = BTreeMap<(&'static str, i64), i64>;

#[async_trait]
impl Transfers for Database {
    async fn export(&self) -> Result<Export, CatalogueError> {
        let doing = "reading all of the catalogue";
        let mut tx = self.read(doing).await?;
        export(&mut tx).await.map_err(self.failed(doing))
    }

    async fn import(&self, sent: &Export, from: Option<&Place>) -> Result<(), CatalogueError> {
        let doing = "taking over a catalogue";
        let failed = self.failed(doing);
        let mut tx = self.begin_write(doing).await?;
        let place = self.place.clone();
        if export(&mut tx).await.map_err(&failed)?.rows() > 0 {
            if moved_to(&mut tx).await.map_err(&failed)?.is_none() {
                return Err(CatalogueError::NotEmpty { place });
            }
            forget(&mut tx).await.map_err(&failed)?;
        }
        let numbers = import(&mut tx, sent).await.map_err(&failed)?;
        let arrived = export(&mut tx).await.map_err(&failed)?;
        if let Some(table) = first_difference(sent, &arrived, &numbers) {
            return Err(CatalogueError::NotTaken { place, table });
        }
        set_moved_to(&mut tx, from).await.map_err(&failed)?;
        tx.commit().await.map_err(&failed)
    }

    async fn stay(&self) -> Result<(), CatalogueError> {
        let doing = "taking over a catalogue";
        let failed = self.failed(doing);
        let mut tx = self.begin_write(doing).await?;
        set_moved_to(&mut tx, None).await.map_err(&failed)?;
        tx.commit().await.map_err(&failed)
    }

    async fn moved_to(&self) -> Result<Option<String>, CatalogueError> {
        let doing = "reading where the catalogue is";
        let mut tx = self.read(doing).await?;
        moved_to(&mut tx).await.map_err(self.failed(doing))
    }

    async fn leave(&self, to: &Place, as_sent: &Export) -> Result<(), CatalogueError> {
        let doing = "leaving a catalogue";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        if let Some(LockHolder { by, scope, .. }) = any_lock(&mut tx).await.map_err(&failed)? {
            return Err(CatalogueError::InUse { place: self.place.clone(), by, scope });
        }
        let now = export(&mut tx).await.map_err(&failed)?;
        let changed = now.tables.iter().zip(&as_sent.tables).find(|(now, sent)| now != sent);
        if let Some((table, _)) = changed {
            return Err(CatalogueError::Changed { place: self.place.clone(), table: table.name });
        }
        set_moved_to(&mut tx, Some(to)).await.map_err(&failed)?;
        tx.commit().await.map_err(&failed)
    }

    async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }
}

async fn set_moved_to(db: &mut Work, to: Option<&Place>) -> sqlx::Result<()> {
    sqlx::query("UPDATE environment SET moved_to = $2 WHERE id = $1")
        .bind(db.environment)
        .bind(to.map(Place::to_string))
        .execute(&mut **db)
        .await
        .map(drop)
}

pub(super) async fn moved_to(db: &mut Work) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar("SELECT moved_to FROM environment WHERE id = $1")
        .bind(db.environment)
        .fetch_one(&mut **db)
        .await
}

/// Forgets all rows of the environment.
async fn forget(db: &mut Work) -> sqlx::Result<()> {
    sqlx::query("UPDATE image SET current_generation = NULL WHERE environment_id = $1")
        .bind(db.environment)
        .execute(&mut **db)
        .await?;
    for facts in TABLES.iter().rev() {
        let (table, belongs) = (facts.name, facts.belongs());
        sqlx::query(AssertSqlSafe(format!("DELETE FROM {table} WHERE {belongs}")))
            .bind(db.environment)
            .execute(&mut **db)
            .await?;
    }
    Ok(())
}

async fn export(db: &mut Work) -> sqlx::Result<Export> {
    let catalogue = sqlx::query_scalar("SELECT catalogue FROM environment WHERE id = $1")
        .bind(db.environment)
        .fetch_one(&mut **db)
        .await?;
    let mut tables = Vec::with_capacity(TABLES.len());
    for facts in TABLES {
        tables.push(Table { name: facts.name, rows: rows(db, facts).await? });
    }
    Ok(Export { catalogue, tables })
}

async fn rows(db: &mut Work, facts: &TableFacts) -> sqlx::Result<Vec<Vec<Cell>>> {
    let columns: Vec<_> = facts.columns.iter().map(|(name, _)| *name).collect();
    let (columns, table, belongs) = (columns.join(", "), facts.name, facts.belongs());
    // Names of tables and columns only, which are constants.
    let sql = AssertSqlSafe(format!("SELECT {columns} FROM {table} WHERE {belongs} ORDER BY {columns}"));
    let rows = sqlx::query(sql).bind(db.environment).fetch_all(&mut **db).await?;
    rows.iter()
        .map(|row| facts.columns.iter().enumerate().map(|(at, (_, column))| read(row, at, *column)).collect())
        .collect()
}

fn read(row: &<super::Db as sqlx::Database>::Row, at: usize, column: Column) -> sqlx::Result<Cell> {
    Ok(match column {
        Column::Number => Cell::Number(row.try_get(at)?),
        Column::Truth => Cell::Number(row.try_get::<Option<bool>, _>(at)?.map(i64::from)),
        Column::Text => Cell::Text(row.try_get(at)?),
        Column::Row(_) => Cell::Row(row.try_get(at)?),
    })
}

async fn import(db: &mut Work, from: &Export) -> sqlx::Result<Numbers> {
    sqlx::query("UPDATE environment SET catalogue = $2 WHERE id = $1")
        .bind(db.environment)
        .bind(&from.catalogue)
        .execute(&mut **db)
        .await?;
    let mut numbers = Numbers::new();
    for facts in TABLES {
        let Some(table) = from.tables.iter().find(|table| table.name == facts.name) else { continue };
        if facts.has_number() {
            give_numbers(db, table, &mut numbers).await?;
        }
        for row in &table.rows {
            insert(db, facts, row, &numbers).await?;
        }
    }
    let images = from.tables.iter().filter(|table| table.name == "image");
    for row in images.flat_map(|table| &table.rows) {
        let (Some(Cell::Row(Some(image))), Some(Cell::Row(Some(current)))) = (row.first(), row.last()) else {
            continue;
        };
        sqlx::query("UPDATE image SET current_generation = $2 WHERE id = $1")
            .bind(numbers.get(&("image", *image)))
            .bind(numbers.get(&("generation", *current)))
            .execute(&mut **db)
            .await?;
    }
    for facts in TABLES.iter().filter(|facts| facts.has_number()) {
        numbers_were_given(db, facts.name).await?;
    }
    Ok(numbers)
}

/// Each row keeps its number where no other environment has that, else it gets one after all that are known.
async fn give_numbers(db: &mut Work, table: &Table, numbers: &mut Numbers) -> sqlx::Result<()> {
    let sql = AssertSqlSafe(format!("SELECT id FROM {}", table.name));
    let taken: Vec<i64> = sqlx::query_scalar(sql).fetch_all(&mut **db).await?;
    let taken: BTreeSet<i64> = taken.into_iter().collect();
    let own = table.rows.iter().filter_map(|row| match row.first() {
        Some(Cell::Row(Some(number))) => Some(*number),
        _ => None,
    });
    let own: Vec<i64> = own.collect();
    let mut next = taken.iter().chain(&own).max().map_or(1, |most| most + 1);
    for number in own {
        let given = if taken.contains(&number) {
            next += 1;
            next - 1
        } else {
            number
        };
        numbers.insert((table.name, number), given);
    }
    Ok(())
}

async fn insert(db: &mut Work, facts: &TableFacts, row: &[Cell], numbers: &Numbers) -> sqlx::Result<()> {
    let own = facts.through.is_none().then_some("environment_id");
    let names: Vec<_> = own.into_iter().chain(facts.columns.iter().map(|(name, _)| *name)).collect();
    let places: Vec<_> = (1..=names.len()).map(|number| format!("${number}")).collect();
    let (table, names, places) = (facts.name, names.join(", "), places.join(", "));
    // Names of tables and columns only, which are constants.
    let mut query = sqlx::query(AssertSqlSafe(format!("INSERT INTO {table} ({names}) VALUES ({places})")));
    if own.is_some() {
        query = query.bind(db.environment);
    }
    for ((_, column), cell) in facts.columns.iter().zip(row) {
        query = match (column, cell) {
            (Column::Truth, Cell::Number(value)) => query.bind(value.map(|value| value != 0)),
            (_, Cell::Number(value)) => query.bind(value),
            (_, Cell::Text(text)) => query.bind(text),
            (Column::Row(of), Cell::Row(number)) => {
                query.bind(number.and_then(|number| numbers.get(&(*of, number)).copied()))
            }
            (_, Cell::Row(number)) => query.bind(number),
        };
    }
    query.execute(&mut **db).await.map(drop)
}

/// The first table whose rows are not those that were sent, with their new numbers.
fn first_difference(sent: &Export, arrived: &Export, numbers: &Numbers) -> Option<&'static str> {
    TABLES.iter().find_map(|facts| {
        let of = |export: &Export| {
            export.tables.iter().find(|table| table.name == facts.name).map(|table| table.rows.clone())
        };
        let renumbered = |(cell, (_, column)): (Cell, &(&str, Column))| match (cell, column) {
            (Cell::Row(Some(number)), Column::Row(of)) => Cell::Row(numbers.get(&(*of, number)).copied()),
            (cell, _) => cell,
        };
        let sent = of(sent).unwrap_or_default().into_iter();
        let mut sent: Vec<_> =
            sent.map(|row| row.into_iter().zip(facts.columns).map(renumbered).collect::<Vec<_>>()).collect();
        let mut arrived = of(arrived).unwrap_or_default();
        sent.sort();
        arrived.sort();
        (sent != arrived).then_some(facts.name)
    })
}
