//! What an environment knows: images with their generations and copies, stacks, what is installed where, runs, and who
//! works on what now.
//!
//! One SQLite file per environment. The words are those of the project's model: an *image* is what users know by
//! name, a *generation* is one content of it, a *copy* is a generation in one pool, *wanted* is what an operator
//! said, *offered* is what is true. Only what is offered is ever shown as available.
//!
//! It must not know how an image got there: no SSH, no recipes, no files but its own. No secret is ever in it.

mod catalogue;
mod copy;
mod disk;
mod error;
mod find;
mod image;
mod installed;
mod lock;
mod offer;
mod owner;
mod pool;
mod register;
mod run;
mod scrub;
mod stack;
#[cfg(test)]
mod tests;
mod timestamp;

pub use catalogue::Catalogue;
pub use copy::{Copy, CopyState, KnownCopy};
pub use disk::{DiskFacts, Findings, FirstBoot, StartedBy};
pub use error::CatalogueError;
pub use find::Found;
pub use image::{Generation, GenerationId, Image, ImageDetail, ImageId, ImageStatus, StackOffer};
pub use installed::{ImageOnNode, Installed, InstalledImage, InstalledPart, NewInstalled, ServiceOnNode};
pub use lock::{Lock, LockAttempt, LockHolder};
pub use offer::{Offer, index_json};
pub use owner::{Adopted, AdoptedBefore, NoIndex};
pub use register::{ImageFacts, Registered, Registration, SourceFacts, StoredFacts, TemplateFacts};
pub use run::{Run, RunEnd, RunFilter, RunId, RunStatus};
pub use scrub::ScrubCopy;
pub use stack::{CommitFacts, Stack, StackFacts, StackId, StackStatus};
pub use timestamp::Timestamp;
