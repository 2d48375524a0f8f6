//! Disk images converted into a pool by the real `qemu-img`.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use ays_model::{Content, Digest, DiskFormat, Inspection};
use ays_protocol::{Failure, Outcome, Step, StoreImage, Stored};
use support::{names, stamp, until};
use tempfile::{TempDir, tempdir};

const SIZE: usize = 1 << 20;

/// A directory with a raw disk in it, and the disk's bytes: an MBR's signature, a little data, and holes.
fn disk() -> (TempDir, Vec<u8>) {
    let directory = tempdir().unwrap();
    let mut bytes = vec![0; SIZE];
    bytes[510..512].copy_from_slice(b"\x55\xaa");
    bytes[1 << 19..(1 << 19) + 4096].copy_from_slice(&support::content(4096));
    fs::write(directory.path().join("disk.raw"), &bytes).unwrap();
    (directory, bytes)
}

fn qemu_img(directory: &Path, arguments: &str) {
    let status = Command::new("qemu-img")
        .args(arguments.split(' '))
        .current_dir(directory)
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{arguments}");
}

async fn store(directory: &Path, source: &str, format: DiskFormat) -> Result<Stored, Failure> {
    let order = StoreImage {
        known: None,
        source: directory.join(source),
        stamp: None,
        pool: directory.join("pool"),
        stem: "disk".into(),
        member: None,
        format,
        force: false,
    };
    // The program itself, because it starts `qemu-img` through itself.
    let (mut node, _child) = support::outside(|_| {}).await;
    match node.run(Step::StoreImage(order)).await {
        Ok(Outcome::Stored(stored)) => {
            assert!(stored.found.is_ok(), "{stored:?}");
            Ok(Stored { found: unseen(), ..stored })
        }
        Ok(other) => panic!("{other:?}"),
        Err(failure) => Err(failure),
    }
}

/// What is found in the disk is looked at elsewhere.
fn unseen() -> Result<Inspection, String> {
    Err("left out".to_owned())
}

/// What `fsverity` prints for these bytes.
fn content(bytes: &[u8]) -> Content {
    let directory = tempdir().unwrap();
    let path = directory.path().join("bytes");
    fs::write(&path, bytes).unwrap();
    let said = Command::new("fsverity").args(["digest", "--compact"]).arg(&path).output().unwrap();
    String::from_utf8(said.stdout).unwrap().trim().parse().unwrap()
}

fn stored(bytes: &[u8], source_format: &str) -> Stored {
    let content = content(bytes);
    Stored {
        file: format!("disk-{}.raw", &content.to_string()[..12]),
        content,
        digest: Digest::FsVerity(content),
        size: bytes.len() as u64,
        virtual_size: bytes.len() as u64,
        source_format: source_format.into(),
        kept: false,
        found: unseen(),
    }
}

#[tokio::test]
async fn every_format_becomes_the_same_raw_file() {
    let (directory, bytes) = disk();
    let mut kept = false;
    for (format, options) in [
        ("raw", ""),
        ("qcow2", ""),
        ("qcow2", " -c"),
        ("qcow2", " -o compat=0.10"),
        ("vmdk", ""),
        ("vmdk", " -o subformat=streamOptimized"),
        ("vpc", " -o force_size=on"),
        ("vpc", " -o subformat=fixed,force_size=on"),
        ("vhdx", ""),
        ("vdi", ""),
    ] {
        qemu_img(directory.path(), &format!("convert -f raw -O {format}{options} disk.raw image"));
        let result = store(directory.path(), "image", DiskFormat::Raw).await;
        assert_eq!(result, Ok(Stored { kept, ..stored(&bytes, format) }), "{format}{options}");
        kept = true;
    }
    let name = stored(&bytes, "raw").file;
    assert_eq!(names(&directory.path().join("pool")), [name.as_str()]);
    let found = directory.path().join("pool").join(name);
    assert_eq!(fs::read(&found).unwrap(), bytes);
    let found = found.metadata().unwrap();
    assert_eq!(found.permissions().mode() & 0o777, 0o644);
    assert!(found.blocks() * 512 < SIZE as u64 / 2, "{} blocks", found.blocks());
}

