//! A network that only one test sees.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sched::{CloneFlags, unshare},
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

use super::node::processes_in;

/// The test's own network namespace: the bridge `br0` with the controller at [`Lab::CONTROLLER`] and sources at
/// [`Lab::SOURCE`]. The test's thread lives in it from [`Lab::new`] on, and so does all that it starts; the kernel
/// removes it after the last of them.
pub struct Lab {
    dir: TempDir,
}

impl Lab {
    /// Where `ays` runs.
    pub const CONTROLLER: &str = "10.199.0.1";
    /// Where nginx, pure-ftpd and the faulty server listen.
    pub const SOURCE: &str = "10.199.0.2";
    /// An address where nobody is: packets to it are never answered.
    pub const NOBODY: &str = "10.199.0.9";

    /// Moves the calling thread into a new network, and makes the key that nodes let in.
    pub fn new() -> Self {
        for part in [
            "/usr/sbin/sshd",
            "/usr/sbin/nginx",
            "/usr/sbin/pure-ftpd",
            "/usr/bin/qemu-img",
            "/usr/bin/busybox",
        ] {
            assert!(Path::new(part).exists(), "{part} is missing: run scripts/install-test-parts first");
        }
        unshare(CloneFlags::CLONE_NEWNET).expect(
            "the tests need root and network namespaces; scripts/install-test-parts installs the rest of what they need",
        );
        run("ip", &["link", "set", "lo", "up"]);
        run("ip", &["link", "add", "br0", "type", "bridge"]);
        for address in [Self::CONTROLLER, Self::SOURCE] {
            run("ip", &["address", "add", &format!("{address}/16"), "dev", "br0"]);
        }
        run("ip", &["link", "set", "br0", "up"]);
        // Known to be nobody's, so that packets to it vanish instead of coming back as unreachable.
        run("ip", &["neighbour", "add", Self::NOBODY, "lladdr", "02:00:00:00:00:09", "dev", "br0"]);
        let lab = Self { dir: TempDir::with_prefix("ays-test-").unwrap() };
        run(
            "ssh-keygen",
            &["-q", "-t", "ed25519", "-N", "", "-C", "operator", "-f", lab.key().to_str().unwrap()],
        );
        lab
    }

    /// The network namespace, as `/proc/ID/ns/net` has it.
    pub fn network(&self) -> PathBuf {
        fs::read_link("/proc/thread-self/ns/net").unwrap()
    }

    /// Waits until nothing in this network, its nodes left out, runs `program`; fails after `limit`.
    pub fn wait_until_gone(&self, program: &str, limit: Duration) {
        let network = self.network();
        let since = Instant::now();
        loop {
            let mut left = processes_in("net", &network);
            left.retain(|process| process.program == program);
            if left.is_empty() {
                return;
            }
            assert!(since.elapsed() < limit, "still running after {limit:?}: {left:?}");
            // Nothing tells when a process of somebody else's ends.
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends what in this network, its nodes left out, runs `program`, as whoever logs out does.
    pub fn end(&self, program: &str) {
        for process in processes_in("net", &self.network()) {
            if process.program == program {
                // It may have ended.
                let _ = kill(Pid::from_raw(process.pid), Signal::SIGTERM);
            }
        }
        self.wait_until_gone(program, Duration::from_secs(10));
    }

    /// A directory that goes when the test ends.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The private key whose public half (`.pub` beside it) all nodes let in.
    pub fn key(&self) -> PathBuf {
        self.dir().join("operator")
    }
}

/// Where `scripts/install-test-parts` has put what no package brings.
pub fn cache() -> PathBuf {
    std::env::var_os("AYS_TEST_CACHE").unwrap_or_else(|| "/var/cache/ays-tests".into()).into()
}

/// Runs a tool that must succeed, and gives what it printed.
pub fn run(program: &str, arguments: &[&str]) -> String {
    output(Command::new(program).args(arguments))
}

/// Runs a command that must succeed, and gives what it printed.
pub fn output(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
    String::from_utf8(output.stdout).expect("text")
}

/// The repository's root.
pub fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A command that the kernel kills when the test's thread ends, however it ends.
pub fn mortal(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command
}
