//! An image of the catalogue goes to a cloud or a registry: with which account, as what, and what is made there for it. Each type
//! of target is a file; what all share is beside them: accounts, the ledger, how services are asked, how the disk is read.
//!
//! A node reads the disk where it lies, and never sees a secret: its bytes come over the node's connection, and this machine
//! gives them to the service. It must not know the terminal, HTML, recipes, or where secrets are kept.

mod account;
mod account_file;
mod aws;
mod data;
mod docker;
mod error;
mod fields;
mod http;
mod job;
mod ledger;
mod openstack;
mod policy;
mod problem;
mod registry;
mod target;

pub use account::Account;
pub use account_file::{FileFault, FileFormat, read_accounts, read_fields};
pub use data::{Disk, DiskError, Ending};
pub use error::TargetError;
pub use fields::{Field, FieldFault, TargetType, account_fields, publication_fields};
pub use http::{CallError, HttpError};
pub use job::{Fields, ImageFacts, Job, Published, Seen};
pub use ledger::Ledger;
pub use policy::policy;
pub use problem::{Problem, Weight};
pub use target::Target;
