//! A PostgreSQL server of its own for each test, on a socket in a directory that goes away with it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

pub struct Postgres {
    directory: TempDir,
    /// Beside those that all have.
    settings: Vec<String>,
    /// None: it is stopped.
    server: Option<Child>,
}

impl Postgres {
    pub fn start() -> Self {
        let directory = TempDir::new().unwrap();
        // PostgreSQL does not run as root.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
        copy(&fresh_data(directory.path()), &directory.path().join("data"));
        let server = Some(run(directory.path(), &[]));
        Self { directory, settings: Vec::new(), server }
    }

    /// One that listens at an IP address by TLS too, and there wants the password of `team`.
    pub fn start_with_tls(ip: &str, certificate: &str, key: &str, password: &str) -> Self {
        let mut server = Self::start();
        let data = server.directory.path().join("data");
        let role = format!("CREATE ROLE team LOGIN SUPERUSER PASSWORD '{password}'");
        server.sql(&role);
        for (from, name) in [(certificate, "server.crt"), (key, "server.key")] {
            let to = data.join(name);
            fs::write(&to, fs::read(from).unwrap()).unwrap();
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).unwrap();
            assert!(Command::new("chown").arg("--reference").args([&data, &to]).status().unwrap().success());
        }
        fs::write(data.join("pg_hba.conf"), "local all all trust\nhostssl all all all scram-sha-256\n")
            .unwrap();
        server.settings = vec!["ssl=on".to_owned(), format!("listen_addresses={ip}")];
        server.restart();
        server
    }

    /// Stops it at once, as a machine that loses its power does, and starts it again.
    pub fn restart(&mut self) {
        self.stop();
        self.go_on();
    }

    /// Stops it at once, as a machine that loses its power does.
    pub fn stop(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        let pid = server.id().to_string();
        assert!(Command::new("kill").args(["-QUIT", &pid]).status().unwrap().success());
        server.wait().unwrap();
    }

    /// Starts it again.
    pub fn go_on(&mut self) {
        self.server = Some(run(self.directory.path(), &self.settings));
    }

    /// Has the server do this, as its owner.
    pub fn sql(&self, statement: &str) {
        let mut psql = program("psql");
        psql.arg("--host").arg(self.directory.path());
        psql.args(["--username=ays", "--quiet", "postgres", "--command", statement]);
        // Also where the database takes no writes.
        psql.env("PGOPTIONS", "-c default_transaction_read_only=off");
        assert!(psql.status().unwrap().success());
    }

    pub fn address(&self) -> String {
        format!("postgres://ays@localhost/postgres?host={}", self.directory.path().display())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Starts the server; returns when it lets clients in.
fn run(directory: &Path, settings: &[String]) -> Child {
    let mut server = program("postgres")
        .arg("-D")
        .arg(directory.join("data"))
        .args(["-c", "listen_addresses=", "-c", "fsync=off", "-c"])
        .arg(format!("unix_socket_directories={}", directory.display()))
        .args(settings.iter().flat_map(|setting| ["-c", setting]))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
    while !lines.next().expect("PostgreSQL has ended").unwrap().contains("ready to accept connections") {}
    // Its words after that are read and forgotten, so that it never waits for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    server
}

/// A data directory that no server has used, made once for all tests: that takes longer than a test.
fn fresh_data(scratch: &Path) -> PathBuf {
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|above| above.join("target"));
    let mut made = made.filter(|target| target.is_dir());
    let made = made.next().unwrap_or_else(std::env::temp_dir).join("ays-test-postgres");
    if !made.exists() {
        let data = scratch.join("fresh");
        let output = program("initdb")
            .args(["--username=ays", "--auth=trust", "--no-sync", "--no-instructions", "--locale=C"])
            .arg("--pgdata")
            .arg(&data)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let part = made.with_extension(std::process::id().to_string());
        copy(&data, &part);
        // Of several tests that make it at once, the first wins.
        if fs::rename(&part, &made).is_err() {
            fs::remove_dir_all(&part).unwrap();
        }
    }
    made
}

/// With owners and modes.
fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

/// A program of PostgreSQL, as another user where this one is root.
fn program(name: &str) -> Command {
    let versions = fs::read_dir("/usr/lib/postgresql");
    let versions = versions.expect("PostgreSQL is not installed: scripts/install-test-parts");
    let newest = versions.map(|version| version.unwrap().path()).max().unwrap();
    let program = newest.join("bin").join(name);
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let mut command = Command::new(if is_root { "setpriv".into() } else { program.clone() });
    if is_root {
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
    }
    command.current_dir("/");
    command
}
