//! What goes wrong with a file: its disk is full, it may not be written, it is damaged, another one has it locked. The
//! message says what to do, nothing that was recorded is lost, and the catalogue goes on when the cause is gone.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use ays_model::causes;
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use tempfile::TempDir;

use super::tests::support::{at, n1, n2, n3, ops, registration, shared};
use crate::{Catalogue, CatalogueError, DATABASE_IS_DAMAGED, Place};

const SMALL_DISK: &str = "AYS_TEST_SMALL_DISK";

/// What is done to a file, in words and in deed.
type Harm<'a> = (&'a str, &'a dyn Fn(&Kept));

/// A catalogue in a directory of its own, with an image of so many generations.
struct Kept {
    directory: TempDir,
}

impl Kept {
    async fn new(generations: i64) -> Self {
        let kept = Self { directory: TempDir::new().unwrap() };
        let catalogue = kept.open().await.unwrap();
        fill(&catalogue, generations).await;
        catalogue.close().await;
        kept
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("catalogue.db")
    }

    async fn open(&self) -> Result<Catalogue, CatalogueError> {
        open(&self.file()).await
    }

    /// What is said when it is opened, or when all of it is read.
    async fn refusal(&self) -> String {
        let error = match self.open().await {
            Err(error) => error,
            Ok(catalogue) => catalogue.export().await.unwrap_err(),
        };
        causes(&error)
    }

    fn overwrite(&self, at: u64, bytes: &[u8]) {
        let file = OpenOptions::new().write(true).open(self.file()).unwrap();
        file.write_all_at(bytes, at).unwrap();
    }

    fn set_mode(&self, path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

async fn open(file: &Path) -> Result<Catalogue, CatalogueError> {
    Catalogue::open(&Place::File(file.to_path_buf()), &"g8".into()).await
}

async fn fill(catalogue: &Catalogue, generations: i64) {
    catalogue.set_stacks(&[n1(), n2(), n3()], &[], None, &ops(0)).await.unwrap();
    for round in 0..generations {
        let content = format!("c{round}");
        catalogue.register(&registration("debian", &content, shared(), &["n1"]), &at(round)).await.unwrap();
    }
}

async fn generations(catalogue: &Catalogue) -> usize {
    catalogue.image("debian").await.unwrap().unwrap().generations.len()
}

#[tokio::test]
async fn a_damaged_file_is_told_with_what_restores_it_and_stays_as_it_is() {
    let size = fs::metadata(Kept::new(40).await.file()).unwrap().len();
    let harms: [Harm<'_>; 4] = [
        ("its header is overwritten", &|kept| kept.overwrite(0, &[0x5a; 100])),
        ("a page in its middle is overwritten", &|kept| {
            for page in 1..size / 4096 {
                kept.overwrite(page * 4096, &[0x5a; 4096]);
            }
        }),
        ("its end is gone", &|kept| {
            OpenOptions::new().write(true).open(kept.file()).unwrap().set_len(size / 2).unwrap();
        }),
        ("it is text", &|kept| fs::write(kept.file(), "no database at all\n".repeat(1000)).unwrap()),
    ];
    for (what, harm) in harms {
        let kept = Kept::new(40).await;
        harm(&kept);
        let before = fs::read(kept.file()).unwrap();
        let said = kept.refusal().await;
        let cure = format!(
            "its file is damaged. To go on, move {} away, with the files of the same name that end in -wal and -shm; then \
             `ays catalogue restore FILE` takes over",
            kept.file().display()
        );
        assert!(said.contains(&cure), "{what}: {said}");
        assert_eq!(fs::read(kept.file()).unwrap(), before, "{what}: it is evidence");
    }
}

/// Only the database's own look at all pages finds this: what opening reads is whole.
#[tokio::test]
async fn one_damaged_page_is_a_finding_of_the_check() {
    let kept = Kept::new(40).await;
    kept.overwrite(page_of_an_index(&kept), &[0x5a; 4096]);
    let catalogue = kept.open().await.unwrap();
    let found = catalogue.check_records().await.unwrap();
    assert!(
        !found.is_empty() && found.iter().all(|finding| finding.code == DATABASE_IS_DAMAGED),
        "{found:?}"
    );
    assert!(found[0].cure.contains("ays catalogue restore"), "{found:?}");
}

/// Where a page lies that has the names of stored files and nothing else of them: the index of copies by file.
fn page_of_an_index(kept: &Kept) -> u64 {
    let bytes = fs::read(kept.file()).unwrap();
    let holds = |page: &[u8], text: &[u8]| page.windows(text.len()).any(|window| window == text);
    let is_index = |page: &[u8]| holds(page, b"debian-c7.raw") && !holds(page, b"fsverity") && page[0] == 10;
    let page = bytes.chunks(4096).position(is_index).unwrap();
    u64::try_from(page).unwrap() * 4096
}

#[tokio::test]
async fn a_file_that_may_not_be_written_says_so_and_goes_on_when_it_may() {
    if rustix_is_root() {
        // Root may write everything: a file system that is mounted read-only stands for it in the next test.
        return;
    }
    let kept = Kept::new(1).await;
    kept.set_mode(&kept.file(), 0o400);
    kept.set_mode(kept.directory.path(), 0o500);
    let said = kept.refusal().await;
    kept.set_mode(kept.directory.path(), 0o700);
    kept.set_mode(&kept.file(), 0o600);
    assert!(said.contains("this user may not write it"), "{said}");
    assert_eq!(generations(&kept.open().await.unwrap()).await, 1);
}

fn rustix_is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").unwrap().uid() == 0
}

#[tokio::test]
async fn a_file_that_another_program_has_locked_says_so_and_goes_on_when_it_is_free() {
    let kept = Kept::new(1).await;
    let catalogue = kept.open().await.unwrap();
    let mut other = SqliteConnectOptions::new().filename(kept.file()).connect().await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let registering = registration("debian", "b", shared(), &["n1"]);
    let error = catalogue.register(&registering, &at(1)).await.unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("registering an image failed: another program has its file locked. `fuser "),
        "{said}"
    );
    assert_eq!(generations(&catalogue).await, 1);
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    catalogue.register(&registering, &at(1)).await.unwrap();
    assert_eq!(generations(&catalogue).await, 2);
}