/// A fixed VHD of a disk whose size is not that of the geometry in its footer, as `program` writes it.
fn fixed_vhd(disk: &[u8], program: [u8; 4]) -> Vec<u8> {
    let size = disk.len() as u64;
    let (sectors, per_track) = (size / 512, 17);
    let heads = (sectors / per_track).div_ceil(1024).max(4);
    let cylinders = sectors / per_track / heads;
    let mut footer = Vec::new();
    footer.extend(b"conectix");
    footer.extend(2_u32.to_be_bytes());
    footer.extend(0x1_0000_u32.to_be_bytes());
    footer.extend(u64::MAX.to_be_bytes());
    footer.extend([0; 4]);
    footer.extend(program);
    footer.extend(0x5_0003_u32.to_be_bytes());
    footer.extend(b"Wi2k");
    footer.extend(size.to_be_bytes());
    footer.extend(size.to_be_bytes());
    footer.extend((cylinders as u16).to_be_bytes());
    footer.extend([heads as u8, per_track as u8]);
    footer.extend(2_u32.to_be_bytes());
    footer.resize(512, 0);
    let sum: u32 = footer.iter().map(|byte| u32::from(*byte)).sum();
    footer[64..68].copy_from_slice(&(!sum).to_be_bytes());
    [disk, &footer].concat()
}

#[tokio::test]
async fn a_vhd_keeps_its_end_whoever_made_it() {
    let directory = tempdir().unwrap();
    let mut disk = vec![0; (64 << 20) + 3 * 512 * 7];
    disk[510..512].copy_from_slice(b"\x55\xaa");
    let end = disk.len() - 3;
    disk[end..].copy_from_slice(b"END");
    for program in
        [*b"vpc ", *b"vbox", *b"qemu", *b"qem2", *b"win ", *b"d2v ", *b"tap\0", *b"CTXS", *b"vs  ", *b"some"]
    {
        // A comma would end an option of qemu-img.
        fs::write(directory.path().join("a,b.vhd"), fixed_vhd(&disk, program)).unwrap();
        let found = store(directory.path(), "a,b.vhd", DiskFormat::Raw).await.unwrap();
        assert_eq!(found.virtual_size, disk.len() as u64, "{program:?}");
        assert_eq!(found.content, content(&disk), "{program:?}");
    }
}

#[tokio::test]
async fn a_broken_disk_is_stored_only_by_force() {
    let (directory, _) = disk();
    let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/disks/linux.gpt.gz");
    let cut = Command::new("sh")
        .args(["-c", "gzip -dc \"$1\" | head -c 299520", "sh"])
        .arg(whole)
        .output()
        .unwrap();
    fs::write(directory.path().join("cut.img"), cut.stdout).unwrap();
    qemu_img(directory.path(), "convert -f raw -O qcow2 cut.img cut.qcow2");
    for source in ["cut.img", "cut.qcow2"] {
        for format in [DiskFormat::Raw, DiskFormat::Qcow2] {
            let refused = store(directory.path(), source, format).await.unwrap_err().to_string();
            assert!(refused.contains("the disk is cut short"), "{refused}");
            assert!(refused.contains("--force"), "{refused}");
            assert_eq!(names(&directory.path().join("pool")), [""; 0]);
        }
    }
    let order = StoreImage {
        known: None,
        source: directory.path().join("cut.img"),
        stamp: None,
        pool: directory.path().join("pool"),
        stem: "disk".into(),
        member: None,
        format: DiskFormat::Raw,
        force: true,
    };
    let (mut node, _child) = support::outside(|_| {}).await;
    let Ok(Outcome::Stored(stored)) = node.run(Step::StoreImage(order)).await else { panic!("not stored") };
    assert!(stored.found.unwrap().is_broken());
}

