//! Each difference between a record and a pool is one fault, and no more than what is different.

use std::collections::BTreeMap;

use ays_catalogue::{
    CopyState, GenerationId, ImageStatus, KnownContent, PoolRecord, RecordedCopy, index_json,
};
use ays_model::{Content, Digest, DiskFormat, Gid, PoolKey, PoolOwner};
use ays_protocol::{FileSeen, PoolListing, PoolMark, PoolSeen, UnknownFile};

use super::*;
use crate::found_file::Left;

fn owner(catalogue: &str) -> PoolOwner {
    PoolOwner {
        catalogue: catalogue.to_owned().into(),
        environment: "g8".into(),
        taken_by: "ops@c".to_owned(),
    }
}

fn copy(file: &str, state: CopyState) -> RecordedCopy {
    RecordedCopy {
        file: file.to_owned(),
        format: DiskFormat::Raw,
        digest: Digest::FsVerity(Content([0xab; 32])),
        size: 2000,
        state,
        verified_at: None,
        scrubbed_at: None,
        generation: GenerationId(1),
        image: "x".into(),
        template: "image_x".into(),
    }
}

fn content(status: ImageStatus) -> KnownContent {
    KnownContent {
        generation: GenerationId(1),
        number: 1,
        content: Digest::FsVerity(Content([0xab; 32])),
        virtual_size: 2000,
        image: "x".into(),
        status,
    }
}

/// A pool that is as it is recorded, with what a test changes.
struct Scene {
    record: PoolRecord,
    listing: PoolListing,
    contents: BTreeMap<String, Vec<KnownContent>>,
    is_quiet: bool,
}

impl Scene {
    fn new(copies: &[RecordedCopy]) -> Self {
        let index = index_json(&[], &[]);
        let record = PoolRecord {
            pool: PoolKey {
                gid: Gid(1),
                name: "local".into(),
                node: Some("n1".into()),
                path: "/pool".into(),
            },
            copies: copies.to_vec(),
            adopted: Vec::new(),
            index: index.clone(),
            offers: Vec::new(),
        };
        let known = record.files().iter().map(|_| Some(FileSeen::File { size: 2000 })).collect();
        let listing = PoolListing {
            exists: true,
            seen: PoolSeen { mark: PoolMark::Of(owner("one")), index: Some(index) },
            known,
            unknown: Vec::new(),
            has_more: false,
            others: 3,
        };
        Self { record, listing, contents: BTreeMap::new(), is_quiet: true }
    }

    fn found(mut self, name: &str, size: u64, of: &[KnownContent]) -> Self {
        let seen = FileSeen::File { size };
        self.listing.unknown.push(UnknownFile { name: name.to_owned(), seen });
        self.contents.insert(name.to_owned(), of.to_vec());
        self
    }

    fn faults(&self) -> Vec<PoolFault> {
        let Self { record, listing, contents, is_quiet } = self;
        Compared { owner: &owner("one"), record, listing, contents, is_quiet: *is_quiet }.faults()
    }

    fn codes(&self) -> Vec<&'static str> {
        self.faults().iter().map(PoolFault::code).collect()
    }

    /// What becomes of the one file that was found.
    fn fate(&self) -> Fate {
        match &self.faults()[..] {
            [PoolFault::Unrecorded { fate, .. }] => fate.clone(),
            other => panic!("{other:?}"),
        }
    }
}

const FILE: &str = "x-abababababab.raw";
const OTHER: &str = "y-abababababab.raw";

#[test]
fn a_pool_that_is_as_it_is_recorded_has_no_fault() {
    assert_eq!(Scene::new(&[copy(FILE, CopyState::Verified)]).codes(), [""; 0]);
    // What a scrub has found already is no news.
    let mut damaged = Scene::new(&[copy(FILE, CopyState::Damaged)]);
    damaged.listing.known = vec![None];
    assert_eq!(damaged.codes(), [""; 0]);
    // A node that nothing was ever installed on.
    let mut fresh = Scene::new(&[]);
    (fresh.listing.exists, fresh.listing.seen) = (false, PoolSeen { mark: PoolMark::Missing, index: None });
    assert_eq!(fresh.codes(), [""; 0]);
}

#[test]
fn each_file_that_is_not_as_recorded_is_a_fault() {
    for (seen, code) in [
        (None, "missing"),
        (Some(FileSeen::Other), "noFile"),
        (Some(FileSeen::File { size: 1999 }), "otherSize"),
    ] {
        let mut scene = Scene::new(&[copy(FILE, CopyState::Verified)]);
        scene.listing.known = vec![seen];
        assert_eq!(scene.codes(), [code]);
        assert_eq!(scene.faults()[0].file(), Some(FILE));
    }
}

