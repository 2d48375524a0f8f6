//! Mending what a check found in a pool whose files are locked: only what loses nothing.
//!
//! A file that is not as it is recorded is offered no more; one that is not recorded is recorded as one that is to be read,
//! or removed where its content is kept under another name or nobody wants it, when nothing uses it. The index is
//! written last, as the catalogue says by then.

use std::collections::HashMap;

use ays_catalogue::{CatalogueError, ChangedBy, KnownContent};
use ays_model::{Target, causes};
use ays_protocol::{PoolMark, Removal, StoredFile};
use ays_transport::{Helper, Transport};

use super::{LookError, Looked, Mended};
use crate::found_file::Fate;
use crate::in_use::InUse;
use crate::index::{self, IndexError};
use crate::own_pool::OwnPool;
use crate::pool_fault::PoolFault;
use crate::remove_copies::{FileEnd, RemoveFiles};
use crate::run_log::Tell;
use crate::stop::Stop;

/// Whoever mends a pool.
pub(super) struct Mend<'a> {
    /// All nodes of the environment.
    pub nodes: &'a [Target],
    pub transport: &'a Transport,
    pub own: OwnPool<'a>,
    pub by: &'a ChangedBy,
    pub stop: &'a Stop,
    pub tell: Tell<'a>,
}

const NOT_OURS: &str = "nothing is changed in a pool that is not this catalogue's";