#[tokio::test]
async fn a_converter_that_takes_a_disk_for_smaller_is_not_believed() {
    let (directory, _) = disk();
    let program = directory.path().join("qemu-img");
    fs::write(&program, "#!/bin/sh\necho '{\"virtual-size\": 524288}'\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let (mut node, _child) = support::outside(|command| {
        command.env("PATH", format!("{}:/usr/bin:/bin", directory.path().display()));
    })
    .await;
    let source = directory.path().join("disk.raw");
    let order = StoreImage {
        known: None,
        source: source.clone(),
        stamp: None,
        pool: directory.path().join("pool"),
        stem: "disk".into(),
        member: None,
        format: DiskFormat::Raw,
        force: true,
    };
    let reason = format!("it says that its disk has {SIZE} bytes, and qemu-img takes it for 524288");
    let path = source.display().to_string();
    assert_eq!(node.run(Step::StoreImage(order)).await, Err(Failure::BadImage { path, reason }));
}

#[tokio::test]
async fn a_pool_may_keep_qcow2() {
    let (directory, disk) = disk();
    let first = store(directory.path(), "disk.raw", DiskFormat::Qcow2).await.unwrap();
    let bytes = fs::read(directory.path().join("pool").join(&first.file)).unwrap();
    let expected = Stored {
        file: format!("disk-{}.qcow2", &content(&disk).to_string()[..12]),
        content: content(&disk),
        digest: Digest::FsVerity(content(&bytes)),
        size: bytes.len() as u64,
        virtual_size: SIZE as u64,
        source_format: "raw".into(),
        kept: false,
        found: unseen(),
    };
    assert_eq!(first, expected);
    let second = store(directory.path(), "disk.raw", DiskFormat::Qcow2).await;
    assert_eq!(second, Ok(Stored { kept: true, ..expected }));
}

#[tokio::test]
async fn a_damaged_file_is_replaced_and_a_leftover_removed() {
    let (directory, bytes) = disk();
    let pool = directory.path().join("pool");
    let expected = stored(&bytes, "raw");
    fs::create_dir(&pool).unwrap();
    let mut damaged = bytes.clone();
    damaged[5000] = 1;
    fs::write(pool.join(&expected.file), damaged).unwrap();
    fs::write(pool.join(".ays-other.ays-part"), "of a run that was killed").unwrap();
    fs::write(pool.join("somebody-elses.img"), "").unwrap();
    assert_eq!(store(directory.path(), "disk.raw", DiskFormat::Raw).await, Ok(expected.clone()));
    assert_eq!(fs::read(pool.join(&expected.file)).unwrap(), bytes);
    assert_eq!(names(&pool), [expected.file.as_str(), "somebody-elses.img"]);
}

#[tokio::test]
async fn what_another_run_works_on_is_left_alone() {
    let (directory, bytes) = disk();
    let pool = directory.path().join("pool");
    fs::create_dir(&pool).unwrap();
    let lock = |name: &str| {
        let file = fs::File::create(pool.join(name)).unwrap();
        file.lock().unwrap();
        file
    };
    let other = lock(".ays-other.ays-part");
    assert_eq!(store(directory.path(), "disk.raw", DiskFormat::Raw).await, Ok(stored(&bytes, "raw")));
    assert_eq!(names(&pool), [".ays-other.ays-part".to_owned(), stored(&bytes, "raw").file]);
    let same = lock(".ays-disk.ays-part");
    let path = pool.join(".ays-disk.ays-part").display().to_string();
    assert_eq!(store(directory.path(), "disk.raw", DiskFormat::Raw).await, Err(Failure::Busy { path }));
    drop((other, same));
}

