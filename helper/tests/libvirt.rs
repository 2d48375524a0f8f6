//! Where libvirt has a storage pool of a pool's directory, it is told of a new index; `virsh` is a script here.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ays_protocol::{IndexBefore, NotRefreshed, Outcome, Step, WriteIndex, WrittenIndex};
use support::{claim, outside};
use tempfile::{TempDir, tempdir};
use tokio::process::Child;

/// A node whose `virsh` is a script.
struct Node {
    node: support::Outside,
    _child: Child,
    directory: TempDir,
}

impl Node {
    /// `$1` to the script is where it shall ask, `$2` the verb, `$3` the storage pool. It may say `$pool`, the directory.
    async fn new(script: &str) -> Self {
        let directory = tempdir().unwrap();
        let (bin, pool) = (directory.path().join("bin"), directory.path().join("pool"));
        fs::create_dir(&bin).unwrap();
        fs::create_dir(&pool).unwrap();
        let program = bin.join("virsh");
        let (log, pool) = (directory.path().join("log"), pool.display().to_string());
        let script =
            format!("#!/bin/sh\nshift\necho \"$*\" >>'{}'\npool='{pool}'\n{script}\n", log.display());
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:/usr/bin:/bin", bin.display());
        let (node, child) = outside(|command| {
            command.env("PATH", path);
        })
        .await;
        Self { node, _child: child, directory }
    }

    fn pool(&self) -> PathBuf {
        self.directory.path().join("pool")
    }

    /// Writes the index of the pool, under this path.
    async fn write_at(&mut self, path: &Path, content: &str) -> WrittenIndex {
        let index = WriteIndex { claim: claim(path), content: content.to_owned() };
        match self.node.run(Step::WriteIndex(index)).await {
            Ok(Outcome::Written(written)) => written,
            other => panic!("{other:?}"),
        }
    }

    /// Why libvirt was not told of a new index.
    async fn fault(&mut self, content: &str) -> Option<NotRefreshed> {
        let written = self.write_at(&self.pool(), content).await;
        assert_eq!(fs::read_to_string(self.pool().join("ays-images.json")).unwrap(), content);
        written.not_refreshed
    }

    /// What the script was asked, since the last time.
    fn asked(&self) -> Vec<String> {
        let log = self.directory.path().join("log");
        let asked = fs::read_to_string(&log).unwrap_or_default();
        // It may not have been asked at all.
        let _ = fs::remove_file(log);
        asked.lines().map(str::to_owned).collect()
    }
}

/// Two storage pools, padded as virsh does; the second is the pool's.
const TWO: &str = r#"
case $2 in
  pool-list) printf 'default             \n-ays                \n\n' ;;
  pool-dumpxml)
    [ "$3" = --pool=-ays ] || pool=/nowhere
    printf "<pool type='dir'><name>x</name><target>\n<path>$pool</path></target></pool>\n" ;;
  pool-refresh) [ "$3" = --pool=-ays ] || exit 1 ;;
esac"#;

#[tokio::test]
async fn the_storage_pool_of_the_same_directory_is_refreshed() {
    let mut node = Node::new(TWO).await;
    let pool = node.pool();
    assert_eq!(node.write_at(&pool, "[1]").await, IndexBefore::Missing.into());
    let refreshed = "qemu:///system pool-refresh --pool=-ays";
    assert_eq!(
        node.asked(),
        [
            "qemu:///system pool-list --name",
            "qemu:///system pool-dumpxml --pool=default",
            "qemu:///system pool-dumpxml --pool=-ays",
            refreshed,
        ]
    );
    // The same index again is no change, and a change asks nothing again that is known.
    assert_eq!(node.write_at(&pool, "[1]").await, IndexBefore::Same.into());
    assert_eq!(node.asked(), [""; 0]);
    assert_eq!(node.write_at(&pool, "[2]").await, IndexBefore::Other.into());
    assert_eq!(node.asked(), [refreshed]);
    // By another path it is the same directory.
    let link = node.directory.path().join("link");
    symlink(&pool, &link).unwrap();
    assert_eq!(node.write_at(&link, "[3]").await, IndexBefore::Other.into());
    assert_eq!(node.asked(), [refreshed]);
    let other = node.directory.path().join("other");
    assert_eq!(node.write_at(&other, "[3]").await, IndexBefore::Missing.into());
    assert_eq!(node.asked(), [""; 0]);
}

