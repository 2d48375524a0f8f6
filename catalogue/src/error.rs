//! Why the catalogue could not answer.

use std::{io, path::PathBuf};

use ays_model::{EnvironmentName, Gid, NodeName, PoolName};

use crate::Place;
use crate::cure::explained;

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
    #[error("{place}: the catalogue cannot be opened{}", explained(.place, .source))]
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
    #[error(
        "{place}: the catalogue is damaged: {rows} rows refer to what is not there. To go on, {}",
        CatalogueError::restore_cure(.place)
    )]
    Broken {
        /// Where it is.
        place: Place,
        /// How many rows.
        rows: usize,
    },
    /// The database has an environment of this name from another repository.
    #[error(
        "{place}: `{name}` is the environment of {owner} there, and this one is of {asks}: it does not get that one's \
         catalogue. Where it is another environment: `ays env rename NAME`; where the repository has moved: `ays env trust`"
    )]
    OtherRepository {
        /// Where the database is.
        place: Place,
        /// The environment's name.
        name: EnvironmentName,
        /// Whose it is there.
        owner: String,
        /// Who asks.
        asks: String,
    },
    /// The environment's catalogue is elsewhere by now.
    #[error("{place}: the catalogue has moved to {to}: the setting `database` must name that")]
    Moved {
        /// Where it was.
        place: Place,
        /// Where it is.
        to: String,
    },
    /// What is to be taken over would be mixed with what is there.
    #[error("{place} has a catalogue of this environment already")]
    NotEmpty {
        /// Where it is.
        place: Place,
    },
    /// Somebody works with it now.
    #[error("{place}: {by} works on {scope}: wait for that, and do it again")]
    InUse {
        /// Where it is.
        place: Place,
        /// Who.
        by: String,
        /// On what.
        scope: String,
    },
    /// It was changed while it was moved.
    #[error("{place}: table `{table}` was changed meanwhile: do it again")]
    Changed {
        /// Where it is.
        place: Place,
        /// The first table that was changed.
        table: &'static str,
    },
    /// What arrived is not what was sent: nothing of it was kept.
    #[error(
        "{place}: the rows of table `{table}` did not arrive as they were sent; nothing of them was kept"
    )]
    NotTaken {
        /// Where it should be.
        place: Place,
        /// The first table that differs.
        table: &'static str,
    },
    /// The open catalogue could not be read or written.
    #[error("{place}: {doing} failed{}", explained(.place, .source))]
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
    /// An image was to be wanted on a stack of another grid, or one that is not there.
    #[error("stack number {stack} is not one of the grid of {image}")]
    NoStackOfGrid {
        /// The stack's number.
        stack: i64,
        /// The image's name.
        image: String,
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
    /// There is no such image.
    #[error("no image has the number {id}")]
    UnknownImage {
        /// The number.
        id: i64,
    },
    /// What was asked for may not follow what is.
    #[error("{name} {why}")]
    WrongMove {
        /// The image's or the stack's name.
        name: String,
        /// Why not, and what to do.
        why: String,
    },
    /// The image has no such generation.
    #[error("{image} has no generation {number}: `ays image generations {image}` shows those it has")]
    NoGeneration {
        /// Its name.
        image: String,
        /// The generation's number.
        number: u32,
    },
    /// There is no generation before the current one.
    #[error("generation {current} of {image} is its first: `--to N` names another one")]
    NothingBefore {
        /// The image's name.
        image: String,
        /// The current generation's number.
        current: u32,
    },
    /// Nobody can go back to a generation that is nowhere.
    #[error("no pool holds a verified copy of generation {number} of {image}{}", held_ones(.held))]
    NotHeld {
        /// The image's name.
        image: String,
        /// The generation's number.
        number: u32,
        /// The other generations that pools hold.
        held: Vec<u32>,
    },
    /// An image cannot be called destroyed while files of it are there.
    #[error("{copies} {} of {image} {} not removed yet", if *.copies == 1 { "copy" } else { "copies" }, if *.copies == 1 { "is" } else { "are" })]
    StillThere {
        /// The image's name.
        image: String,
        /// How many copies are left.
        copies: u32,
    },
    /// An image cannot have the name of another one of its grid.
    #[error("grid {gid} has an image `{name}` already: number {id}")]
    NameTaken {
        /// The name.
        name: String,
        /// The grid.
        gid: i64,
        /// The other image.
        id: i64,
    },
    /// A size that no file can have.
    #[error("a size of {size} bytes is more than any file can have")]
    Size {
        /// Bytes.
        size: u64,
    },
}

impl CatalogueError {
    /// A catalogue whose tables could not be brought forward: because they do not fit, or because the database failed.
    pub(crate) fn of_migration(place: &Place, error: sqlx::migrate::MigrateError) -> Self {
        use sqlx::migrate::MigrateError::{Execute, ExecuteMigration};
        let place = place.clone();
        match error {
            Execute(source) | ExecuteMigration(source, _) => Self::Open { place, source },
            source => Self::Migrate { place, source: Box::new(source) },
        }
    }
}

fn held_ones(held: &[u32]) -> String {
    let numbers: Vec<_> = held.iter().map(u32::to_string).collect();
    if numbers.is_empty() {
        String::new()
    } else {
        format!(": they hold {}; `--to N` names one", numbers.join(", "))
    }
}
