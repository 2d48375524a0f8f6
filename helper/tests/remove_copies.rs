//! Stored files are removed from a pool unless something uses them: real processes, disks of `qemu-img`, a loop device.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use ays_protocol::{
    Failure, FileUse, NotOurs, Outcome, Removal, RemoveCopies, RemovedCopies, RemovedCopy, Step, StoredFile,
    Whose, WriteIndex,
};
use support::{claim_of, names, run};
use tempfile::{TempDir, tempdir};

/// A pool with some files, beside directories of machines.
struct Node {
    top: TempDir,
}

impl Node {
    async fn new(files: &[&str]) -> Self {
        let node = Self { top: tempdir().unwrap() };
        fs::create_dir(node.path("machines")).unwrap();
        fs::create_dir(node.path("elsewhere")).unwrap();
        node.offer("").await;
        for file in files {
            fs::write(node.stored(file), [7; 4096]).unwrap();
        }
        node
    }

    fn path(&self, name: &str) -> PathBuf {
        self.top.path().join(name)
    }

    fn stored(&self, file: &str) -> PathBuf {
        self.path("pool").join(file)
    }

    async fn offer(&self, file: &str) {
        let content = match file {
            "" => r#"{"images": []}"#.to_owned(),
            file => format!(r#"{{"images": [{{"file": "{file}"}}]}}"#),
        };
        let write = WriteIndex { claim: claim_of("one", &self.path("pool")), content };
        run(Step::WriteIndex(write)).await.unwrap();
    }

    fn order(&self, files: &[&str], removal: Removal) -> RemoveCopies {
        let mut claim = claim_of("one", &self.path("pool"));
        claim.known = ["a.raw", "b.raw", "c.raw"].map(str::to_owned).to_vec();
        let stored = |file: &&str| StoredFile { file: (*file).to_owned(), size: Some(4096) };
        let files = files.iter().map(stored).collect();
        RemoveCopies { claim, files, users: vec![self.path("machines"), self.path("missing")], removal }
    }

    async fn remove(&self, files: &[&str]) -> Vec<RemovedCopy> {
        answer(self.order(files, Removal::Remove)).await.unwrap().files
    }

    /// `a.raw` stays, for this.
    async fn assert_kept(&self, by: FileUse) {
        for removal in [Removal::Look, Removal::Remove] {
            let found = answer(self.order(&["a.raw"], removal)).await.unwrap();
            assert_eq!(found.files, [RemovedCopy::Kept(vec![by.clone()])], "{removal:?}");
        }
        assert!(self.stored("a.raw").exists());
    }

    /// `a.raw` goes.
    async fn assert_removed(&self) {
        assert_eq!(self.remove(&["a.raw"]).await, [RemovedCopy::Removed]);
        assert!(!self.stored("a.raw").exists());
    }
}

async fn answer(order: RemoveCopies) -> Result<RemovedCopies, Failure> {
    match run(Step::RemoveCopies(order)).await? {
        Outcome::RemovedCopies(removed) => Ok(removed),
        other => panic!("{other:?}"),
    }
}

fn qemu_img(directory: &Path, arguments: &[&str]) {
    let mut command = Command::new("qemu-img");
    let output = command.args(arguments).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// A process that ends with the test.
struct Process(Child);

impl Process {
    fn start(command: &mut Command) -> Self {
        Self(command.stdout(Stdio::null()).spawn().unwrap())
    }

    fn used(&self, command: &str) -> FileUse {
        FileUse::Process { pid: self.0.id(), command: command.to_owned() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn what_nothing_uses_is_removed_and_a_look_removes_nothing() {
    let node = Node::new(&["a.raw", "b.raw"]).await;
    let files = ["a.raw", "c.raw", "b.raw"];
    let looked = answer(node.order(&files, Removal::Look)).await.unwrap();
    let expected = [RemovedCopy::Unused, RemovedCopy::Missing, RemovedCopy::Unused];
    assert_eq!(looked.files, expected);
    assert!(node.stored("a.raw").exists());
    assert_eq!(node.remove(&files).await, [RemovedCopy::Removed, RemovedCopy::Missing, RemovedCopy::Removed]);
    assert_eq!(names(&node.path("pool")), [".ays-owner.json", "ays-images.json"]);
}

#[tokio::test]
async fn a_pool_that_is_not_there_is_not_made() {
    let top = tempdir().unwrap();
    let node = Node { top };
    assert_eq!(node.remove(&["a.raw"]).await, [RemovedCopy::Missing]);
    assert!(!node.path("pool").exists());
}

#[tokio::test]
async fn only_this_owners_files_are_removed() {
    let node = Node::new(&["a.raw"]).await;
    fs::write(node.path("outside"), "x").unwrap();
    for file in ["", "..", "../outside", "ays-images.json", ".ays-owner.json", "d.raw", "machines/x"] {
        let refused = answer(node.order(&[file], Removal::Remove)).await;
        assert!(matches!(refused, Err(Failure::BadPath { .. })), "{file}: {refused:?}");
    }
    let mut order = node.order(&["a.raw"], Removal::Remove);
    order.users.push("machines".into());
    assert!(matches!(answer(order).await, Err(Failure::BadPath { .. })));
    let mut order = node.order(&["a.raw"], Removal::Remove);
    order.claim.owner.catalogue = "two".into();
    let (path, pool, of) = (order.claim.path.clone(), "local".into(), "n1".into());
    let whose = Whose::Owner(claim_of("one", &path).owner);
    let expected = Failure::NotOurs(Box::new(NotOurs { pool, node: of, path, whose }));
    assert_eq!(answer(order).await, Err(expected));
    assert!(node.stored("a.raw").exists());
}

#[tokio::test]
async fn a_file_that_is_not_as_the_catalogue_says_stays_unless_it_is_known_to_be_damaged() {
    let node = Node::new(&["a.raw"]).await;
    fs::write(node.stored("a.raw"), "short").unwrap();
    node.assert_kept(FileUse::Other).await;
    let mut order = node.order(&["a.raw"], Removal::Remove);
    order.files[0].size = None;
    assert_eq!(answer(order).await.unwrap().files, [RemovedCopy::Removed]);
    fs::create_dir(node.stored("b.raw")).unwrap();
    assert_eq!(node.remove(&["b.raw"]).await, [RemovedCopy::Kept(vec![FileUse::Other])]);
}

#[tokio::test]
async fn a_file_that_is_offered_stays() {
    let node = Node::new(&["a.raw"]).await;
    node.offer("a.raw").await;
    node.assert_kept(FileUse::Offered).await;
    fs::write(node.stored("ays-images.json"), "no JSON").unwrap();
    let kept = node.remove(&["a.raw"]).await;
    assert!(
        matches!(&kept[..], [RemovedCopy::Kept(uses)] if matches!(&uses[..], [FileUse::NotTold { .. }])),
        "{kept:?}"
    );
    node.offer("b.raw").await;
    node.assert_removed().await;
}

#[tokio::test]
async fn a_file_that_a_process_has_open_stays() {
    let node = Node::new(&["a.raw", "b.raw"]).await;
    let file = File::open(node.stored("a.raw")).unwrap();
    let process = Process::start(Command::new("sleep").arg("600").stdin(file));
    node.assert_kept(process.used("sleep")).await;
    // Only that one.
    assert_eq!(node.remove(&["b.raw"]).await, [RemovedCopy::Removed]);
    drop(process);
    node.assert_removed().await;
}

/// A program is mapped while it runs, and no descriptor of it is open.
#[tokio::test]
async fn a_file_that_is_mapped_stays() {
    let node = Node::new(&[]).await;
    fs::copy("/bin/sleep", node.stored("a.raw")).unwrap();
    fs::set_permissions(node.stored("a.raw"), fs::Permissions::from_mode(0o755)).unwrap();
    let process = Process::start(Command::new(node.stored("a.raw")).arg("600"));
    let order = |removal| {
        let mut order = node.order(&["a.raw"], removal);
        order.files[0].size = None;
        order
    };
    let kept = answer(order(Removal::Remove)).await.unwrap().files;
    assert_eq!(kept, [RemovedCopy::Kept(vec![process.used("a.raw")])]);
    drop(process);
    assert_eq!(answer(order(Removal::Remove)).await.unwrap().files, [RemovedCopy::Removed]);
}

#[tokio::test]
async fn a_file_that_a_disk_stands_on_stays() {
    let node = Node::new(&["a.raw"]).await;
    let a = node.stored("a.raw");
    let json = format!(r#"json:{{"driver":"raw","file":{{"driver":"file","filename":"{}"}}}}"#, a.display());
    for (disk, backing) in [
        ("machines/m/disk.qcow2", a.display().to_string()),
        ("machines/disk", "../pool/a.raw".to_owned()),
        ("machines/disk.qcow2", format!("file:{}", a.display())),
        ("machines/json.qcow2", json),
        ("pool/overlay.qcow2", "a.raw".to_owned()),
    ] {
        let disk = node.path(disk);
        let directory = disk.parent().unwrap();
        fs::create_dir_all(directory).unwrap();
        qemu_img(
            directory,
            &["create", "-q", "-f", "qcow2", "-F", "raw", "-b", &backing, disk.to_str().unwrap()],
        );
        node.assert_kept(FileUse::Disk(disk.clone())).await;
        fs::remove_file(&disk).unwrap();
    }
    node.assert_removed().await;
}

#[tokio::test]
async fn disks_between_and_by_links_count() {
    let node = Node::new(&["a.raw"]).await;
    let (between, disk) = (node.path("elsewhere/between.qcow2"), node.path("machines/disk.qcow2"));
    qemu_img(
        &node.path("elsewhere"),
        &["create", "-q", "-f", "qcow2", "-F", "raw", "-b", "../pool/a.raw", "between.qcow2"],
    );
    qemu_img(
        &node.path("machines"),
        &["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", between.to_str().unwrap(), "disk.qcow2"],
    );
    node.assert_kept(FileUse::Disk(disk.clone())).await;
    fs::remove_file(&disk).unwrap();
    // The disk itself lies elsewhere; only a link to it is where machines' disks are.
    symlink(&between, &disk).unwrap();
    node.assert_kept(FileUse::Disk(disk.clone())).await;
    fs::remove_file(&disk).unwrap();
    symlink(node.stored("a.raw"), &disk).unwrap();
    node.assert_kept(FileUse::Link(disk.clone())).await;
    fs::remove_file(&disk).unwrap();
    // Links that lead nowhere, to a directory, and round.
    symlink("nowhere", node.path("machines/broken")).unwrap();
    symlink("round", node.path("machines/round")).unwrap();
    symlink(node.path("elsewhere"), node.path("machines/directory")).unwrap();
    node.assert_removed().await;
}

#[tokio::test]
async fn a_directory_of_machines_may_itself_be_a_link() {
    let node = Node::new(&["a.raw"]).await;
    fs::remove_dir(node.path("machines")).unwrap();
    symlink("elsewhere", node.path("machines")).unwrap();
    let disk = node.path("elsewhere/disk.qcow2");
    qemu_img(
        &node.path("elsewhere"),
        &["create", "-q", "-f", "qcow2", "-F", "raw", "-b", "../pool/a.raw", "disk.qcow2"],
    );
    node.assert_kept(FileUse::Disk(disk.canonicalize().unwrap())).await;
}

#[tokio::test]
async fn a_data_file_and_an_extent_are_used() {
    let node = Node::new(&[]).await;
    let disk = node.path("machines/disk.qcow2");
    let option = format!("data_file={},data_file_raw=on", node.stored("a.raw").display());
    qemu_img(&node.path("machines"), &["create", "-q", "-f", "qcow2", "-o", &option, "disk.qcow2", "64K"]);
    let order = |removal| {
        let mut order = node.order(&["a.raw"], removal);
        order.files[0].size = None;
        order
    };
    let kept = answer(order(Removal::Remove)).await.unwrap().files;
    assert_eq!(kept, [RemovedCopy::Kept(vec![FileUse::Disk(disk.clone())])]);
    fs::remove_file(disk).unwrap();
    let extent = node.path("machines/disk.vmdk");
    let text = format!("# Disk DescriptorFile\nRW 128 FLAT \"{}\" 0\n", node.stored("a.raw").display());
    fs::write(&extent, text).unwrap();
    let kept = answer(order(Removal::Remove)).await.unwrap().files;
    assert_eq!(kept, [RemovedCopy::Kept(vec![FileUse::Disk(extent)])]);
}

#[tokio::test]
async fn a_disk_that_names_the_file_in_another_way_keeps_it() {
    let node = Node::new(&["a.raw"]).await;
    let disk = node.path("machines/disk.qcow2");
    // As within a container that sees the pool by another path; and as by a server of the disk.
    for backing in ["/templates/a.raw", "nbd://localhost/a.raw", "json:{\"driver\":\"x\",\"path\":\"a.raw\"}"]
    {
        let arguments = ["create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", backing, "disk.qcow2", "1M"];
        qemu_img(&node.path("machines"), &arguments);
        node.assert_kept(FileUse::Named { disk: disk.clone() }).await;
    }
    fs::remove_file(disk).unwrap();
    let vhdx = node.path("machines/disk.vhdx");
    let mut bytes = b"vhdxfile".to_vec();
    bytes.resize(3 << 20, 0);
    bytes.extend("C:\\a.raw".encode_utf16().flat_map(u16::to_le_bytes));
    fs::write(&vhdx, bytes).unwrap();
    node.assert_kept(FileUse::Named { disk: vhdx.clone() }).await;
    fs::remove_file(vhdx).unwrap();
    // Another file of that name is another file.
    fs::write(node.path("elsewhere/a.raw"), [7; 4096]).unwrap();
    qemu_img(
        &node.path("machines"),
        &["create", "-q", "-f", "qcow2", "-F", "raw", "-b", "../elsewhere/a.raw", "other.qcow2"],
    );
    node.assert_removed().await;
}

#[tokio::test]
async fn another_name_of_the_file_keeps_it() {
    let node = Node::new(&["a.raw"]).await;
    fs::hard_link(node.stored("a.raw"), node.path("elsewhere/a")).unwrap();
    node.assert_kept(FileUse::HardLinks(2)).await;
}

#[tokio::test]
async fn a_loop_device_of_the_file_keeps_it() {
    let node = Node::new(&["a.raw"]).await;
    let output = Command::new("losetup").args(["--find", "--show"]).arg(node.stored("a.raw")).output();
    // Containers of builds have no loop devices.
    let Some(output) = output.ok().filter(|output| output.status.success()) else { return };
    let device = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    let kept = node.remove(&["a.raw"]).await;
    assert!(Command::new("losetup").args(["--detach", &device]).status().unwrap().success());
    assert_eq!(kept, [RemovedCopy::Kept(vec![FileUse::Loop(device)])]);
    node.assert_removed().await;
}

#[tokio::test]
async fn directories_that_lie_too_deep_are_told() {
    let node = Node::new(&["a.raw"]).await;
    let deep = node.path("machines").join("d/".repeat(40));
    fs::create_dir_all(&deep).unwrap();
    let kept = node.remove(&["a.raw"]).await;
    assert!(
        matches!(&kept[..], [RemovedCopy::Kept(uses)] if matches!(&uses[..], [FileUse::NotTold { .. }])),
        "{kept:?}"
    );
    fs::remove_dir_all(node.path("machines/d")).unwrap();
    node.assert_removed().await;
}
