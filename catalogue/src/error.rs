//! Why the catalogue could not answer.

use std::{io, path::PathBuf};

use ays_model::{Gid, NodeName, PoolName};

use crate::Place;

/// Why the catalogue could not be opened, read or written. Nothing of a failed write is kept.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The catalogue's directory or file is missing and cannot be made.
    #[error("{}: the catalogue cannot be made", path.display())]
    Create {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is there and is not a database, or may not be written; the server cannot be reached, or lets nobody in.
    #[error("{place}: the catalogue cannot be opened")]
    Open {
        /// Where it is.
        place: Place,
        /// What the database said.
        source: sqlx::Error,
    },
    /// Its tables cannot be brought to this version's; a newer version may have written them.
    #[error("{place}: the catalogue's tables do not fit this version")]
    Migrate {
        /// Where it is.
        place: Place,
        /// What does not fit.
        source: Box<sqlx::migrate::MigrateError>,
    },
    /// Rows of it refer to others that are not there: it is damaged, and stays as it is.
    #[error("{place}: the catalogue is damaged: {rows} rows refer to what is not there")]
    Broken {
        /// Where it is.
        place: Place,
        /// How many rows.
        rows: usize,
    },
    /// The open catalogue could not be read or written.
    #[error("{place}: {doing} failed")]
    Database {
        /// Where it is.
        place: Place,
        /// What was being done (`listing images`).
        doing: &'static str,
        /// What the database said.
        source: sqlx::Error,
    },
    /// An image was to be wanted on a stack that is not in the catalogue.
    #[error("there is no stack {name} in grid {gid}")]
    UnknownStack {
        /// The stack's name.
        name: NodeName,
        /// The grid.
        gid: Gid,
    },
    /// An install was to be recorded for a copy that is not in the catalogue.
    #[error("image generation {generation} has no copy in pool {pool}")]
    UnknownCopy {
        /// The generation's id.
        generation: i64,
        /// The pool's name.
        pool: PoolName,
    },
    /// Several grids have an image of this name: its id must be given.
    #[error("{name} is the name of several images: ids {}", ids.iter().map(i64::to_string).collect::<Vec<_>>().join(", "))]
    AmbiguousImage {
        /// The name that was asked for.
        name: String,
        /// The images' ids.
        ids: Vec<i64>,
    },
    /// A size that no file can have.
    #[error("a size of {size} bytes is more than any file can have")]
    Size {
        /// Bytes.
        size: u64,
    },
}
