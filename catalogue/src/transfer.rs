//! All that a catalogue holds of its environment, for another database: a backup, or the team's.

use std::fmt;

use async_trait::async_trait;

use self::Column::{Number, Row, Text, Truth};
use crate::{CatalogueError, Place};

/// A table's rows, in the order of their numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// A cell for each of its columns.
    pub rows: Vec<Vec<Cell>>,
}

/// A value in a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    /// A number, or a truth; none: null.
    Number(Option<i64>),
    /// A text; none: null.
    Text(Option<String>),
    /// The number of a row of this table, or of another one; none: null.
    Row(Option<i64>),
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Number,
    Truth,
    Text,
    /// The number of a row of this table: another database may give it another one.
    Row(&'static str),
}

/// A table that is the environment's, and its columns, but for the environment's own number.
pub(crate) struct TableFacts {
    pub name: &'static str,
    /// The column, and the table before this one, by which it belongs to the environment; none: it has a column
    /// `environment_id`.
    pub through: Option<(&'static str, &'static str)>,
    pub columns: &'static [(&'static str, Column)],
}

/// Every table but those of locks, each after those that it refers to. An image refers to a generation that comes after it:
/// that is put in at the end.
pub(crate) const TABLES: &[TableFacts] = &[
    TableFacts {
        name: "pool",
        through: None,
        columns: &[("id", Row("pool")), ("gid", Number), ("name", Text), ("node", Text), ("path", Text)],
    },
    TableFacts {
        name: "stack",
        through: None,
        columns: &[
            ("id", Row("stack")),
            ("gid", Number),
            ("name", Text),
            ("status", Text),
            ("reference_id", Text),
            ("pool_id", Row("pool")),
            ("in_environment", Truth),
            ("status_by", Text),
            ("status_reason", Text),
        ],
    },
    TableFacts {
        name: "image",
        through: None,
        columns: &[
            ("id", Row("image")),
            ("guid", Text),
            ("gid", Number),
            ("name", Text),
            ("description", Text),
            ("type", Text),
            ("size_gb", Number),
            ("username", Text),
            ("account_id", Number),
            ("reference_id", Text),
            ("url", Text),
            ("last_modified", Text),
            ("status", Text),
            ("boot_type", Text),
            ("hot_resize", Truth),
            ("current_generation", Row("generation")),
        ],
    },
    TableFacts {
        name: "generation",
        through: Some(("image_id", "image")),
        columns: &[
            ("id", Row("generation")),
            ("image_id", Row("image")),
            ("number", Number),
            ("source_url", Text),
            ("etag", Text),
            ("last_modified", Text),
            ("source_md5", Text),
            ("source_sha256", Text),
            ("source_size", Number),
            ("source_verified", Truth),
            ("format", Text),
            ("content", Text),
            ("stored_size", Number),
            ("virtual_size", Number),
            ("template", Text),
            ("template_checksum", Text),
            ("template_commit", Text),
            ("made_at", Text),
            ("made_by", Text),
            ("os", Text),
            ("os_version", Text),
            ("architecture", Text),
            ("started_by", Text),
            ("first_boot", Text),
            ("virtio", Truth),
            ("can_grow", Truth),
            ("inspected_at", Text),
            ("verified_by", Text),
            ("findings", Text),
            ("signed_by", Text),
            ("signer", Text),
            ("source_version", Text),
            ("undone_at", Text),
            ("undone_by", Text),
        ],
    },
    TableFacts {
        name: "copy",
        through: Some(("pool_id", "pool")),
        columns: &[
            ("pool_id", Row("pool")),
            ("generation_id", Row("generation")),
            ("state", Text),
            ("file", Text),
            ("format", Text),
            ("digest", Text),
            ("size", Number),
            ("verified_at", Text),
            ("scrubbed_at", Text),
        ],
    },
    TableFacts {
        name: "wanted",
        through: Some(("image_id", "image")),
        columns: &[("image_id", Row("image")), ("stack_id", Row("stack"))],
    },
    TableFacts {
        name: "installed",
        through: None,
        columns: &[
            ("service", Text),
            ("instance", Text),
            ("node", Text),
            ("template_checksum", Text),
            ("answers_digest", Text),
            ("installed_at", Text),
        ],
    },
    TableFacts {
        name: "installed_part",
        through: None,
        columns: &[
            ("service", Text),
            ("instance", Text),
            ("node", Text),
            ("number", Number),
            ("pool_id", Row("pool")),
            ("generation_id", Row("generation")),
        ],
    },
    TableFacts {
        name: "service_state",
        through: None,
        columns: &[
            ("service", Text),
            ("instance", Text),
            ("node", Text),
            ("inputs", Text),
            ("methods", Text),
            ("set_values", Text),
        ],
    },
    TableFacts {
        name: "run",
        through: None,
        columns: &[
            ("id", Row("run")),
            ("service", Text),
            ("instance", Text),
            ("node", Text),
            ("action", Text),
            ("status", Text),
            ("message", Text),
            ("started_at", Text),
            ("ended_at", Text),
            ("rollout", Text),
            ("log", Text),
        ],
    },
    TableFacts {
        name: "schedule",
        through: None,
        columns: &[
            ("id", Row("schedule")),
            ("every", Text),
            ("operation", Text),
            ("actor", Text),
            ("created_at", Text),
            ("next_at", Text),
        ],
    },
    TableFacts {
        name: "job",
        through: None,
        columns: &[
            ("id", Row("job")),
            ("kind", Text),
            ("operation", Text),
            ("status", Text),
            ("actor", Text),
            ("schedule_id", Row("schedule")),
            ("created_at", Text),
            ("started_at", Text),
            ("ended_at", Text),
            ("worker", Text),
            ("attempts", Number),
            ("cancelled_by", Text),
            ("report", Text),
            ("problem", Text),
        ],
    },
    TableFacts {
        name: "job_event",
        through: Some(("job_id", "job")),
        columns: &[("job_id", Row("job")), ("number", Number), ("record", Text)],
    },
    TableFacts {
        name: "account",
        through: None,
        columns: &[
            ("id", Row("account")),
            ("name", Text),
            ("role", Text),
            ("password", Text),
            ("created_at", Text),
            ("created_by", Text),
        ],
    },
    TableFacts {
        name: "token",
        through: Some(("account_id", "account")),
        columns: &[
            ("id", Row("token")),
            ("account_id", Row("account")),
            ("name", Text),
            ("hash", Text),
            ("role", Text),
            ("created_at", Text),
            ("expires_at", Text),
            ("revoked_at", Text),
        ],
    },
    TableFacts {
        name: "audit",
        through: None,
        columns: &[
            ("id", Row("audit")),
            ("at", Text),
            ("actor", Text),
            ("subject", Text),
            ("gid", Number),
            ("name", Text),
            ("what", Text),
            ("reason", Text),
            ("before", Text),
            ("after", Text),
        ],
    },
    TableFacts {
        name: "webhook",
        through: None,
        columns: &[
            ("id", Row("webhook")),
            ("url", Text),
            ("secret", Text),
            ("actor", Text),
            ("created_at", Text),
            ("told", Row("audit")),
            ("failures", Number),
            ("next_at", Text),
            ("problem", Text),
            ("delivered_at", Text),
        ],
    },
    TableFacts {
        name: "cloud_account",
        through: None,
        columns: &[
            ("name", Text),
            ("target", Text),
            ("fields", Text),
            ("secrets", Text),
            ("created_at", Text),
            ("created_by", Text),
            ("tested_at", Text),
            ("problem", Text),
        ],
    },
    TableFacts {
        name: "publication",
        through: None,
        columns: &[
            ("id", Row("publication")),
            ("image_id", Row("image")),
            ("generation", Number),
            ("content", Text),
            ("account", Text),
            ("target", Text),
            ("fields", Text),
            ("overwrite", Truth),
            ("keep", Truth),
            ("status", Text),
            ("message", Text),
            ("bytes_done", Number),
            ("bytes_total", Number),
            ("problem", Text),
            ("cloud_id", Text),
            ("location", Text),
            ("actor", Text),
            ("created_at", Text),
            ("ended_at", Text),
            ("cancelled_by", Text),
        ],
    },
    TableFacts {
        name: "cloud_object",
        through: Some(("publication_id", "publication")),
        columns: &[
            ("publication_id", Row("publication")),
            ("number", Number),
            ("kind", Text),
            ("key", Text),
            ("cloud_id", Text),
            ("state", Text),
            ("changed_at", Text),
        ],
    },
    TableFacts {
        name: "licence",
        through: None,
        columns: &[("image_id", Row("image")), ("accepted_by", Text), ("accepted_at", Text)],
    },
    TableFacts {
        name: "stacks_from",
        through: None,
        columns: &[("commit_id", Text), ("committed_at", Text)],
    },
    TableFacts {
        name: "adopted",
        through: Some(("pool_id", "pool")),
        columns: &[("pool_id", Row("pool")), ("file", Text), ("name", Text), ("entry", Text)],
    },
];

