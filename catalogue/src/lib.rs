//! What an environment knows: images with their generations and copies, stacks, what is installed where, runs, and who
//! works on what now.
//!
//! It is in an SQLite file of this machine, or in a PostgreSQL database that several controllers and environments share.
//! The words are those of the project's model: an *image* is what users know by name, a *generation* is one content of
//! it, a *copy* is a generation in one pool, *wanted* is what an operator said, *offered* is what is true. Only what is
//! offered is ever shown as available.
//!
//! It must not know how an image got there: no SSH, no recipes, no files but its own. No secret is ever in it.

mod account;
mod arrival;
mod audit;
mod catalogue;
mod change;
mod check;
mod check_rules;
mod cloud_account;
mod copy;
mod cure;
mod disk;
mod edit;
mod error;
mod find;
mod holding;
mod image;
mod installed;
mod job;
mod lock;
mod numbers;
mod offer;
mod owner;
mod page;
mod place;
mod pool;
mod postgres;
mod process;
mod publication;
mod register;
mod removal;
mod run;
mod schedule;
mod scrub;
mod sqlite;
mod stack;
mod state;
mod store;
mod timestamp;
mod transfer;
mod webhook;

pub use account::{Account, AccountChange, Accounts, NewToken, NoRole, Role, SESSION, Token, TokenId};
pub use arrival::{Arrivals, NewCopy};
pub use audit::{AuditOf, AuditRecord, AuditSubject, AuditWhat, Audits, ChangedBy};
pub use catalogue::Catalogue;
pub use change::{Change, Changed, Changes};
pub use check::{Checking, DATABASE_IS_DAMAGED, KnownContent, PoolRecord, RecordedCopy};
pub use cloud_account::{CloudAccount, CloudAccounts, NewCloudAccount};
pub use copy::{Copies, Copy, CopyState, KnownCopy};
pub use disk::{DiskFacts, Disks, Findings, FirstBoot, StartedBy};
pub use edit::ImageEdit;
pub use error::CatalogueError;
pub use find::{CloudPlacement, Finding, Found};
pub use holding::{Holding, HoldingFilter, Holdings};
pub use image::{Generation, GenerationId, Image, ImageDetail, ImageId, ImageStatus, Images, StackOffer};
pub use installed::{
    ImageOnNode, Installed, InstalledImage, InstalledPart, Installs, NewInstalled, ServiceOnNode,
    ServiceState,
};
pub use job::{Job, JobEnd, JobFilter, JobId, JobStatus, Jobs};
pub use lock::{Lock, LockAttempt, LockHolder, Locks};
pub use numbers::{Counting, Numbers};
pub use offer::{Offer, Offers, index_json};
pub use owner::{Adopted, AdoptedBefore, NoIndex, Owners};
pub use page::{ImageColumn, ImageQuery, NoColumn, Page};
pub use place::{EnvironmentKey, NoDatabase, Place, PostgresUrl};
pub use process::{Process, Processes};
pub use publication::{
    CloudObject, NewPublication, ObjectState, Publication, PublicationEnd, PublicationFilter, PublicationId,
    PublicationStatus, Publications,
};
pub use register::{
    ImageFacts, Registered, Registration, Registrations, SourceFacts, StoredFacts, TemplateFacts,
};
pub use removal::{Leaving, Removable, RemovableOf, Removals};
pub use run::{Run, RunEnd, RunFilter, RunId, RunStatus, Runs};
pub use schedule::{Schedule, ScheduleId, Schedules};
pub use scrub::{ScrubCopy, Scrubbing};
pub use stack::{CommitFacts, Stack, StackFacts, StackId, StackStatus, Stacks};
pub use state::{ImageMove, Next, next_image_status, next_stack_status};
pub use store::Store;
pub use timestamp::Timestamp;
pub use transfer::{Cell, Export, Table, Transfers};
pub use webhook::{Webhook, WebhookId, Webhooks};
