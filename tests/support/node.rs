//! Nodes: real sshd, each with its own root, network, processes and host key.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::lab::{Lab, checkout, mortal, output, run};

/// What a node has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The tools of this machine, `qemu-img` among them.
    Full,
    /// sshd, a POSIX shell and the plainest commands.
    Bare,
    /// As full; its first process is systemd.
    Systemd,
}

/// A process on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its id as this machine sees it.
    pub pid: i32,
    /// The file that it runs.
    pub program: String,
    /// Its command line, joined by spaces.
    pub command: String,
}

/// The log of a node's sshd, as far as it was written.
type Log = Arc<Mutex<String>>;

/// A running node; gone when dropped.
pub struct Node {
    /// Its name, and its host name.
    pub name: String,
    /// Its address.
    pub address: String,
    child: Child,
    first: i32,
    log: Log,
}

/// A node whose sshd may not listen yet.
struct Starting {
    name: String,
    address: String,
    child: Child,
    log: Log,
    listens: mpsc::Receiver<()>,
}

impl Lab {
    /// A full node with a disk of 1 GiB; its name ends in a number, which is its address's last part.
    pub fn node(&self, name: &str) -> Node {
        self.node_with(name, Kind::Full, "1g", &[])
    }

    /// `count` full nodes, `n1` and on, started at once.
    pub fn nodes(&self, count: u8) -> Vec<Node> {
        let starting: Vec<_> = (1..=count)
            .map(|number| {
                let script = mortal(checkout().join("scripts/node"));
                self.start(script, &format!("n{number}"), &address(number), Kind::Full, "1g", &[])
            })
            .collect();
        starting.into_iter().map(Starting::wait).collect()
    }

    /// A node with a disk of `size` (as `mount -o size=` has it) and more options for its sshd.
    pub fn node_with(&self, name: &str, kind: Kind, size: &str, sshd: &[&str]) -> Node {
        let number = name.trim_start_matches(|c: char| !c.is_ascii_digit());
        let address = address(number.parse().expect("a name with a number"));
        self.start(mortal(checkout().join("scripts/node")), name, &address, kind, size, sshd).wait()
    }

    /// A node that only `gateway` can reach.
    pub fn node_behind(&self, gateway: &Node, name: &str) -> Node {
        gateway.in_network("ip", &["link", "add", "br0", "type", "bridge"]);
        gateway.in_network("ip", &["address", "add", "10.198.0.1/24", "dev", "br0"]);
        gateway.in_network("ip", &["link", "set", "br0", "up"]);
        let mut command = mortal("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", gateway.first)).arg(checkout().join("scripts/node"));
        self.start(command, name, "10.198.0.2", Kind::Full, "1g", &[]).wait()
    }

    fn start(
        &self,
        mut command: Command,
        name: &str,
        address: &str,
        kind: Kind,
        size: &str,
        sshd: &[&str],
    ) -> Starting {
        let kind = match kind {
            Kind::Full => "full",
            Kind::Bare => "bare",
            Kind::Systemd => "systemd",
        };
        let keys = self.key().with_extension("pub");
        command.args([name, &format!("{address}/16")]).arg(keys).args([kind, size]).args(sshd);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("scripts/node");
        let log = Arc::new(Mutex::new(String::new()));
        let (listening, listens) = mpsc::channel();
        let (stderr, kept) = (child.stderr.take().unwrap(), Arc::clone(&log));
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let ready = line.starts_with("Server listening");
                kept.lock().unwrap().push_str(&(line + "\n"));
                if ready {
                    // The test may have given up.
                    let _ = listening.send(());
                }
            }
        });
        Starting { name: name.to_owned(), address: address.to_owned(), child, log, listens }
    }
}

/// The address of the node with this number.
fn address(number: u8) -> String {
    format!("10.199.0.{}", number.checked_add(10).expect("addresses for 245 nodes"))
}

