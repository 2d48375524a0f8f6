//! A disk image, converted into a pool.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::thread;

use ays_model::{Activity, Content, Digest, DiskFormat, Expected, Finding, Inspection, Severity};
use ays_protocol::{Failure, Inspect, Stamp, StoreImage, Stored};

use crate::content;
use crate::disk::{check_path, failure, free_space, make_directory, on_thread, refused, rename};
use crate::file_name::PART_SUFFIX;
use crate::image_file::{bad_image, look_at, open_file};
use crate::inspect::inspect;
use crate::leftovers::{PART_PREFIX, remove_leftovers};
use crate::locked::open_locked;
use crate::qemu_img::QemuImg;
use crate::report::Report;
use crate::temporary::Temporary;
use crate::unpack::{self, Disk, Unpacking, Unpackings, path_of};
use ays_disk::ImageFormat;

/// Unpacks the image, if it is packed; looks at it, refuses what is not whole or no image at all, converts it, and gives
/// it a name by its hash.
pub(crate) async fn store(
    order: &StoreImage,
    unpackings: &Unpackings,
    report: &Report,
) -> Result<Stored, Failure> {
    check_path(&order.source)?;
    check_path(&order.pool)?;
    check_stem(&order.stem)?;
    let (source, stamp) = (order.source.clone(), order.stamp);
    on_thread(move || check_stamp(&source, stamp)).await?;
    let qemu_img = QemuImg::find()?;
    let disk = match order.known {
        Some(_) => None,
        None => unpacked(order, unpackings, report).await?,
    };
    let Some(disk) = disk else {
        return convert(order, &order.source, &qemu_img, report).await;
    };
    let image = path_of(&disk.file);
    let stored = convert(order, &image, &qemu_img, report).await;
    // What is told of it is told of the file that was fetched.
    let mut stored = stored.map_err(|failure| failure.of_path(&image, &order.source))?;
    stored.source_format = disk.packed.describe(&stored.source_format);
    Ok(stored)
}

/// The disk in a packed source: what was unpacked while it came, if it is still the same file.
async fn unpacked(
    order: &StoreImage,
    unpackings: &Unpackings,
    report: &Report,
) -> Result<Option<Arc<Disk>>, Failure> {
    let mut unpacking = match unpackings.take(&order.source) {
        Some(unpacking) => unpacking,
        None => {
            let open = || Unpacking::of_whole(open_file(&order.source)?, unpack_order(order));
            open().map_err(|error| failure(&order.source, "reading", &error))?
        }
    };
    let disk = unpacking.outcome(report).await?;
    let is_of_archive = order.member.as_ref().is_some_and(|member| !member.may_be_layer);
    if disk.is_none() && is_of_archive {
        return Err(bad_image(&order.source, "`member` is for archives, and it is none"));
    }
    Ok(disk)
}

fn unpack_order(order: &StoreImage) -> unpack::Order {
    let (path, directory, member) = (order.source.clone(), order.pool.clone(), order.member.clone());
    unpack::Order { path, directory, member }
}

/// Converts the image at `source`.
async fn convert(
    order: &StoreImage,
    source: &Path,
    qemu_img: &QemuImg,
    report: &Report,
) -> Result<Stored, Failure> {
    let image = source.to_owned();
    let kind = match order.known {
        Some(DiskFormat::Raw) => ImageFormat::Raw,
        Some(DiskFormat::Qcow2) => ImageFormat::Qcow2,
        None => on_thread(move || look_at(&image)).await?,
    };
    let info = qemu_img.info(source, kind).await?;
    if let Some(objection) = info.objection(source) {
        return Err(bad_image(source, objection));
    }
    check_size(source, kind, info.virtual_size).await?;
    let ((), needed) = tokio::try_join!(qemu_img.check(source, kind), qemu_img.measure(source, kind))?;

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

    qemu_img.convert(source, kind, part.path(), order.format, info.virtual_size, report).await?;

    let (fetched, stamp) = (order.source.clone(), order.stamp);
    on_thread(move || check_stamp(&fetched, stamp)).await?;

    let finish = Finish { order: order.clone(), part: part.path().to_owned(), report: report.clone() };
    // What is in it is read while it is hashed and synced.
    let look = Inspect { path: part.path().to_owned(), format: Some(order.format), unpack: None };
    let hashing = on_thread(move || finish.hash(&file).map(|hashed| (finish, hashed)));
    let (hashed, found) = tokio::join!(hashing, inspect(&look, report));
    let (finish, hashed) = hashed?;
    if let Ok(found) = &found
        && found.is_broken()
        && !order.force
    {
        return Err(bad_image(source, broken(found)));
    }
    let written = on_thread(move || finish.name(hashed)).await?;
    if !written.kept {
        part.keep();
    }
    Ok(Stored {
        file: written.name,
        content: written.content,
        digest: written.digest,
        size: written.size,
        virtual_size: info.virtual_size,
        source_format: kind.qemu_name().to_owned(),
        kept: written.kept,
        found: found.map_err(|failure| failure.to_string()),
    })
}

