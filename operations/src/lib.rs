//! The use cases that the command line and a server share, a file each.
//!
//! Each takes what it works on by value, so that it can be a task of its own, says what happens as
//! [`Event`](ays_model::Event)s, ends when it is told to, and fails with one [`Error`]. Work that blocks (files, git, a
//! command that gives secrets) is done off the runtime.
//!
//! It must not know the terminal or HTTP: whoever calls it asks, renders, and picks exit codes.

mod adopt_pools;
mod availability;
mod canary;
mod change_image;
mod change_stack;
mod check_catalogue;
mod check_image;
mod check_nodes;
mod controller;
mod destroy_image;
mod error;
mod git;
mod https;
mod install;
mod lint;
mod move_catalogue;
mod new_image;
mod off_runtime;
mod open_catalogue;
mod outdated;
mod pools;
mod prove_image;
mod prune;
mod queries;
mod rehearse;
mod remove_files;
mod scrub;
mod selection;

pub use adopt_pools::{AdoptPools, Adopted};
pub use availability::{Availability, SetAvailability, Stopped, Wanted};
pub use canary::{Canary, NoCanary};
pub use change_image::{ChangeImage, ChangedImage, ImageChange, Lagging};
pub use change_stack::{ChangeStack, ChangedStack};
pub use check_catalogue::{CheckCatalogue, CheckedCatalogue, Repair};
pub use check_image::{CheckImage, CheckedImage, check_file, digest};
pub use check_nodes::CheckNodes;
pub use controller::{Actor, Controller, Tell};
pub use destroy_image::{DestroyImage, Destroyed};
pub use error::{Cause, Error, Kind};
pub use git::{clone, pull, save, status, unsaved};
pub use https::look_for_https;
pub use install::{Install, InstallFailed, InstallReport, NotInstalled, PlannedInstall};
pub use lint::{LintScope, lint, lint_sources};
pub use move_catalogue::CatalogueAt;
pub use new_image::{LookAtImage, Proposal, write_image};
pub use open_catalogue::{catalogue_place, open_catalogue};
pub use outdated::{Behind, OutdatedService, behind, outdated};
pub use prove_image::{ImageProof, key_of, prove_image, trust_key};
pub use prune::{Prune, would_go};
pub use queries::{
    ListedTemplate, audit, find, image, images, is_checksum, nodes, runs, stack, stacks, templates,
};
pub use rehearse::Rehearse;
pub use remove_files::RemovedFile;
pub use scrub::ScrubCopies;
pub use selection::{Selected, Selection, all_nodes, local_pool};