/// Runs a test of this file in a mount namespace of its own, where the directory is a small file system.
fn on_small_disk(test: &str) {
    let directory = TempDir::new().unwrap();
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c"]);
    command
        .arg("mount -t tmpfs -o size=800k none \"$1\" && exec \"$0\" --exact \"$2\" --ignored --nocapture")
        .arg(env::current_exe().unwrap())
        .arg(directory.path())
        .arg(format!("sqlite::fault_tests::{test}"))
        .env(SMALL_DISK, directory.path());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("1 passed"), "{said}");
}

fn small_disk() -> PathBuf {
    env::var_os(SMALL_DISK).unwrap().into()
}

/// Takes all the room that is left.
fn fill_disk(directory: &Path) -> PathBuf {
    let path = directory.join("filler");
    let mut file = File::create(&path).unwrap();
    while file.write_all(&[1; 512]).is_ok() {}
    path
}

#[test]
fn a_full_disk_loses_nothing() {
    on_small_disk("on_a_full_disk");
}

#[tokio::test]
#[ignore = "needs a small disk; started by another test"]
async fn on_a_full_disk() {
    let disk = small_disk();
    let file = disk.join("catalogue.db");
    let catalogue = open(&file).await.unwrap();
    fill(&catalogue, 2).await;
    let filler = fill_disk(&disk);
    let mut recorded = 2;
    let error = loop {
        let content = format!("d{recorded}");
        match catalogue.register(&registration("debian", &content, shared(), &["n1"]), &at(recorded)).await {
            Ok(_) => recorded += 1,
            Err(error) => break error,
        }
    };
    let said = error.to_string();
    assert!(said.contains("registering an image failed: "), "{said}");
    assert!(said.contains("full"), "{said}");
    // What was acknowledged is there, and can be read while the disk is full.
    assert_eq!(generations(&catalogue).await, usize::try_from(recorded).unwrap());
    // A lock is refused with the same words: nobody works without it.
    match catalogue.lock(&["debian on n1".to_owned()], "anna@ctl").await {
        Err(error) => assert!(error.to_string().contains("full"), "{}", causes(&error)),
        Ok(_) => println!("there was room for a lock"),
    }
    catalogue.close().await;
    match open(&file).await {
        Err(error) => assert!(causes(&error).contains("full"), "{}", causes(&error)),
        Ok(catalogue) => {
            assert_eq!(generations(&catalogue).await, usize::try_from(recorded).unwrap());
            catalogue.close().await;
        }
    }
    fs::remove_file(filler).unwrap();
    let catalogue = open(&file).await.unwrap();
    catalogue.register(&registration("debian", "last", shared(), &["n1"]), &at(recorded)).await.unwrap();
    assert_eq!(generations(&catalogue).await, usize::try_from(recorded).unwrap() + 1);
    assert_eq!(catalogue.check_records().await.unwrap(), []);
}

#[test]
fn a_read_only_disk_is_told() {
    on_small_disk("on_a_read_only_disk");
}

#[tokio::test]
#[ignore = "needs a small disk; started by another test"]
async fn on_a_read_only_disk() {
    let disk = small_disk();
    let file = disk.join("catalogue.db");
    let catalogue = open(&file).await.unwrap();
    fill(&catalogue, 2).await;
    catalogue.close().await;
    let remount = |options: &str| {
        let mounted = Command::new("mount").args(["-o", options]).arg(&disk).status().unwrap();
        assert!(mounted.success(), "{options}");
    };
    remount("remount,ro");
    let said = causes(&open(&file).await.unwrap_err());
    assert!(said.contains("writ"), "{said}");
    assert!(said.contains(&format!("{}: the catalogue cannot be opened: ", file.display())), "{said}");
    remount("remount,rw");
    assert_eq!(generations(&open(&file).await.unwrap()).await, 2);
}