#[tokio::test]
async fn what_is_not_whole_or_no_image_is_refused() {
    let (directory, _) = disk();
    let at = |name: &str| directory.path().join(name);
    qemu_img(directory.path(), "convert -f raw -O qcow2 disk.raw base.qcow2");
    qemu_img(directory.path(), "create -q -f qcow2 -b base.qcow2 -F qcow2 backed.qcow2");
    qemu_img(directory.path(), "create -q -f qcow2 -o data_file=data.raw split.qcow2 4M");
    qemu_img(
        directory.path(),
        "create -q -f qcow2 --object secret,id=s,data=x -o encrypt.format=luks,encrypt.key-secret=s locked.qcow2 4M",
    );
    qemu_img(directory.path(), "convert -f raw -O vmdk -o subformat=monolithicFlat disk.raw flat.vmdk");
    qemu_img(directory.path(), "convert -f raw -O vmdk disk.raw base.vmdk");
    qemu_img(directory.path(), "create -q -f vmdk -b base.vmdk -F vmdk backed.vmdk");
    qemu_img(
        directory.path(),
        "convert -f raw -O vmdk -o subformat=twoGbMaxExtentSparse disk.raw parts.vmdk",
    );
    qemu_img(directory.path(), "convert -f raw -O qcow2 disk.raw gone.qcow2");
    qemu_img(directory.path(), "create -q -f qcow2 -b gone.qcow2 -F qcow2 orphan.qcow2");
    fs::remove_file(at("gone.qcow2")).unwrap();
    fs::write(at("page.img"), "<html>404</html>").unwrap();
    fs::write(at("x.img.gz"), b"\x1f\x8b\x08\0").unwrap();
    fs::write(at("empty.img"), "").unwrap();
    fs::File::create(at("zeros.img")).unwrap().set_len(1 << 20).unwrap();
    // Cut in its header: known by its first bytes, but not readable.
    let whole = fs::read(at("base.qcow2")).unwrap();
    fs::write(at("cut.qcow2"), &whole[..200]).unwrap();
    fs::write(at("zero-capacity.vmdk"), {
        let mut bytes = fs::read(at("base.vmdk")).unwrap();
        bytes[12..20].fill(0);
        bytes
    })
    .unwrap();
    for (name, reason) in [
        (
            "backed.qcow2",
            "it stands on a backing file, so it is not whole: `qemu-img convert -O qcow2`, where that file is, makes one that is",
        ),
        (
            "backed.vmdk",
            "it stands on a backing file, so it is not whole: `qemu-img convert -O qcow2`, where that file is, makes one that is",
        ),
        (
            "split.qcow2",
            "its data is in another file: `qemu-img convert -O qcow2`, where that file is, makes one of both",
        ),
        ("locked.qcow2", "it is encrypted"),
        (
            "flat.vmdk",
            "it is the description of a VMDK whose data is in other files, not a disk image: \
             `qemu-img convert -O qcow2 DISK.vmdk DISK.qcow2`, where all of its files are, makes one of them",
        ),
        (
            "zero-capacity.vmdk",
            "it is the description of a VMDK whose data is in other files, not a disk image: \
             `qemu-img convert -O qcow2 DISK.vmdk DISK.qcow2`, where all of its files are, makes one of them",
        ),
        (
            "parts.vmdk",
            "it is the description of a VMDK whose data is in other files, not a disk image: \
             `qemu-img convert -O qcow2 DISK.vmdk DISK.qcow2`, where all of its files are, makes one of them",
        ),
        (
            "parts-s001.vmdk",
            "it is one part of a VMDK that is split into several files, not a disk image: \
             `qemu-img convert -O qcow2 DISK.vmdk DISK.qcow2`, where all of its files are, makes one of them",
        ),
        (
            "orphan.qcow2",
            "it stands on a backing file, so it is not whole: `qemu-img convert -O qcow2`, where that file is, makes one that is",
        ),
        ("page.img", "it is an HTML page, not a disk image"),
        ("x.img.gz", "its gzip data cannot be unpacked: unexpected end of file"),
        ("empty.img", "it is empty"),
        ("zeros.img", "it begins with nothing but zeros"),
    ] {
        let path = at(name).display().to_string();
        let result = store(directory.path(), name, DiskFormat::Raw).await;
        assert_eq!(result, Err(Failure::BadImage { path, reason: reason.into() }), "{name}");
    }
    let result = store(directory.path(), "cut.qcow2", DiskFormat::Raw).await;
    assert!(matches!(result, Err(Failure::BadImage { .. })), "{result:?}");
    assert!(!at("pool").exists());
}

