use std::path::Path;

use ays_protocol::{Failure, IndexBefore, WriteIndex, WrittenIndex};

use crate::disk::{make_directory, on_thread};
use crate::libvirt::Libvirt;
use crate::limits::Limits;
use crate::owner;
use crate::pool_files::{INDEX, read, replace};

/// Replaces a pool's index, which only its owner may; what it was before. libvirt is told of a change: the index is what
/// is true, so that this may fail.
pub(crate) async fn write(
    order: WriteIndex,
    libvirt: &Libvirt,
    limits: &Limits,
) -> Result<WrittenIndex, Failure> {
    let pool = order.claim.path.clone();
    let before = on_thread(move || {
        let WriteIndex { claim, content } = order;
        owner::check(&claim)?;
        make_directory(&claim.path)?;
        // Until the index is written: whoever adopts the pool waits, and sees what is written here.
        let held = owner::take(&claim)?;
        let before = write_over(&claim.path, content.as_bytes());
        drop(held);
        before
    })
    .await?;
    let not_refreshed = match before {
        IndexBefore::Same => None,
        IndexBefore::Missing | IndexBefore::Other => libvirt.refresh(&pool, limits.libvirt).await,
    };
    Ok(WrittenIndex { before, not_refreshed })
}

fn write_over(pool: &Path, content: &[u8]) -> Result<IndexBefore, Failure> {
    let before = match read(pool, INDEX) {
        Ok(Some(present)) if present == content => return Ok(IndexBefore::Same),
        Ok(None) => IndexBefore::Missing,
        // What cannot be read is replaced, or the error comes again.
        Ok(Some(_)) | Err(_) => IndexBefore::Other,
    };
    replace(pool, INDEX, content)?;
    Ok(before)
}
