//! Disk images: whatever they hold, an inspection ends, has little to say, and says nothing that steers a terminal.
//!
//! Images are too large to be searched from nothing, so the input is what is changed in one of `fixtures/disks`: its
//! first byte is which, each four bytes after it are a place, little endian, and the byte there.

use std::fs::File;
use std::os::unix::fs::FileExt;

use ays_disk::inspect;
use ays_model::{DiskFormat, Expected};
use miniz_oxide::inflate::decompress_to_vec;

/// The images, as gzip made them.
const IMAGES: [(&[u8], DiskFormat); 4] = [
    (include_bytes!("../../fixtures/disks/linux.ext4.gz"), DiskFormat::Raw),
    (include_bytes!("../../fixtures/disks/windows.ntfs.gz"), DiskFormat::Raw),
    (include_bytes!("../../fixtures/disks/linux.gpt.gz"), DiskFormat::Raw),
    (include_bytes!("../../fixtures/disks/linux.qcow2.gz"), DiskFormat::Qcow2),
];

/// What gzip writes before the packed bytes when it is not told a name.
const GZIP_HEADER: usize = 10;

thread_local! {
    static FILES: Vec<Option<(File, Vec<u8>)>> = IMAGES.iter().map(|(packed, _)| in_file(packed)).collect();
}

/// See the module.
pub fn check(data: &[u8]) {
    let Some((which, changes)) = data.split_first() else { return };
    let which = usize::from(*which) % IMAGES.len();
    FILES.with(|files| {
        let Some((file, whole)) = &files[which] else { return };
        let places: Vec<usize> = changes
            .chunks_exact(4)
            .map(|change| {
                let place = u32::from_le_bytes([change[0], change[1], change[2], 0]) as usize % whole.len();
                put(file, place, change[3]);
                place
            })
            .collect();
        if let Ok(file) = file.try_clone() {
            look(file, IMAGES[which].1);
        }
        places.into_iter().for_each(|place| put(file, place, whole[place]));
    });
}

fn look(file: File, format: DiskFormat) {
    let Ok(found) = inspect(file, format) else { return };
    let said = serde_json::to_string(&found).unwrap_or_default();
    assert!(said.len() < 1 << 18, "{} bytes are said", said.len());
    let findings = found.findings(Expected::default());
    assert!(findings.len() < 1000, "{} findings", findings.len());
    assert!(found.boot.is_none() || !found.is_broken(), "what starts a broken disk is said");
    let texts = found.systems.iter().flat_map(|system| [&system.name, &system.version]).flatten();
    for text in texts.chain(&found.unread) {
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
}

/// What is in one of `fixtures/disks`.
pub(crate) fn unpacked(packed: &[u8]) -> Option<Vec<u8>> {
    decompress_to_vec(packed.get(GZIP_HEADER..)?).ok()
}

fn in_file(packed: &[u8]) -> Option<(File, Vec<u8>)> {
    let whole = unpacked(packed)?;
    let file = tempfile::tempfile().ok()?;
    file.write_all_at(&whole, 0).ok()?;
    Some((file, whole))
}

fn put(file: &File, place: usize, byte: u8) {
    // A temporary file that cannot be written leaves the image as it was.
    let _ = file.write_all_at(&[byte], place as u64);
}