/// What only `qemu-img` knows is told in its own words: all of them.
#[tokio::test]
async fn what_qemu_img_refuses_is_told_in_all_of_its_words() {
    let (directory, _) = disk();
    let at = |name: &str| directory.path().join(name);
    qemu_img(directory.path(), "convert -f raw -O vhdx disk.raw x.vhdx");
    let mut vhdx = fs::read(at("x.vhdx")).unwrap();
    leave_a_log(&mut vhdx);
    fs::write(at("x.vhdx"), vhdx).unwrap();
    qemu_img(directory.path(), "convert -f raw -O qcow2 disk.raw x.qcow2");
    let mut qcow2 = fs::read(at("x.qcow2")).unwrap();
    // The reference count of each cluster.
    let table = u64::from_be_bytes(qcow2[48..56].try_into().unwrap()) as usize;
    let block = u64::from_be_bytes(qcow2[table..table + 8].try_into().unwrap()) as usize;
    qcow2[block..block + 64].fill(0);
    fs::write(at("x.qcow2"), qcow2).unwrap();
    let path = |name: &str| at(name).display().to_string();
    let vhdx = path("x.vhdx");
    let result = store(directory.path(), "x.vhdx", DiskFormat::Raw).await;
    let reason = format!(
        "Could not open '{vhdx}': VHDX image file '{vhdx}' opened read-only, but contains a log that needs to be \
         replayed; To replay the log, run: qemu-img check -r all '{vhdx}'"
    );
    assert_eq!(result, Err(Failure::BadImage { path: vhdx, reason }));
    let result = store(directory.path(), "x.qcow2", DiskFormat::Raw).await;
    let Err(Failure::BadImage { reason, .. }) = result else { panic!("{result:?}") };
    assert!(reason.starts_with("it is damaged: ERROR cluster 0 refcount=0 reference=1; "), "{reason}");
    assert!(reason.contains("; (and ") && reason.contains(" lines more); ERROR "), "{reason}");
    assert!(reason.ends_with(". Bring it again, or have it made again where it comes from"), "{reason}");
}

/// Lets a VHDX look as after a crash: its headers name a log, which has one entry without changes.
fn leave_a_log(vhdx: &mut [u8]) {
    const LOG: usize = 1 << 20;
    let id: Vec<u8> = (1..=16).collect();
    let length = (vhdx.len() as u64).to_le_bytes();
    for header in [0x10000, 0x20000] {
        let header = &mut vhdx[header..header + 4096];
        header[48..64].copy_from_slice(&id);
        sign(header);
    }
    let entry = &mut vhdx[LOG..LOG + 4096];
    entry.fill(0);
    entry[..4].copy_from_slice(b"loge");
    entry[8..12].copy_from_slice(&4096_u32.to_le_bytes());
    entry[16] = 1;
    entry[32..48].copy_from_slice(&id);
    entry[48..56].copy_from_slice(&length);
    entry[56..64].copy_from_slice(&length);
    sign(entry);
}

/// Its CRC-32C stands at 4, and counts as zeros.
fn sign(part: &mut [u8]) {
    part[4..8].fill(0);
    let crc = part.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 },
        )
    });
    part[4..8].copy_from_slice(&(!crc).to_le_bytes());
}

/// A pool of 4 MiB. What counts is the data: a sparse disk of a terabyte with little in it fits.
#[tokio::test]
async fn an_image_with_more_data_than_the_disk_takes_is_refused_before_it_is_converted() {
    let (directory, _) = disk();
    let full = directory.path().join("full.img");
    let mut bytes = support::content(5 << 20);
    bytes[510..512].copy_from_slice(b"\x55\xaa");
    fs::write(&full, bytes).unwrap();
    qemu_img(directory.path(), "create -q -f qcow2 claims.qcow2 100T");
    let pool = directory.path().join("pool");
    fs::create_dir(&pool).unwrap();
    let (mut node, child) = support::outside_on_small_disk(&pool, 4 << 20).await;
    let inside = PathBuf::from(format!("/proc/{}/root{}", child.id().unwrap(), pool.display()));
    let mut store = async |source: PathBuf| {
        let order = StoreImage {
            known: None,
            source,
            stamp: None,
            pool: pool.clone(),
            stem: "disk".into(),
            member: None,
            format: DiskFormat::Raw,
            force: false,
        };
        node.run(Step::StoreImage(order)).await
    };
    let result = store(full).await;
    let Err(Failure::Space { path, needed, free }) = result else { panic!("{result:?}") };
    assert_eq!(path, pool.display().to_string());
    assert!(needed >= 5 << 20 && free <= 4 << 20, "{needed} of {free}");
    let claims = directory.path().join("claims.qcow2");
    let path = claims.display().to_string();
    let reason = "it claims 109951162777600 bytes, more than any disk here may have".to_owned();
    assert_eq!(store(claims).await, Err(Failure::BadImage { path, reason }));
    assert!(matches!(store(directory.path().join("disk.raw")).await, Ok(Outcome::Stored(_))));
    assert_eq!(names(&inside).len(), 1);
}

