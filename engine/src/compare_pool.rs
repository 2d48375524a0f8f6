//! What the catalogue says of a pool, beside what a node says lies there. Nothing is asked and nothing is changed here.

use std::collections::{BTreeMap, BTreeSet};

use ays_catalogue::{CopyState, KnownContent, PoolRecord, RecordedCopy};
use ays_model::{ImageName, PoolOwner};
use ays_protocol::{FileSeen, PoolListing, PoolMark};
use serde_json::Value;

use crate::found_file::Fate;
use crate::pool_fault::PoolFault;

/// A pool as it is recorded and as it is.
pub(crate) struct Compared<'a> {
    pub owner: &'a PoolOwner,
    pub record: &'a PoolRecord,
    /// Its answer to a question about all files of the record, in their order.
    pub listing: &'a PoolListing,
    /// Which generations have the content that is in a file's name.
    pub contents: &'a BTreeMap<String, Vec<KnownContent>>,
    /// Somebody brings or removes files now: what is on its way is not judged.
    pub is_quiet: bool,
}

impl Compared<'_> {
    /// The differences.
    pub fn faults(&self) -> Vec<PoolFault> {
        let (record, listing) = (self.record, self.listing);
        let copies = record.copies.iter();
        let recorded: BTreeSet<_> =
            copies.filter(|copy| copy.state == CopyState::Verified).map(|copy| &copy.file).collect();
        let mut faults = Vec::new();
        match &listing.seen.mark {
            PoolMark::Of(owner) if owner.is(self.owner) => {}
            // What another one's pool holds is not ours to judge.
            PoolMark::Of(owner) => return vec![PoolFault::OtherOwner(owner.clone())],
            PoolMark::Unreadable(reason) => return vec![PoolFault::UnreadableMark(reason.clone())],
            PoolMark::Missing if recorded.is_empty() && listing.unknown.is_empty() => return faults,
            PoolMark::Missing if !listing.exists => {
                return vec![PoolFault::NoDirectory { recorded: recorded.len() }];
            }
            PoolMark::Missing => faults.push(PoolFault::NoMark),
        }
        let seen = record.files().into_iter().zip(&listing.known);
        let seen: BTreeMap<String, Option<FileSeen>> = seen.map(|(file, seen)| (file, *seen)).collect();
        let seen = |file: &str| seen.get(file).copied().flatten();
        faults.extend(recorded.iter().filter_map(|file| bad_copy(record, file, seen(file))));
        if self.is_quiet {
            faults.extend(record.copies.iter().filter_map(|copy| left(copy, seen(&copy.file))));
            faults.extend(listing.unknown.iter().map(|file| {
                let of = self.contents.get(&file.name).cloned().unwrap_or_default();
                PoolFault::Unrecorded { file: file.clone(), fate: Fate::of(file, &of, record), of }
            }));
        }
        if listing.has_more {
            faults.push(PoolFault::TooMany);
        }
        faults.extend(self.index());
        faults
    }

    fn index(&self) -> Option<PoolFault> {
        let Some(text) = &self.listing.seen.index else {
            // A pool that never offered anything has none.
            let offered = self.record.offers.len();
            return (!self.record.copies.is_empty()).then_some(PoolFault::NoIndex { offered });
        };
        let parsed = |text: &str| serde_json::from_str::<Value>(text);
        let is = match parsed(text) {
            Ok(is) if is.get("images").is_some_and(Value::is_array) => is,
            Ok(_) => return Some(PoolFault::UnreadableIndex("it names no images".to_owned())),
            Err(error) => return Some(PoolFault::UnreadableIndex(error.to_string())),
        };
        let must = parsed(&self.record.index).unwrap_or_default();
        if is == must {
            return None;
        }
        let (has, wanted) = (images(&is), images(&must));
        let only =
            |one: &BTreeSet<String>, other: &BTreeSet<String>| one.difference(other).cloned().collect();
        Some(PoolFault::OtherIndex { missing: only(&wanted, &has), extra: only(&has, &wanted) })
    }
}

/// The longest name of an image that is shown: a node may say anything.
const LONGEST: usize = 255;

fn images(index: &Value) -> BTreeSet<String> {
    let images = index.get("images").and_then(Value::as_array).into_iter().flatten();
    let name = |image: &Value| image.get("name").and_then(Value::as_str).map(str::to_owned);
    let is_shown = |name: &String| name.len() <= LONGEST && !name.contains(char::is_control);
    images.filter_map(name).filter(is_shown).collect()
}

/// What is wrong with a file that is recorded as verified.
fn bad_copy(record: &PoolRecord, file: &str, seen: Option<FileSeen>) -> Option<PoolFault> {
    let copies: Vec<_> = record.copies_of(file).filter(|copy| copy.state == CopyState::Verified).collect();
    let (file, recorded) = (file.to_owned(), copies.first()?.size);
    let images: Vec<ImageName> = copies.iter().map(|copy| copy.image.clone()).collect();
    match seen {
        None => Some(PoolFault::Missing { file, images }),
        Some(FileSeen::Other) => Some(PoolFault::NoFile { file, images }),
        Some(FileSeen::File { size }) if size != recorded => {
            Some(PoolFault::OtherSize { file, images, recorded, found: size })
        }
        Some(FileSeen::File { .. }) => None,
    }
}

/// What was begun, and nobody goes on with.
fn left(copy: &RecordedCopy, seen: Option<FileSeen>) -> Option<PoolFault> {
    let (file, image) = (copy.file.clone(), copy.image.clone());
    match copy.state {
        CopyState::Arriving => {
            let is_there = seen == Some(FileSeen::File { size: copy.size });
            Some(PoolFault::LeftArriving { file, image, generation: copy.generation, is_there })
        }
        CopyState::Removing => Some(PoolFault::LeftRemoving { file, image }),
        CopyState::Verified | CopyState::Damaged => None,
    }
}

#[cfg(test)]
#[path = "compare_pool_tests.rs"]
mod tests;