/// What is wrong with a disk, and what can be done about it.
fn broken(found: &Inspection) -> String {
    let findings = found.findings(Expected::default());
    let errors = findings.into_iter().filter(|finding| finding.severity == Severity::Error);
    let errors: Vec<String> =
        errors.map(|Finding { message, cure, .. }| format!("{message} ({cure})")).collect();
    format!("{}; `--force` registers it all the same", errors.join("; "))
}

/// What qemu-img believes of the disk's size must be what the image itself says: the rest of it would be lost.
async fn check_size(source: &Path, kind: ImageFormat, believed: u64) -> Result<(), Failure> {
    let path = source.to_owned();
    let said = on_thread(move || {
        let mut file = open_file(&path).map_err(|error| failure(&path, "reading", &error))?;
        ays_disk::virtual_size(&mut file, kind).map_err(|refusal| bad_image(&path, refusal))
    })
    .await?;
    // qemu-img fills the last sector of a raw file.
    if said.next_multiple_of(512) == believed.next_multiple_of(512) {
        return Ok(());
    }
    let reason = format!("it says that its disk has {said} bytes, and qemu-img takes it for {believed}");
    Err(bad_image(source, reason))
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
        Err(Failure::Changed { path: source.display().to_string() })
    }
}

/// From a converted file to one with its final name.
struct Finish {
    order: StoreImage,
    part: PathBuf,
    report: Report,
}

struct Written {
    name: String,
    content: Content,
    digest: Digest,
    size: u64,
    kept: bool,
}

/// What names a file, and whether the disk has it.
struct Hashed {
    content: Content,
    digest: Digest,
    size: u64,
    synced: io::Result<()>,
}

impl Finish {
    fn hash(&self, file: &File) -> Result<Hashed, Failure> {
        let reading = |error: io::Error| failure(&self.part, "reading", &error);
        let syncing = |error: io::Error| failure(&self.part, "syncing", &error);
        file.set_permissions(Permissions::from_mode(0o644)).map_err(syncing)?;
        let size = file.metadata().map_err(reading)?.len();
        let format = self.order.format;
        // The disk takes the bytes while they are read again from memory.
        let (synced, names) = thread::scope(|scope| {
            let synced = scope.spawn(|| file.sync_all());
            let names = content::names(file, format, None, &self.report);
            self.report.at(Activity::Sync, size, Some(size));
            (
                synced.join().unwrap_or_else(|_| Err(io::Error::other("the thread that syncs ended early"))),
                names,
            )
        });
        let (content, digest) = names.map_err(reading)?;
        Ok(Hashed { content, digest, size, synced })
    }

    fn name(&self, Hashed { content, digest, size, synced }: Hashed) -> Result<Written, Failure> {
        let format = self.order.format;
        let name = content.file_name(&self.order.stem, format);
        let path = self.order.pool.join(&name);
        if let Some((digest, size)) = self.present(&path, content) {
            return Ok(Written { name, content, digest, size, kept: true });
        }
        synced.map_err(|error| failure(&self.part, "syncing", &error))?;
        rename(&self.part, &path)?;
        Ok(Written { name, content, digest, size, kept: false })
    }

    /// The digest and length of the file of that name, when it has this content; a damaged one is replaced. Machines may
    /// stand on it, so one that another converter wrote in other bytes is left as it is.
    fn present(&self, path: &Path, content: Content) -> Option<(Digest, u64)> {
        let found = path.symlink_metadata().ok().filter(fs::Metadata::is_file)?;
        let file = File::open(path).ok()?;
        let (present, digest) = content::names(&file, self.order.format, None, &self.report).ok()?;
        (present == content).then_some((digest, found.len()))
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