impl Starting {
    /// Waits until its sshd listens.
    fn wait(mut self) -> Node {
        let Self { name, address, log, .. } = self;
        if self.listens.recv_timeout(Duration::from_secs(60)).is_err() {
            panic!("{name} does not listen: {}", log.lock().unwrap());
        }
        let mut first = String::new();
        BufReader::new(self.child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let first = first.trim().parse().expect("the id of the node's first process");
        Node { name, address, child: self.child, first, log }
    }
}

impl Node {
    /// Where this machine sees the node's file `path`.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        Path::new(&format!("/proc/{}/root", self.first)).join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The names in the directory `path`, sorted; none when it is not there.
    pub fn list(&self, path: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(path)) else { return Vec::new() };
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().expect("a name in UTF-8")).collect();
        names.sort();
        names
    }

    /// All that lies on the node and that an install may change: files with their content and mode, links, directories.
    pub fn everything(&self) -> BTreeMap<PathBuf, String> {
        let root = self.path("/");
        let mut found = BTreeMap::new();
        let mut left: Vec<_> =
            ["etc", "opt", "srv", "var", "run", "home"].iter().map(|top| root.join(top)).collect();
        while let Some(directory) = left.pop() {
            for entry in fs::read_dir(&directory).into_iter().flatten().map_while(Result::ok) {
                let (path, kind) = (entry.path(), entry.file_type().unwrap());
                let what = if kind.is_dir() {
                    left.push(path.clone());
                    "directory".to_owned()
                } else if kind.is_symlink() {
                    format!("link to {}", fs::read_link(&path).unwrap().display())
                } else {
                    let mode = entry.metadata().unwrap().permissions().mode();
                    format!("{mode:o} {:?}", fs::read(&path).unwrap_or_default())
                };
                found.insert(path.strip_prefix(&root).unwrap().to_owned(), what);
            }
        }
        found
    }

    /// All files below the node's root that it may write.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut left: Vec<_> = ["etc", "home", "mnt", "opt", "root", "run", "tmp", "var"]
            .iter()
            .map(|top| self.path(top))
            .collect();
        while let Some(directory) = left.pop() {
            for entry in fs::read_dir(directory).into_iter().flatten() {
                let entry = entry.unwrap();
                let kind = entry.file_type().unwrap();
                if kind.is_dir() {
                    left.push(entry.path());
                } else if kind.is_file() {
                    found.push(entry.path());
                }
            }
        }
        found.sort();
        found
    }

    /// Its host key's type and text, as `known_hosts` has them.
    pub fn host_key(&self) -> String {
        let key = fs::read_to_string(self.path("etc/ssh/ssh_host_ed25519_key.pub")).unwrap();
        key.split(' ').take(2).collect::<Vec<_>>().join(" ")
    }

    /// Runs a shell command on the node, past sshd; it must succeed. Gives what it printed.
    pub fn exec(&self, command: &str) -> String {
        let target = self.first.to_string();
        let mut enter = Command::new("nsenter");
        enter.args(["-t", &target, "-m", "-p", "-n", "-u", "--root", "--wd", "/bin/sh", "-c", command]);
        output(enter.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", "/root"))
    }

    /// Its network namespace, as `/proc/ID/ns/net` has it.
    pub fn network(&self) -> PathBuf {
        fs::read_link(format!("/proc/{}/ns/net", self.first)).unwrap()
    }

    fn in_network(&self, program: &str, arguments: &[&str]) {
        let net = format!("--net=/proc/{}/ns/net", self.first);
        run("nsenter", &[&[net.as_str(), program], arguments].concat());
    }

    /// What runs on the node, sshd and its sessions left out.
    pub fn processes(&self) -> Vec<Process> {
        let namespace = fs::read_link(format!("/proc/{}/ns/pid", self.first)).unwrap();
        let mut found = processes_in("pid", &namespace);
        found.retain(|process| !process.command.starts_with("sshd:"));
        found
    }

    /// Waits until nothing but sshd runs on the node; fails with what still does after `limit`.
    pub fn wait_until_quiet(&self, limit: Duration) {
        let since = std::time::Instant::now();
        loop {
            let left = self.processes();
            if left.is_empty() {
                return;
            }
            assert!(since.elapsed() < limit, "still running on {} after {limit:?}: {left:?}", self.name);
            // Nothing tells when a process of somebody else's ends.
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends a signal to all that runs on the node, sshd left out.
    pub fn signal_all(&self, signal: Signal) {
        for process in self.processes() {
            // It may have ended by itself.
            let _ = kill(Pid::from_raw(process.pid), signal);
        }
    }

    /// From now on no packet reaches the node or leaves it, and nobody is told.
    pub fn cut(&self) {
        self.port("0");
    }

    /// Packets flow again.
    pub fn heal(&self) {
        self.port("3");
        // Neither side shall remember that the other one did not answer.
        run("ip", &["neighbour", "flush", "dev", "br0"]);
        self.in_network("ip", &["neighbour", "flush", "dev", "eth0"]);
    }

    fn port(&self, state: &str) {
        run("bridge", &["link", "set", "dev", &format!("to-{}", self.name), "state", state]);
    }

    /// Limits what reaches the node and what leaves it, in megabits a second each.
    pub fn limit_rate(&self, megabits: u32) {
        let caps = cap(megabits);
        let caps: Vec<_> = caps.iter().map(String::as_str).collect();
        let (outside, inside) = (format!("to-{}", self.name), "eth0");
        run("tc", &[&["qdisc", "replace", "dev", &outside], caps.as_slice()].concat());
        self.in_network("tc", &[&["qdisc", "replace", "dev", inside], caps.as_slice()].concat());
    }

    /// From now on it and the other nodes that this was done to do not reach each other, as behind a firewall that
    /// drops packets; it still reaches the controller and the sources.
    pub fn isolate(&self) {
        run("bridge", &["link", "set", "dev", &format!("to-{}", self.name), "isolated", "on"]);
    }

    /// Lets the node see `directory` of this machine as `path`, as it does storage that nodes share.
    pub fn mount(&self, directory: &Path, path: &str) {
        // Its root is a mount that is seen from outside of its chroot only.
        let inside = format!("/mnt{path}");
        let target = self.first.to_string();
        let script = "mkdir -p \"$2\" && mount --bind \"$1\" \"$2\"";
        let arguments = ["-t", &target, "-m", "sh", "-c", script, "sh", directory.to_str().unwrap(), &inside];
        run("nsenter", &arguments);
    }

    /// Whether it has a connection to the HTTP source.
    pub fn reads_source(&self) -> bool {
        !self.exec("ss -Htn state established dport = :80").is_empty()
    }

    /// The ports that something on it listens at, sshd's left out.
    pub fn listeners(&self) -> Vec<String> {
        let listening = self.exec("ss -Htln");
        let address = |line: &str| line.split_whitespace().nth(3).map(str::to_owned);
        listening.lines().filter_map(address).filter(|address| !address.ends_with(":22")).collect()
    }

    /// Fills the disk until `left` bytes are free; gives the file that does, to be removed.
    pub fn fill_disk(&self, left: u64) -> PathBuf {
        let free: u64 = run("stat", &["-f", "-c", "%a %S", self.path("/").to_str().unwrap()])
            .split_whitespace()
            .map(|number| number.parse::<u64>().unwrap())
            .product();
        let filler = self.path("/filler");
        let size = free.saturating_sub(left).to_string();
        run("fallocate", &["-l", &size, filler.to_str().unwrap()]);
        filler
    }

    /// How often somebody logged in so far.
    pub fn logins(&self) -> usize {
        self.log().lines().filter(|line| line.starts_with("Accepted ")).count()
    }

    /// What its sshd logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // The first process takes all others of the node with it.
        let _ = kill(Pid::from_raw(self.first), Signal::SIGKILL);
        let _ = self.child.kill();
        let _ = self.child.wait();
        // So that the log's reader has seen the end.
        if let Some(mut rest) = self.child.stdout.take() {
            let _ = rest.read_to_end(&mut Vec::new());
        }
    }
}

/// What `tc qdisc replace dev NAME` needs to limit a link to so many megabits a second.
pub(super) fn cap(megabits: u32) -> [String; 8] {
    // What may pass at once: 10 ms of the rate, but at least a packet of the largest kind.
    let burst = (megabits * 1250).max(64 << 10);
    ["root", "tbf", "rate", &format!("{megabits}mbit"), "burst", &burst.to_string(), "latency", "50ms"]
        .map(str::to_owned)
}

/// The processes in a namespace of the kind `pid` or `net`.
pub(super) fn processes_in(kind: &str, namespace: &Path) -> Vec<Process> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().map_while(Result::ok) {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if fs::read_link(entry.path().join("ns").join(kind)).ok().as_deref() != Some(namespace) {
            continue;
        }
        // One that ends between the two looks is gone, and has no command line.
        let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ").trim().to_owned();
        if !command.is_empty() {
            let program = fs::read_link(entry.path().join("exe")).unwrap_or_default();
            found.push(Process { pid, program: program.to_string_lossy().into_owned(), command });
        }
    }
    found
}
