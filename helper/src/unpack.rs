//! The disk in a packed file, unpacked while the file still comes. It lies in a file of the pool's directory that has no
//! name: whatever ends the helper, nothing stays.

mod arrival;
mod disk_file;
mod following;
mod kept;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ays_model::{Activity, Member};
use ays_protocol::Failure;
use ays_unpack::Unpacked;
use tokio::sync::watch;
use tokio::time::interval;

pub(crate) use self::arrival::Arrival;
use self::disk_file::DiskFile;
use self::following::Following;
pub(crate) use self::kept::Unpackings;
use crate::disk::failure;
use crate::image_file::{bad_image, open_file};
use crate::report::Report;

/// A disk that was unpacked.
#[derive(Debug)]
pub(crate) struct Disk {
    pub(crate) file: File,
    pub(crate) packed: Unpacked,
}

/// What came of it: a disk, or none because the file is not packed.
type Outcome = Result<Option<Arc<Disk>>, Failure>;

/// The thread that unpacks a file, and what came of it.
#[derive(Debug)]
pub(crate) struct Unpacking {
    arrival: Arc<Arrival>,
    /// Of which arrival's epoch it is, with it.
    outcome: watch::Receiver<Option<(u64, Outcome)>>,
}

/// What is to be unpacked, and where to.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// The packed file, for messages.
    pub(crate) path: PathBuf,
    /// Where the disk's file is made.
    pub(crate) directory: PathBuf,
    /// Which file of an archive is the disk.
    pub(crate) member: Option<Member>,
}

impl Unpacking {
    /// Begins to unpack what is in `packed` as far as `arrival` says that it has come.
    pub(crate) fn start(order: Order, packed: File, arrival: Arc<Arrival>) -> Self {
        let (sender, outcome) = watch::channel(None);
        let following = Arc::clone(&arrival);
        thread::spawn(move || {
            let mut last = None;
            while let Some(epoch) = following.begins(last) {
                last = Some(epoch);
                let outcome = unpack(&order, &packed, epoch, &following);
                // Nobody waits for it any more when this fails.
                let _ = sender.send(Some((epoch, outcome)));
            }
        });
        Self { arrival, outcome }
    }

    /// Unpacks a file that is whole.
    pub(crate) fn of_whole(packed: File, order: Order) -> io::Result<Self> {
        let arrival = Arc::new(Arrival::default());
        arrival.reached(packed.metadata()?.len());
        arrival.complete();
        Ok(Self::start(order, packed, arrival))
    }

    /// The disk in a packed file that is whole, in a file of `directory` that has no name; none when it is not packed.
    pub(crate) async fn disk_in(path: &Path, directory: &Path, report: &Report) -> Outcome {
        let order = Order { path: path.to_owned(), directory: directory.to_owned(), member: None };
        let begun = open_file(path).and_then(|file| Self::of_whole(file, order));
        begun.map_err(|error| failure(path, "reading", &error))?.outcome(report).await
    }

    /// Waits for what comes of it, once all bytes of the file are there.
    pub(crate) async fn outcome(&mut self, report: &Report) -> Outcome {
        let mut tell = interval(Duration::from_millis(200));
        loop {
            if let Some((epoch, outcome)) = &*self.outcome.borrow_and_update()
                && *epoch == self.arrival.epoch()
            {
                return outcome.clone();
            }
            tokio::select! {
                changed = self.outcome.changed() => if changed.is_err() {
                    return Err(Failure::Tool { tool: "unpacking".to_owned(), reason: "its thread ended early".to_owned() });
                },
                _ = tell.tick() => {
                    let (read, length) = self.arrival.read();
                    report.at(Activity::Unpack, read, Some(length));
                }
            }
        }
    }
}

impl Drop for Unpacking {
    fn drop(&mut self) {
        self.arrival.close();
    }
}

fn unpack(order: &Order, packed: &File, epoch: u64, arrival: &Arc<Arrival>) -> Outcome {
    let mut disk = DiskFile::new(&order.directory, epoch, Arc::clone(arrival));
    let begin = || {
        Following::new(packed, epoch, Arc::clone(arrival))
            .map_err(|error| failure(&order.path, "reading", &error))
    };
    let member = order.member.as_ref();
    let found = match ays_unpack::unpack(begin()?, member.map(|member| &*member.name), &mut disk) {
        // The name has picked this layer then.
        Err(ays_unpack::Error::NoArchive) if member.is_some_and(|member| member.may_be_layer) => {
            ays_unpack::unpack(begin()?, None, &mut disk)
        }
        found => found,
    };
    let writing = |error: &io::Error| failure(&order.directory, "unpacking the disk", error);
    match found {
        Ok(None) => Ok(None),
        Ok(Some(packed)) => {
            let file = disk.end().map_err(|error| writing(&error))?;
            Ok(Some(Arc::new(Disk { file, packed })))
        }
        Err(ays_unpack::Error::Write(error)) => match disk_file::too_large(&error) {
            Some(reason) => Err(bad_image(&order.path, reason)),
            None => Err(writing(&error)),
        },
        Err(ays_unpack::Error::Read(error)) => Err(failure(&order.path, "reading", &error)),
        Err(error) => Err(bad_image(&order.path, error)),
    }
}

/// A path by which other processes of this user open the file.
pub(crate) fn path_of(file: &File) -> PathBuf {
    use std::os::fd::AsRawFd;
    Path::new("/proc").join(std::process::id().to_string()).join("fd").join(file.as_raw_fd().to_string())
}
