//! What every database must be able to do.

use crate::{
    Accounts, Arrivals, Audits, Changes, Checking, CloudAccounts, Copies, Counting, Disks, Finding, Holdings,
    Images, Installs, Jobs, Locks, Offers, Owners, Processes, Publications, Registrations, Removals, Runs,
    Schedules, Scrubbing, Stacks, Transfers, Webhooks,
};

/// All that a catalogue answers and records, in plain types. `sqlite.rs` and `postgres.rs` have it each in their own
/// database, and one suite of tests holds both to it.
///
/// Everything is about one environment: the one that the catalogue was opened for.
pub trait Store:
    Accounts
    + Arrivals
    + Audits
    + Changes
    + Checking
    + CloudAccounts
    + Copies
    + Counting
    + Disks
    + Finding
    + Holdings
    + Images
    + Installs
    + Jobs
    + Locks
    + Offers
    + Owners
    + Processes
    + Publications
    + Registrations
    + Removals
    + Runs
    + Schedules
    + Scrubbing
    + Stacks
    + Transfers
    + Webhooks
{
}
