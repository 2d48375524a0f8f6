//! What names the disk in an image, whatever its format.

use std::fs::File;
use std::path::Path;

use ays_disk::content::Error;
use ays_model::{Content, DiskFormat};
use ays_protocol::{DigestDisk, DigestedDisk, Failure};

use crate::content::measure;
use crate::disk::{check_path, failure, on_thread};
use crate::image_file::{bad_image, look_at, open_file};
use crate::pace::Pace;
use crate::qemu_img::QemuImg;
use crate::report::Report;
use crate::temporary::Temporary;
use crate::unpack::{Unpacking, path_of};
use ays_disk::ImageFormat;

/// Reads the disk in an image, or in the one that is packed in it.
pub(crate) async fn digest(order: DigestDisk, report: &Report) -> Result<DigestedDisk, Failure> {
    check_path(&order.path)?;
    check_path(&order.temporary)?;
    if order.format.is_none()
        && let Some(disk) = Unpacking::disk_in(&order.path, &order.temporary, report).await?
    {
        let image = path_of(&disk.file);
        let inside = DigestDisk { path: image.clone(), ..order.clone() };
        return of_disk(inside, report).await.map_err(|failure| failure.of_path(&image, &order.path));
    }
    of_disk(order, report).await
}

/// The same of what is not packed. A disk in another format than raw and qcow2 is converted first.
async fn of_disk(order: DigestDisk, report: &Report) -> Result<DigestedDisk, Failure> {
    let path = order.path.clone();
    let kind = match order.format {
        Some(DiskFormat::Raw) => ImageFormat::Raw,
        Some(DiskFormat::Qcow2) => ImageFormat::Qcow2,
        None => on_thread(move || look_at(&path)).await?,
    };
    let direct = match kind {
        ImageFormat::Raw => Some(DiskFormat::Raw),
        ImageFormat::Qcow2 => Some(DiskFormat::Qcow2),
        _ => None,
    };
    if let Some(format) = direct {
        match read(&order.path, format, report).await {
            // Such as clusters that zstd compressed: qemu-img reads them.
            Err(Unread::Unsupported) => {}
            Err(Unread::Failed(failure)) => return Err(failure),
            Ok(digested) => return Ok(digested),
        }
    }
    let qemu_img = QemuImg::find()?;
    let info = qemu_img.info(&order.path, kind).await?;
    if let Some(objection) = info.objection(&order.path) {
        return Err(bad_image(&order.path, objection));
    }
    let unpacked = Temporary::new(order.temporary.join(format!(".ays-digest-{}", std::process::id())));
    qemu_img.convert(&order.path, kind, unpacked.path(), DiskFormat::Raw, info.virtual_size, report).await?;
    read(unpacked.path(), DiskFormat::Raw, report).await.map_err(|unread| match unread {
        Unread::Failed(failure) => failure,
        Unread::Unsupported => bad_image(&order.path, "it cannot be read"),
    })
}

/// Why a disk was not read here.
enum Unread {
    Unsupported,
    Failed(Failure),
}

async fn read(path: &Path, format: DiskFormat, report: &Report) -> Result<DigestedDisk, Unread> {
    let (path, report) = (path.to_owned(), report.clone());
    on_thread(move || {
        let file: File =
            open_file(&path).map_err(|error| Unread::Failed(failure(&path, "reading", &error)))?;
        match measure(&file, format, Pace::new(None), &report) {
            Ok(measured) => {
                Ok(DigestedDisk { content: Content(measured.content), virtual_size: measured.virtual_size })
            }
            Err(Error::Refused(ays_disk::Refusal::Unsupported(_))) => Err(Unread::Unsupported),
            Err(error) => Err(Unread::Failed(bad_image(&path, ays_model::causes(&error)))),
        }
    })
    .await
}
