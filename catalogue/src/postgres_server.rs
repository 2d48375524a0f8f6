//! A PostgreSQL server of its own for each test, on a socket in a directory that goes away with it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

use super::sql::Database;

pub struct TestServer {
    directory: TempDir,
    server: Child,
}

impl TestServer {
    pub async fn start() -> Self {
        let directory = TempDir::new().unwrap();
        // PostgreSQL does not run as root.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let data = directory.path().join("data");
        let made = program("initdb")
            .args(["--username=ays", "--auth=trust", "--no-sync", "--no-instructions", "--locale=C"])
            .arg("--pgdata")
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let server = Self::run(directory.path()).await;
        Self { directory, server }
    }

    async fn run(directory: &Path) -> Child {
        let mut command = tokio::process::Command::from(program("postgres"));
        let mut server = command
            .arg("-D")
            .arg(directory.join("data"))
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-c"])
            .arg(format!("unix_socket_directories={}", directory.display()))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
        loop {
            let line = lines.next_line().await.unwrap().expect("PostgreSQL has ended");
            if line.contains("ready to accept connections") {
                break;
            }
        }
        // Its words after that are read and forgotten, so that it never waits for a reader.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        server
    }

    /// Stops it at once, as a machine that loses its power does, and starts it again.
    pub async fn restart(&mut self) {
        self.quit();
        self.server.wait().await.unwrap();
        self.server = Self::run(self.directory.path()).await;
    }

    fn quit(&self) {
        if let Some(pid) = self.server.id() {
            let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::QUIT).unwrap();
        }
    }

    pub fn address(&self) -> String {
        format!("postgres://ays@localhost/postgres?host={}", self.directory.path().display())
    }

    pub async fn open(&self, environment: &str) -> Database {
        Self::open_at(&self.address(), environment).await
    }

    pub async fn open_at(address: &str, environment: &str) -> Database {
        super::open(&address.parse().unwrap(), &environment.into()).await.unwrap()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.quit();
        while matches!(self.server.try_wait(), Ok(None)) {
            std::thread::yield_now();
        }
    }
}

/// A program of PostgreSQL, as another user where this one is root.
fn program(name: &str) -> Command {
    let versions =
        fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is not installed: scripts/install-test-parts");
    let newest: PathBuf = versions.map(|version| version.unwrap().path()).max().unwrap();
    let program = newest.join("bin").join(name);
    let mut command;
    if rustix::process::geteuid().is_root() {
        command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
    } else {
        command = Command::new(program);
    }
    command.current_dir("/");
    command
}