impl TableFacts {
    /// The condition that a row is of the environment `$1`.
    pub fn belongs(&self) -> String {
        match self.through {
            None => "environment_id = $1".to_owned(),
            Some((column, of)) => format!("{column} IN (SELECT id FROM {of} WHERE environment_id = $1)"),
        }
    }

    /// Whether its rows have numbers of their own.
    pub fn has_number(&self) -> bool {
        self.columns.first() == Some(&("id", Row(self.name)))
    }
}

/// Taking an environment from one database to another.
#[async_trait]
pub trait Transfers: fmt::Debug + Send + Sync {
    /// All rows of the environment, as one moment has them, and what tells its catalogue from others in the marks of pools.
    async fn export(&self) -> Result<Export, CatalogueError>;

    /// Takes over all of an environment, into one that is empty yet or has moved away: everything, compared row by row when
    /// it is there, or nothing. A row keeps its number where that is free.
    ///
    /// # Errors
    ///
    /// [`CatalogueError::NotEmpty`], and [`CatalogueError::NotTaken`] when what arrived is not what was sent.
    ///
    /// Where `from` is given, it is a copy until [`Transfers::stay`] says otherwise, and is not opened.
    async fn import(&self, export: &Export, from: Option<&Place>) -> Result<(), CatalogueError>;

    /// What was taken over is the catalogue from now on.
    async fn stay(&self) -> Result<(), CatalogueError>;

    /// Where the catalogue is now; none: here.
    async fn moved_to(&self) -> Result<Option<String>, CatalogueError>;

    /// Says that the catalogue is elsewhere from now on: it is not opened here any more.
    ///
    /// # Errors
    ///
    /// [`CatalogueError::InUse`] while somebody holds a lock of it, and [`CatalogueError::NotTaken`] when it has changed since
    /// `as_sent` was read: what was changed would be lost.
    async fn leave(&self, to: &Place, as_sent: &Export) -> Result<(), CatalogueError>;

    /// Ends all connections; of a file, all that was written is in it then.
    async fn close(&self);
}

/// See [`Transfers::export`].
#[derive(Debug, Clone, PartialEq)]
pub struct Export {
    /// What tells the catalogue from others.
    pub catalogue: String,
    /// Its tables, each after those that it refers to.
    pub tables: Vec<Table>,
}

impl Export {
    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.tables.iter().map(|table| table.rows.len()).sum()
    }
}