impl Mend<'_> {
    /// Mends what can be mended; what came of each fault, in their order.
    pub async fn run(
        &self,
        looked: &Looked,
        helper: &mut Helper,
    ) -> Result<Vec<(PoolFault, Mended)>, LookError> {
        let mut mended = HashMap::new();
        let is_ours = matches!(&looked.listing.seen.mark, PoolMark::Of(owner) if owner.is(self.own.owner));
        let is_index = |fault: &PoolFault| {
            matches!(
                fault,
                PoolFault::NoMark
                    | PoolFault::NoIndex { .. }
                    | PoolFault::OtherIndex { .. }
                    | PoolFault::UnreadableIndex(_)
            )
        };
        let mut is_changed = false;
        for (number, fault) in looked.faults.iter().enumerate() {
            if is_ours && let Some(done) = self.records(fault, looked).await? {
                is_changed |= matches!(done, Mended::Done(_));
                mended.insert(number, done);
            }
        }
        // A pool without a mark may be a disk that is not mounted: then nothing of it is there.
        let may_take =
            is_ours || (looked.listing.exists && !looked.faults.iter().any(PoolFault::is_bad_copy));
        if may_take && (is_changed || looked.faults.iter().any(is_index)) {
            let written = self.publish(helper).await?;
            for (number, _) in looked.faults.iter().enumerate().filter(|(_, fault)| is_index(fault)) {
                mended.insert(number, written.clone());
            }
        }
        if is_ours {
            self.remove(&looked.faults, &mut mended).await?;
        }
        let otherwise = |fault: &PoolFault| match fault {
            PoolFault::Unrecorded { fate: Fate::Stays(left), .. } => Mended::Not(left.to_string()),
            PoolFault::LeftRemoving { .. } | PoolFault::TooMany | PoolFault::NoNode { .. } => {
                Mended::Not("it is not mended here".to_owned())
            }
            _ => Mended::Not(NOT_OURS.to_owned()),
        };
        let faults = looked.faults.iter().cloned().enumerate();
        Ok(faults
            .map(|(number, fault)| {
                let mended = mended.remove(&number).unwrap_or_else(|| otherwise(&fault));
                (fault, mended)
            })
            .collect())
    }

    /// Mends the records; none where the fault is not one of them.
    async fn records(&self, fault: &PoolFault, looked: &Looked) -> Result<Option<Mended>, CatalogueError> {
        let (catalogue, pool) = (self.own.catalogue, self.own.key);
        let done = |what: &str| Ok(Some(Mended::Done(what.to_owned())));
        match fault {
            PoolFault::Missing { file, .. }
            | PoolFault::OtherSize { file, .. }
            | PoolFault::NoFile { file, .. } => {
                let Some(copy) = looked.record.verified(file) else { return Ok(None) };
                if catalogue.set_bad(&copy).await? {
                    done(
                        "recorded as damaged, and offered no more; `ays scrub --heal` brings it from a pool that has it",
                    )
                } else {
                    Ok(Some(Mended::Not("it was brought anew meanwhile: check again".to_owned())))
                }
            }
            PoolFault::LeftArriving { file, is_there: true, .. } => {
                catalogue.set_unread(pool, file).await?;
                done("recorded as a file to be read: `ays scrub` reads it")
            }
            PoolFault::LeftArriving { generation, is_there: false, .. } => {
                catalogue.forget_arriving(*generation, std::slice::from_ref(pool)).await?;
                done("forgotten: it did not come")
            }
            PoolFault::Unrecorded { fate: Fate::Record(copy), .. } => {
                if catalogue.record_found(copy, self.by).await? {
                    done("recorded as a file to be read: `ays scrub` reads it")
                } else {
                    Ok(Some(Mended::Not(
                        "another file of the same content was recorded: check again".to_owned(),
                    )))
                }
            }
            _ => Ok(None),
        }
    }

    async fn publish(&self, helper: &mut Helper) -> Result<Mended, CatalogueError> {
        match index::publish(helper, self.own).await {
            Ok(_) => Ok(Mended::Done("written as the catalogue says".to_owned())),
            Err(IndexError::Catalogue(error)) => Err(error),
            Err(IndexError::Helper(error)) => Ok(Mended::Not(causes(&error))),
        }
    }

    /// Removes what is not recorded and not needed, unless something uses it.
    async fn remove(
        &self,
        faults: &[PoolFault],
        mended: &mut HashMap<usize, Mended>,
    ) -> Result<(), CatalogueError> {
        let going: Vec<(usize, &KnownContent, StoredFile)> = faults
            .iter()
            .enumerate()
            .filter_map(|(number, fault)| match fault {
                PoolFault::Unrecorded { file, fate: Fate::Remove { of, size }, .. } => {
                    Some((number, &**of, StoredFile { file: file.name.clone(), size: Some(*size) }))
                }
                _ => None,
            })
            .collect();
        if going.is_empty() {
            return Ok(());
        }
        let files: Vec<_> = going.iter().map(|(_, _, file)| file.clone()).collect();
        let unrecorded: Vec<_> = files.iter().map(|file| file.file.clone()).collect();
        let OwnPool { owner, catalogue, key, .. } = self.own;
        let removing = RemoveFiles {
            nodes: self.nodes,
            catalogue,
            owner,
            transport: self.transport,
            unrecorded: &unrecorded,
        };
        match removing.run(key, &files, Removal::Remove, self.stop, self.tell).await {
            Ok(ends) => {
                for ((number, of, file), end) in going.into_iter().zip(ends) {
                    let came = match end {
                        FileEnd::Removed => {
                            catalogue.note_removed(key, &file.file, of.generation, self.by).await?;
                            Mended::Done("removed: nothing used it".to_owned())
                        }
                        FileEnd::Missing => Mended::Done("gone already".to_owned()),
                        FileEnd::Unused => Mended::Not("it was only looked at".to_owned()),
                        FileEnd::Kept(uses) => {
                            let said = |used: &InUse| format!("on {}, {used}; {}", used.node, used.cure());
                            Mended::Not(uses.iter().map(said).collect::<Vec<_>>().join("\n"))
                        }
                    };
                    mended.insert(number, came);
                }
            }
            Err(error) => {
                let why = causes(&error);
                mended.extend(going.into_iter().map(|(number, ..)| (number, Mended::Not(why.clone()))));
            }
        }
        Ok(())
    }
}
