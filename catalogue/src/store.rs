//! What every database must be able to do.

use crate::{
    Arrivals, Audits, Changes, Checking, Copies, Disks, Finding, Images, Installs, Locks, Offers, Owners,
    Registrations, Removals, Runs, Scrubbing, Stacks, Transfers,
};

/// All that a catalogue answers and records, in plain types. `sqlite.rs` and `postgres.rs` have it each in their own
/// database, and one suite of tests holds both to it.
///
/// Everything is about one environment: the one that the catalogue was opened for.
pub trait Store:
    Arrivals
    + Audits
    + Changes
    + Checking
    + Copies
    + Disks
    + Finding
    + Images
    + Installs
    + Locks
    + Offers
    + Owners
    + Registrations
    + Removals
    + Runs
    + Scrubbing
    + Stacks
    + Transfers
{
}