#[tokio::test]
async fn a_converter_that_dies_is_named_and_leaves_nothing() {
    let (directory, _) = disk();
    let program: PathBuf = directory.path().join("qemu-img");
    fs::write(
        &program,
        "#!/bin/sh\ncase $1 in\ninfo) echo '{\"virtual-size\": 1048576}';;\n\
         measure) echo '{\"required\": 512}';;\nconvert) kill -9 $$;;\nesac\n",
    )
    .unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let (mut node, _child) = support::outside(|command| {
        command.env("PATH", format!("{}:/usr/bin:/bin", directory.path().display()));
    })
    .await;
    let pool = directory.path().join("pool");
    let order = StoreImage {
        known: None,
        source: directory.path().join("disk.raw"),
        stamp: None,
        pool: pool.clone(),
        stem: "disk".into(),
        member: None,
        format: DiskFormat::Raw,
        force: false,
    };
    assert_eq!(
        node.run(Step::StoreImage(order)).await,
        Err(Failure::Tool { tool: "qemu-img".into(), reason: "it was ended by signal 9".into() })
    );
    assert_eq!(names(&pool), [""; 0]);
}

/// A pretended `qemu-img` whose conversion waits until `go` is there.
fn waiting_qemu_img(directory: &Path) {
    let script = format!(
        "#!/bin/sh\ncase $1 in\ninfo) echo '{{\"virtual-size\": 1048576}}';;\n\
         measure) echo '{{\"required\": 512}}';;\n\
         convert) > {0}/begun; until [ -e {0}/go ]; do sleep 0.01; done;;\nesac\n",
        directory.display()
    );
    let program = directory.join("qemu-img");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn a_source_that_another_run_replaced_is_not_registered() {
    let (directory, _) = disk();
    let (source, pool) = (directory.path().join("disk.raw"), directory.path().join("pool"));
    waiting_qemu_img(directory.path());
    let (mut node, _child) = support::outside(|command| {
        command.env("PATH", format!("{}:/usr/bin:/bin", directory.path().display()));
    })
    .await;
    let order = |stamp| {
        Step::StoreImage(StoreImage {
            known: None,
            source: source.clone(),
            stamp: Some(stamp),
            pool: pool.clone(),
            stem: "disk".into(),
            member: None,
            format: DiskFormat::Raw,
            force: false,
        })
    };
    let replace = || {
        fs::copy(&source, directory.path().join("new")).unwrap();
        fs::rename(directory.path().join("new"), &source).unwrap();
    };
    let changed = Err(Failure::Changed { path: source.display().to_string() });
    let fetched = stamp(&source);
    replace();
    assert_eq!(node.run(order(fetched)).await, changed);
    assert!(!pool.exists());

    let step = node.start(order(stamp(&source))).await;
    until("the conversion", || directory.path().join("begun").exists()).await;
    replace();
    fs::write(directory.path().join("go"), "").unwrap();
    assert_eq!(node.end_of(step).await, changed);
    assert_eq!(names(&pool), [""; 0]);

    // One that stays the same is registered.
    assert!(matches!(node.run(order(stamp(&source))).await, Ok(Outcome::Stored(_))));
}
