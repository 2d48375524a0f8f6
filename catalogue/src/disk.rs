//! What was found in a generation's disk.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use crate::{CatalogueError, GenerationId, Timestamp};

/// What was found in a disk; none of a fact: it could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct DiskFacts {
    /// The system's name (`Debian GNU/Linux`), or what kind of system it is (`Linux`).
    pub os: Option<String>,
    /// Its version; of Windows the build.
    pub os_version: Option<String>,
    /// Its processor, as `uname -m` has it.
    pub architecture: Option<String>,
    /// What can start it.
    pub started_by: Option<StartedBy>,
    /// What sets it up when it starts for the first time.
    pub first_boot: Option<FirstBoot>,
    /// Whether it has a driver for a disk on KVM; only of Windows.
    pub virtio: Option<bool>,
    /// Whether its root file system can grow when the disk does.
    pub can_grow: Option<bool>,
    /// When it was looked into; none: never.
    pub inspected_at: Option<Timestamp>,
    /// What is wrong with it.
    #[sqlx(try_from = "String")]
    pub findings: Findings,
}

/// What is wrong with a disk, each finding one line that begins with its severity.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Findings(pub Vec<String>);

impl From<String> for Findings {
    fn from(text: String) -> Self {
        Self(text.lines().map(str::to_owned).collect())
    }
}

/// What can start a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum StartedBy {
    /// A BIOS.
    Bios,
    /// UEFI.
    Uefi,
    /// Both.
    Both,
    /// Neither.
    Neither,
}

/// What sets a system up when it starts for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "kebab-case")]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub enum FirstBoot {
    /// cloud-init.
    CloudInit,
    /// cloudbase-init.
    CloudbaseInit,
    /// Neither.
    None,
}

/// What was found in disks.
#[async_trait]
pub trait Disks: fmt::Debug + Send + Sync {
    /// Records what was found in a generation's disk, in place of what was found before.
    async fn set_disk_facts(&self, generation: GenerationId, facts: &DiskFacts)
    -> Result<(), CatalogueError>;
}