#[test]
fn whose_the_pool_is_goes_before_what_is_in_it() {
    let with = |mark: PoolMark, exists: bool| {
        let mut scene = Scene::new(&[copy(FILE, CopyState::Verified)]);
        (scene.listing.seen.mark, scene.listing.exists, scene.listing.known) = (mark, exists, vec![None]);
        scene.codes()
    };
    assert_eq!(with(PoolMark::Of(owner("two")), true), ["otherOwner"]);
    assert_eq!(with(PoolMark::Unreadable("?".to_owned()), true), ["unreadableMark"]);
    assert_eq!(with(PoolMark::Missing, false), ["noDirectory"]);
    assert_eq!(with(PoolMark::Missing, true), ["noMark", "missing"]);
}

#[test]
fn an_index_that_says_something_else_is_told_with_its_images() {
    let with = |index: Option<&str>| {
        let mut scene = Scene::new(&[copy(FILE, CopyState::Verified)]);
        scene.listing.seen.index = index.map(str::to_owned);
        scene.faults()
    };
    assert_eq!(with(None), [PoolFault::NoIndex { offered: 0 }]);
    // Other spaces say the same.
    assert_eq!(with(Some("{\"version\": 1,\n\n\"images\": []}")), []);
    let other = with(Some("{\"version\": 1, \"images\": [{\"name\": \"gone\"}, {\"name\": \"a\\nb\"}]}"));
    assert_eq!(other, [PoolFault::OtherIndex { missing: Vec::new(), extra: vec!["gone".to_owned()] }]);
    for damaged in ["", "[]", "{\"images\": 1}"] {
        assert!(matches!(with(Some(damaged))[..], [PoolFault::UnreadableIndex(_)]), "{damaged}");
    }
}

#[test]
fn what_is_on_its_way_is_judged_only_while_nobody_works() {
    let mut scene = Scene::new(&[copy(FILE, CopyState::Arriving), copy("z.raw", CopyState::Removing)]);
    scene = scene.found(OTHER, 2000, &[]);
    assert_eq!(scene.codes(), ["leftArriving", "leftRemoving", "unrecorded"]);
    assert!(matches!(scene.faults()[0], PoolFault::LeftArriving { is_there: true, .. }));
    scene.is_quiet = false;
    assert_eq!(scene.codes(), [""; 0]);
}

#[test]
fn a_file_whose_content_is_known_and_lacking_is_recorded() {
    let created = content(ImageStatus::Created);
    let fate = Scene::new(&[]).found(FILE, 2000, std::slice::from_ref(&created)).fate();
    let Fate::Record(copy) = fate else { panic!("{fate:?}") };
    assert_eq!((copy.file.as_str(), copy.digest, copy.size), (FILE, created.content, 2000));
}

#[test]
fn a_file_is_removed_only_when_its_content_is_kept_or_not_wanted_and_stays_in_all_other_cases() {
    let (created, destroyed) = (content(ImageStatus::Created), content(ImageStatus::Destroyed));
    let kept = |state| Scene::new(&[copy(FILE, state)]);
    for (scene, what) in [
        (Scene::new(&[]).found(OTHER, 2000, std::slice::from_ref(&destroyed)), "destroyed"),
        (kept(CopyState::Verified).found(OTHER, 2000, std::slice::from_ref(&created)), "twice"),
    ] {
        assert!(matches!(scene.fate(), Fate::Remove { size: 2000, .. }), "{what}: {:?}", scene.fate());
    }
    let qcow2 = "x-abababababab.qcow2";
    for (scene, left) in [
        (Scene::new(&[]).found(FILE, 2000, &[]), Left::NoContent),
        (Scene::new(&[]).found(FILE, 1999, std::slice::from_ref(&created)), Left::OtherLength),
        (Scene::new(&[]).found(FILE, 1999, std::slice::from_ref(&destroyed)), Left::OtherLength),
        (Scene::new(&[]).found(qcow2, 77, std::slice::from_ref(&created)), Left::OtherFormat),
        // The other one may be no good.
        (kept(CopyState::Damaged).found(OTHER, 2000, std::slice::from_ref(&created)), Left::NoOther),
    ] {
        assert_eq!(scene.fate(), Fate::Stays(left));
    }
    let mut link = Scene::new(&[]).found(FILE, 0, std::slice::from_ref(&created));
    link.listing.unknown[0].seen = FileSeen::Other;
    assert_eq!(link.fate(), Fate::Stays(Left::NotPlain));
}