#[tokio::test]
async fn storage_pools_without_a_hypervisor_are_found() {
    let mut node = Node::new(&format!("[ $1 = storage:///system ] || exit 1\n{TWO}")).await;
    assert_eq!(node.fault("[]").await, None);
    assert_eq!(node.asked().last().unwrap(), "storage:///system pool-refresh --pool=-ays");
}

#[tokio::test]
async fn a_node_whose_libvirt_has_no_such_storage_pool_has_nothing_to_be_told() {
    for script in [
        "echo 'error: failed to connect to the hypervisor' >&2; exit 1",
        "echo",
        "printf '\\377\\376\\n<<<'",
        "yes garbage",
        "[ $2 = pool-list ] && echo x && exit; yes '<pool>'",
        "[ $2 = pool-list ] && echo x && exit; echo 'error: no such pool' >&2; exit 1",
        "[ $2 = pool-list ] && echo x && exit; echo '<pool><target><path>/nowhere</path></target></pool>'",
    ] {
        let mut node = Node::new(script).await;
        assert_eq!(node.fault("[]").await, None, "{script}");
        let asked = node.asked();
        assert!(!asked.is_empty() && asked.iter().all(|asked| !asked.contains("refresh")), "{asked:?}");
        assert_eq!(node.fault("[1]").await, None, "{script}");
        assert_eq!(node.asked(), [""; 0], "{script}");
    }
}

#[tokio::test]
async fn a_refresh_that_fails_is_told() {
    let fails =
        "[ $2 = pool-refresh ] && printf 'error: Failed\\nerror: pool is \\033[31mbusy\\n' >&2 && exit 1";
    let mut node = Node::new(&format!("{fails}\n{TWO}")).await;
    let fault = node.fault("[]").await.unwrap();
    let reason = "Failed; pool is  [31mbusy".to_owned();
    let uri = "qemu:///system".to_owned();
    assert_eq!(fault, NotRefreshed::Failed { pool: "-ays".to_owned(), uri, reason });
    assert!(
        fault.to_string().ends_with(
            "`virsh -c qemu:///system pool-refresh --pool=-ays` lets libvirt see what has changed"
        ),
        "{fault}"
    );
    // It may work the next time.
    assert_eq!(node.fault("[1]").await, Some(fault));
}

#[tokio::test]
async fn a_libvirt_that_hangs_is_waited_for_once() {
    let hangs = "[ $2 = pool-refresh ] && exec sleep 100";
    let mut all = Node::new("exec sleep 100").await;
    let mut refresh = Node::new(&format!("{hangs}\n{TWO}")).await;
    let since = Instant::now();
    let (unknown, failed) = tokio::join!(all.fault("[]"), refresh.fault("[]"));
    let waited = Duration::from_secs(5);
    assert_eq!(unknown, Some(NotRefreshed::Unknown { path: all.pool(), waited }));
    let Some(NotRefreshed::Failed { reason, .. }) = failed else { panic!("{failed:?}") };
    assert_eq!(reason, "libvirt did not answer within 5s");
    assert!(since.elapsed() < Duration::from_secs(9), "{:?}", since.elapsed());
    all.asked();
    refresh.asked();
    assert_eq!((all.fault("[1]").await, refresh.fault("[1]").await), (None, None));
    assert_eq!((all.asked(), refresh.asked()), (vec![], vec![]));
}
