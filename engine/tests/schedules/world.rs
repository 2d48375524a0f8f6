//! The nodes of a schedule, as their helpers answer: what lies in their pools, and what a fault has harmed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;

use ays_model::{Content, Digest, DiskFormat, Inspection, Md5, Sha256};
use ays_protocol::{
    CheckedCopy, CopyState, Directory, Examined, Failure, Fetched, FileUse, IndexBefore, Outcome, PassedCopy,
    Removal, RemovedCopies, RemovedCopy, Stamp, Step, Stored,
};
use serde_json::Value;
use tokio::sync::Notify;

/// n0 and n1 share a pool; n2 and n3 have their own.
pub const NODES: [(&str, &str); 4] = [("n0", "shared"), ("n1", "shared"), ("n2", "n2"), ("n3", "n3")];

/// What lies in a pool.
#[derive(Default)]
pub struct Disk {
    /// The content of each file.
    pub files: BTreeMap<String, u8>,
    /// Files that a fault has damaged or removed: nobody knows before they are read.
    pub harmed: BTreeSet<String>,
    /// Each image's file and digest, as the index says.
    pub index: Vec<(String, String)>,
}

/// All that the scripted nodes have in common.
pub struct World {
    pub disks: Mutex<BTreeMap<&'static str, Disk>>,
    /// What the source has now.
    pub source: Mutex<u8>,
    /// Nodes that fail every step.
    pub broken: Mutex<BTreeSet<String>>,
    /// After so many more steps the controller is gone; none: it lives.
    pub left: Mutex<Option<u32>>,
    pub gone: Notify,
}

pub fn content(number: u8) -> Content {
    Content([number; 32])
}

pub fn digest(number: u8) -> Digest {
    Digest::FsVerity(content(number))
}

pub fn file(number: u8) -> String {
    format!("x-{:02x}.raw", number)
}

pub fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

impl World {
    pub fn answer(&self, node: &str, step: &Step) -> Result<Outcome, Failure> {
        let answer = self.do_step(node, step);
        let mut left = self.left.lock().unwrap();
        if let Some(steps) = left.as_mut() {
            *steps = steps.saturating_sub(1);
            if *steps == 0 {
                self.gone.notify_one();
            }
        }
        answer
    }

    fn do_step(&self, node: &str, step: &Step) -> Result<Outcome, Failure> {
        if self.broken.lock().unwrap().contains(node) {
            return Err(Failure::Tool { tool: "node".to_owned(), reason: "it is broken".to_owned() });
        }
        let (_, pool) = NODES.iter().find(|(name, _)| *name == node).unwrap();
        let mut disks = self.disks.lock().unwrap();
        let disk = disks.entry(*pool).or_default();
        let lost = || Failure::Tool { tool: "disk".to_owned(), reason: "it has other bytes".to_owned() };
        Ok(match step {
            Step::CheckRequirements(_) | Step::CheckOwner(_) => Outcome::Ready,
            Step::Examine(_) => {
                let directory = Directory { exists: true, free: 1 << 40, leftovers: Vec::new() };
                Outcome::Examined(Box::new(Examined {
                    clock_ms: 0,
                    qemu_img: Ok("7.2.9".to_owned()),
                    pool: Ok(directory.clone()),
                    downloads: Ok(directory),
                    obstacles: Vec::new(),
                }))
            }
            Step::Fetch(_) => Outcome::Fetched(fetched(*self.source.lock().unwrap())),
            Step::StoreImage(_) => {
                let number = *self.source.lock().unwrap();
                disk.files.insert(file(number), number);
                disk.harmed.remove(&file(number));
                Outcome::Stored(Stored {
                    file: file(number),
                    content: content(number),
                    digest: digest(number),
                    size: 1 << 20,
                    virtual_size: 1 << 20,
                    source_format: "qcow2".to_owned(),
                    kept: false,
                    found: Err("nobody looked".to_owned()),
                })
            }
            Step::CheckCopy(order) => {
                let file = name(&order.path);
                let state = match (disk.files.contains_key(&file), disk.harmed.contains(&file), &order.read) {
                    (false, ..) => CopyState::Missing,
                    (true, true, Some(_)) => CopyState::Damaged,
                    _ => CopyState::Good,
                };
                Outcome::Checked(CheckedCopy { state, data: 1 << 20, named: None })
            }
            Step::Inspect(_) => Outcome::Inspected(Inspection {
                format: DiskFormat::Raw,
                virtual_size: 1 << 20,
                table: None,
                boot: None,
                partitions: Vec::new(),
                flaws: Vec::new(),
                systems: Vec::new(),
                unread: Vec::new(),
            }),
            Step::WriteIndex(order) => {
                let index: Value = serde_json::from_str(&order.content).unwrap();
                let images = index["images"].as_array().unwrap().iter();
                let text = |image: &Value, key: &str| image[key].as_str().unwrap().to_owned();
                disk.index = images.map(|image| (text(image, "file"), text(image, "digest"))).collect();
                disk.assert_true(pool);
                Outcome::Written(IndexBefore::Other.into())
            }
            Step::Remove(_) => Outcome::Removed,
            Step::GiveCopy(order) => {
                let file = name(&order.path);
                if !disk.files.contains_key(&file) || disk.harmed.contains(&file) {
                    return Err(lost());
                }
                passed()
            }
            Step::TakeCopy(order) => {
                let file = name(&order.path);
                let number = (1..=u8::MAX).find(|number| digest(*number) == order.digest).unwrap();
                disk.files.insert(file.clone(), number);
                disk.harmed.remove(&file);
                passed()
            }
            Step::RemoveCopies(order) => {
                let mut ends = Vec::new();
                for asked in &order.files {
                    let is_offered = disk.index.iter().any(|(file, _)| *file == asked.file);
                    ends.push(match (disk.files.contains_key(&asked.file), is_offered, order.removal) {
                        (false, ..) => RemovedCopy::Missing,
                        (true, true, _) => RemovedCopy::Kept(vec![FileUse::Offered]),
                        (true, false, Removal::Look) => RemovedCopy::Unused,
                        (true, false, Removal::Remove) => {
                            disk.files.remove(&asked.file);
                            RemovedCopy::Removed
                        }
                    });
                }
                Outcome::RemovedCopies(RemovedCopies { files: ends, unseen: 0, not_refreshed: None })
            }
            other => panic!("{other:?}"),
        })
    }
}

impl Disk {
    /// All that the index names is there and verifies, but for what a fault has harmed.
    pub fn assert_true(&self, pool: &str) {
        for (file, said) in &self.index {
            if !self.harmed.contains(file) {
                let number = self.files.get(file);
                let is = number.map(|number| digest(*number).to_string());
                assert_eq!(is.as_ref(), Some(said), "the index of {pool} names {file}");
            }
        }
    }
}

pub fn passed() -> Outcome {
    let stamp = Stamp { device: 0, inode: 0, size: 0, modified_ns: 0 };
    Outcome::Passed(PassedCopy { size: 1 << 20, kept: false, resumed_at: 0, received: 4096, stamp })
}

pub fn fetched(number: u8) -> Fetched {
    Fetched {
        size: 1 << 20,
        md5: Md5([number; 16]),
        sha256: Sha256([number; 32]),
        verified_by: None,
        signed_by: None,
        version: None,
        kept: false,
        is_source: false,
        resumed_at: 0,
        etag: None,
        last_modified: None,
        stamp: Stamp { device: 0, inode: 0, size: 0, modified_ns: 0 },
    }
}
