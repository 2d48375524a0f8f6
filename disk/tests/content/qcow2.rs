//! What is in a qcow2 is what the raw disk was.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use ays_model::DiskFormat;
use tempfile::{TempDir, tempdir};

use crate::{by_fsverity, hex, measure, noise, output};

/// Of an odd size, in no whole clusters: noise, text that packs well, zeros and holes.
fn raw() -> (TempDir, std::path::PathBuf) {
    let directory = tempdir().unwrap();
    let path = directory.path().join("disk.raw");
    let file = File::create(&path).unwrap();
    file.set_len((40 << 20) + 512 * 3).unwrap();
    file.write_all_at(&noise(300_000), 0).unwrap();
    file.write_all_at(&b"all work and no play ".repeat(100_000), 3 << 20).unwrap();
    file.write_all_at(&vec![0; 1 << 20], 8 << 20).unwrap();
    file.write_all_at(&noise(5_000_001), 20 << 20).unwrap();
    file.write_all_at(b"the end", (40 << 20) + 1500).unwrap();
    (directory, path)
}

fn qemu_img(arguments: &[&str], files: &[&Path]) {
    output(Command::new("qemu-img").args(arguments).args(files));
}

#[test]
fn however_it_was_converted() {
    let (directory, raw) = raw();
    let image = directory.path().join("disk.qcow2");
    let expected = by_fsverity(&raw);
    for options in [
        &[][..],
        &["-c"],
        &["-S", "0"],
        &["-o", "compat=0.10"],
        &["-c", "-o", "compat=0.10"],
        &["-o", "cluster_size=512"],
        &["-c", "-o", "cluster_size=512"],
        &["-c", "-o", "cluster_size=4k"],
        &["-o", "cluster_size=2M"],
        &["-c", "-o", "cluster_size=2M"],
        &["-o", "preallocation=metadata"],
        &["-o", "preallocation=falloc"],
        &["-o", "lazy_refcounts=on,refcount_bits=1"],
    ] {
        let arguments = [&["convert", "-q", "-f", "raw", "-O", "qcow2"], options].concat();
        qemu_img(&arguments, &[&raw, &image]);
        let measured =
            measure(&image, DiskFormat::Qcow2).unwrap_or_else(|error| panic!("{options:?}: {error:?}"));
        assert_eq!(hex(measured.content), expected, "{options:?}");
        assert_eq!(measured.virtual_size, (40 << 20) + 1536, "{options:?}");
        // What is all zeros is never read, but for what was asked to be written.
        let most = if options.contains(&"-S") { 42 << 20 } else { 20 << 20 };
        assert!(measured.data_size < most, "{options:?}: {} bytes were read", measured.data_size);
    }
}

#[test]
fn clusters_of_zeros_over_data_and_a_snapshot_below() {
    let (directory, raw) = raw();
    let image = directory.path().join("disk.qcow2");
    qemu_img(&["convert", "-q", "-f", "raw", "-O", "qcow2"], &[&raw, &image]);
    let before = measure(&image, DiskFormat::Qcow2).unwrap();
    qemu_img(&["snapshot", "-c", "before"], &[&image]);
    assert_eq!(measure(&image, DiskFormat::Qcow2).unwrap(), before);
    // Zeros over data, one cluster of it in part, and data over data.
    let commands = ["write -z 20M 1M", "write -z 3100k 2M", "write -P 7 21M 200k", "write -z -u 22M 1M"];
    let mut io = Command::new("qemu-io");
    commands.iter().for_each(|command| _ = io.args(["-c", command]));
    output(io.args(["-f", "qcow2"]).arg(&image));
    let after = directory.path().join("after.raw");
    qemu_img(&["convert", "-f", "qcow2", "-O", "raw"], &[&image, &after]);
    let measured = measure(&image, DiskFormat::Qcow2).unwrap();
    assert_eq!(hex(measured.content), by_fsverity(&after));
    assert_ne!(measured.content, before.content);
    qemu_img(&["snapshot", "-a", "before"], &[&image]);
    assert_eq!(measure(&image, DiskFormat::Qcow2).unwrap().content, before.content);
}

#[test]
fn an_empty_disk_and_one_of_64_tebibytes() {
    let directory = tempdir().unwrap();
    let image = directory.path().join("disk.qcow2");
    qemu_img(&["create", "-q", "-f", "qcow2"], &[&image, Path::new("0")]);
    assert_eq!(hex(measure(&image, DiskFormat::Qcow2).unwrap().content), crate::OF_NOTHING);
    qemu_img(&["create", "-q", "-f", "qcow2"], &[&image, Path::new("64T")]);
    let holes = measure(&image, DiskFormat::Qcow2).unwrap();
    assert_eq!((holes.virtual_size, holes.data_size), (64 << 40, 0));
    let mut hasher = ays_disk::content::Hasher::new();
    hasher.skip_zeros(64 << 40);
    assert_eq!(hasher.finalize(), holes);
}

#[test]
fn a_file_that_ends_within_its_last_cluster() {
    let (directory, raw) = raw();
    let image = directory.path().join("disk.qcow2");
    qemu_img(&["convert", "-q", "-f", "raw", "-O", "qcow2"], &[&raw, &image]);
    let whole = measure(&image, DiskFormat::Qcow2).unwrap();
    let file = OpenOptions::new().write(true).open(&image).unwrap();
    let length = file.metadata().unwrap().len();
    // The last cluster has zeros at its end, as the disk ends before.
    file.set_len(length - 1024).unwrap();
    assert_eq!(measure(&image, DiskFormat::Qcow2).unwrap().content, whole.content);
}
