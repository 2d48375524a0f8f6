//! A disk image, converted into a pool.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use ays_protocol::{Activity, Failure, Stamp, StoreImage, Stored};
use rustix::fs::OFlags;

use crate::disk::{check_path, failure, free_space, make_directory, on_thread, refused, rename};
use crate::file_name::PART_SUFFIX;
use crate::hashing::sha256_of;
use crate::image_kind::{HEAD, ImageKind, TAIL, recognise};
use crate::leftovers::{PART_PREFIX, remove_leftovers};
use crate::locked::open_locked;
use crate::pace::Pace;
use crate::qemu_img::QemuImg;
use crate::report::Report;
use crate::temporary::Temporary;

/// The largest virtual disk, in bytes: 64 TiB. All of it is hashed, so a false claim would keep a node busy for years.
const LARGEST: u64 = 64 << 40;

/// How many digits of a stored file's hash are in its name.
const DIGITS: usize = 12;

/// Looks at the image, refuses what is not whole or no image at all, converts it, and gives it a name by its hash.
pub(crate) async fn store(order: &StoreImage, report: &Report) -> Result<Stored, Failure> {
    check_path(&order.source)?;
    check_path(&order.pool)?;
    check_stem(&order.stem)?;
    let (source, stamp) = (order.source.clone(), order.stamp);
    let kind = on_thread(move || {
        check_stamp(&source, stamp)?;
        look_at(&source)
    })
    .await?;
    let qemu_img = QemuImg::find()?;
    let info = qemu_img.info(&order.source, kind).await?;
    if let Some(objection) = info.objection(&order.source) {
        return Err(bad_image(&order.source, objection));
    }
    if info.virtual_size > LARGEST {
        let reason = format!("it claims {} bytes, more than any disk here may have", info.virtual_size);
        return Err(bad_image(&order.source, reason));
    }
    qemu_img.check(&order.source, kind).await?;
    let needed = qemu_img.measure(&order.source, kind).await?;

    let pool = order.pool.clone();
    let part_path = pool.join(format!("{PART_PREFIX}{}{PART_SUFFIX}", order.stem));
    let (file, part) = on_thread(move || {
        make_directory(&pool)?;
        remove_leftovers(&pool)?;
        let free = free_space(&pool)?;
        if needed > free {
            return Err(Failure::Space { path: pool.display().to_string(), needed, free });
        }
        let file = open_locked(&part_path)?;
        Ok((file, Temporary::new(part_path)))
    })
    .await?;

    qemu_img.convert(&order.source, kind, part.path(), order.format, info.virtual_size, report).await?;

    let (source, stamp) = (order.source.clone(), order.stamp);
    on_thread(move || check_stamp(&source, stamp)).await?;

    let finish = Finish { order: order.clone(), part: part.path().to_owned(), report: report.clone() };
    let written = on_thread(move || finish.run(&file)).await?;
    if !written.kept {
        part.keep();
    }
    Ok(Stored {
        file: written.name,
        sha256: written.sha256,
        size: written.size,
        virtual_size: info.virtual_size,
        source_format: kind.as_str().to_owned(),
        kept: written.kept,
    })
}

fn bad_image(path: &Path, reason: impl ToString) -> Failure {
    Failure::BadImage { path: path.display().to_string(), reason: reason.to_string() }
}

/// The stem becomes part of a name in the pool, so it must not lead out of it.
fn check_stem(stem: &str) -> Result<(), Failure> {
    let mut components = Path::new(stem).components();
    let plain = matches!((components.next(), components.next()), (Some(Component::Normal(name)), None) if name == stem);
    if plain && !stem.contains(char::is_control) {
        Ok(())
    } else {
        Err(refused(Path::new(stem), "it is not a plain file name"))
    }
}

/// The source must still be what was fetched: another run may have put its own file there.
fn check_stamp(source: &Path, stamp: Option<Stamp>) -> Result<(), Failure> {
    let Some(stamp) = stamp else { return Ok(()) };
    let found = source.metadata().map_err(|error| failure(source, "looking at it", &error))?;
    if crate::stamp::stamp(&found) == stamp {
        Ok(())
    } else {
        Err(bad_image(source, "it was changed by another run since it was fetched"))
    }
}

fn look_at(source: &Path) -> Result<ImageKind, Failure> {
    let ends = open_file(source).and_then(|file| read_ends(&file));
    let (head, tail) = ends.map_err(|error| failure(source, "reading", &error))?;
    recognise(&head, &tail).map_err(|reason| bad_image(source, reason))
}

/// Opens a file for reading; anything else under its name is an error.
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    // A pipe under that name must not make the helper wait.
    let file = OpenOptions::new().read(true).custom_flags(nonblocking()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
    }
    Ok(file)
}

/// What [`recognise`] goes by.
pub(crate) fn read_ends(mut file: &File) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut head = Vec::new();
    file.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL as u64)))?;
    let mut tail = Vec::new();
    file.take(TAIL as u64).read_to_end(&mut tail)?;
    Ok((head, tail))
}

#[expect(clippy::cast_possible_wrap, reason = "the flags of open(2) are an int")]
fn nonblocking() -> i32 {
    OFlags::NONBLOCK.bits() as i32
}

/// From a converted file to one with its final name.
struct Finish {
    order: StoreImage,
    part: PathBuf,
    report: Report,
}

struct Written {
    name: String,
    sha256: String,
    size: u64,
    kept: bool,
}

impl Finish {
    fn run(&self, file: &File) -> Result<Written, Failure> {
        let reading = |error: io::Error| failure(&self.part, "reading", &error);
        let size = file.metadata().map_err(reading)?.len();
        let sha256 = sha256_of(file, size, Pace::new(None), &self.report).map_err(reading)?;
        let name = format!("{}-{}.{}", self.order.stem, &sha256[..DIGITS], self.order.format.as_str());
        let path = self.order.pool.join(&name);
        if self.is_there(&path, size, &sha256) {
            return Ok(Written { name, sha256, size, kept: true });
        }
        self.report.at(Activity::Sync, size, Some(size));
        file.set_permissions(Permissions::from_mode(0o644))
            .and_then(|()| file.sync_all())
            .map_err(|error| failure(&self.part, "syncing", &error))?;
        rename(&self.part, &path)?;
        Ok(Written { name, sha256, size, kept: false })
    }

    /// A file of that name is good only when all its bytes are; a damaged one is replaced.
    fn is_there(&self, path: &Path, size: u64, sha256: &str) -> bool {
        let Ok(present) = path.symlink_metadata() else { return false };
        present.is_file()
            && present.len() == size
            && File::open(path)
                .and_then(|file| sha256_of(&file, size, Pace::new(None), &self.report))
                .is_ok_and(|actual| actual == sha256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stem_is_one_plain_name() {
        for stem in ["ubuntu-24.04", "x", ".hidden", "with space"] {
            assert_eq!(check_stem(stem), Ok(()), "{stem:?}");
        }
        for stem in ["", ".", "..", "a/b", "/a", "a/", "../a", "a\nb"] {
            assert_eq!(
                check_stem(stem),
                Err(Failure::BadPath {
                    path: stem.to_owned(),
                    reason: "it is not a plain file name".to_owned()
                }),
                "{stem:?}"
            );
        }
    }
}
