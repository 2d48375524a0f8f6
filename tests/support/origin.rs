//! Where images come from: nginx, pure-ftpd and vsftpd.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{
    lab::{Lab, cache, mortal, run},
    node::cap,
};

/// nginx at port 80 of [`Lab::SOURCE`]: `/` as it is, directories listed, `/slow/` the same at about 1 MB a second, `/private/` the same for
/// user `pub` with password `pub1234`.
pub struct Origin {
    files: PathBuf,
    log: PathBuf,
    child: Child,
}

/// A request that nginx answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET /x.qcow2`
    pub what: String,
    /// 200, or 206 for a part.
    pub status: u16,
    /// The bytes of the body that were sent.
    pub sent: u64,
}

impl Origin {
    /// Starts it on a directory that is empty, or holds what another source of this lab serves.
    pub fn start(lab: &Lab) -> Self {
        Self::serve(lab, mortal("/usr/sbin/nginx"))
    }

    /// The same as a machine of its own, whose link can be limited; no other source of the lab can be reached then.
    pub fn apart(lab: &Lab) -> Self {
        let mut command = mortal("unshare");
        command.args(["--net", "/usr/sbin/nginx"]);
        let origin = Self::serve(lab, command);
        run("ip", &["address", "del", &format!("{}/16", Lab::SOURCE), "dev", "br0"]);
        let network = origin.child.id().to_string();
        run("ip", &["link", "add", LINK, "type", "veth", "peer", "name", "eth0", "netns", &network]);
        run("ip", &["link", "set", LINK, "master", "br0", "up"]);
        origin.in_network("ip", &["address", "add", &format!("{}/16", Lab::SOURCE), "dev", "eth0"]);
        origin.in_network("ip", &["link", "set", "eth0", "up"]);
        origin
    }

    fn serve(lab: &Lab, mut command: Command) -> Self {
        let files = served(lab);
        let work = lab.dir().join("nginx");
        fs::create_dir(&work).unwrap();
        // The password is pub1234, as Apache's MD5 has it.
        let hash = run("openssl", &["passwd", "-apr1", "-salt", "ays", "pub1234"]);
        fs::write(work.join("users"), format!("pub:{hash}")).unwrap();
        let log = work.join("requests");
        // Not at an address: apart, it has none yet when it starts.
        let configuration = format!(
            "daemon off; master_process off; user root; pid {work}/pid; error_log stderr notice;\n\
             events {{ worker_connections 256; }}\n\
             http {{ log_format short '$request_method $uri $status $body_bytes_sent'; access_log {log} short;\n\
             sendfile on; autoindex on; default_type application/octet-stream;\n\
             client_body_temp_path {work}/a; proxy_temp_path {work}/b; fastcgi_temp_path {work}/c;\n\
             uwsgi_temp_path {work}/d; scgi_temp_path {work}/e;\n\
             server {{ listen 80; root {files};\n\
             location = /seen {{ access_log off; return 204; }}\n\
             location /slow/ {{ alias {files}/; limit_rate 1m; }}\n\
             location /private/ {{ alias {files}/; auth_basic private; auth_basic_user_file {work}/users; }} }} }}\n",
            work = work.display(),
            log = log.display(),
            files = files.display(),
        );
        let path = work.join("nginx.conf");
        fs::write(&path, configuration).unwrap();
        let mut child = command
            .args(["-e", "stderr", "-c"])
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("nginx");
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut said = Vec::new();
        // It logs the event method after its sockets listen.
        while !said.last().is_some_and(|line: &String| line.contains("event method")) {
            said.push(lines.next().unwrap_or_else(|| panic!("nginx did not start: {said:?}")));
        }
        // It may log more than the pipe holds.
        thread::spawn(move || lines.for_each(drop));
        Self { files, log, child }
    }

    fn in_network(&self, program: &str, arguments: &[&str]) {
        let net = format!("--net=/proc/{}/ns/net", self.child.id());
        run("nsenter", &[&[net.as_str(), program], arguments].concat());
    }

    /// Limits what one that is [`apart`](Self::apart) sends, in megabits a second.
    pub fn limit_rate(&self, megabits: u32) {
        let caps = cap(megabits);
        let caps: Vec<_> = caps.iter().map(String::as_str).collect();
        self.in_network("tc", &[&["qdisc", "replace", "dev", "eth0"], caps.as_slice()].concat());
    }

    /// The requests that have ended.
    pub fn requests(&self) -> Vec<Request> {
        // nginx does one thing after another: with the answer to this it has written what came before.
        let mut stream = TcpStream::connect((Lab::SOURCE, 80)).unwrap();
        stream.write_all(b"GET /seen HTTP/1.0\r\n\r\n").unwrap();
        stream.read_to_string(&mut String::new()).unwrap();
        let log = fs::read_to_string(&self.log).unwrap();
        let request = |line: &str| {
            let words: Vec<_> = line.rsplitn(3, ' ').collect();
            let [sent, status, what] = words[..] else { panic!("{line:?}") };
            Request { what: what.to_owned(), status: status.parse().unwrap(), sent: sent.parse().unwrap() }
        };
        log.lines().map(request).collect()
    }

    /// The bytes of a file that were sent so far, to whomever.
    pub fn sent(&self, name: &str) -> u64 {
        let what = format!("GET /{name}");
        self.requests().iter().filter(|request| request.what == what).map(|request| request.sent).sum()
    }

    /// Where a file with this name is put to be served.
    pub fn file(&self, name: &str) -> PathBuf {
        self.files.join(name)
    }

    /// Writes `NAME.md5sum` for the file, as md5sum does.
    pub fn publish_md5(&self, name: &str) {
        publish_md5(&self.files, name);
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The end of the origin's link in the lab, when it is apart.
const LINK: &str = "to-origin";

/// pure-ftpd at port 21 of [`Lab::SOURCE`], for user `pub` with password `pub1234`, and user `hard` with
/// [`Ftp::HARD_PASSWORD`].
pub struct Ftp {
    files: PathBuf,
    child: Child,
}

impl Ftp {
    /// All that an address gives a meaning to.
    pub const HARD_PASSWORD: &str = "h@rd/#%41:w?&+ord";

    /// Starts it on a directory that is empty, or holds what another source of this lab serves.
    pub fn start(lab: &Lab) -> Self {
        Self::start_with(lab, &[])
    }

    /// The same, where nobody is let in without TLS.
    pub fn start_with_tls(lab: &Lab, certificate: &Certificate) -> Self {
        Self::start_with(lab, &["-Y", "2", "-2", &certificate.both().display().to_string()])
    }

    fn start_with(lab: &Lab, more: &[&str]) -> Self {
        let files = served(lab);
        let work = lab.dir().join("ftp");
        fs::create_dir(&work).unwrap();
        let (users, database) = (work.join("users"), work.join("users.pdb"));
        // Not with `pure-pw useradd`: its kind of hash takes seconds, at every login again.
        let user = |(name, password): (&str, &str)| {
            let hash = run("openssl", &["passwd", "-5", "-salt", "ays", password]);
            format!("{name}:{}:65534:65534::{}/./::::::::::::\n", hash.trim(), files.display())
        };
        let all: String = [("pub", "pub1234"), ("hard", Self::HARD_PASSWORD)].map(user).concat();
        fs::write(&users, all).unwrap();
        run("pure-pw", &["mkdb", database.to_str().unwrap(), "-f", users.to_str().unwrap()]);
        let child = mortal("/usr/sbin/pure-ftpd")
            .args(more)
            .args([
                "-l",
                &format!("puredb:{}", database.display()),
                "-E",
                "-H",
                "-u",
                "1",
                "-p",
                "41000:41050",
            ])
            .args(["-S", &format!("{},21", Lab::SOURCE), "-g", work.join("pid").to_str().unwrap()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("pure-ftpd");
        let since = Instant::now();
        while TcpStream::connect((Lab::SOURCE, 21)).is_err() {
            assert!(since.elapsed() < Duration::from_secs(10), "pure-ftpd does not listen");
            // It says nothing when it does.
            thread::sleep(Duration::from_millis(5));
        }
        Self { files, child }
    }

    /// Where a file with this name is put to be served.
    pub fn file(&self, name: &str) -> PathBuf {
        self.files.join(name)
    }

    /// Writes `NAME.md5sum` for the file, as md5sum does.
    pub fn publish_md5(&self, name: &str) {
        publish_md5(&self.files, name);
    }
}

impl Drop for Ftp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// vsftpd for anybody, with the TLS sessions of data connections taken from the control connection, as it wants them
/// where nothing else is said: at port 990 of [`Lab::SOURCE`] with TLS from the first byte on, at port 2121 by AUTH.
pub struct Vsftpd {
    children: Vec<Child>,
}

impl Vsftpd {
    pub fn start(lab: &Lab, certificate: &Certificate) -> Self {
        let files = served(lab);
        let empty = lab.dir().join("empty");
        fs::create_dir(&empty).unwrap();
        let both = certificate.both();
        // Not installed: it cannot be, beside pure-ftpd.
        let program = cache().join("vsftpd-1/usr/sbin/vsftpd");
        assert!(program.exists(), "{} is missing: run scripts/install-test-parts first", program.display());
        let children = [(990, "YES"), (2121, "NO")].map(|(port, implicit)| {
            let settings = lab.dir().join(format!("vsftpd-{port}.conf"));
            let text = format!(
                "listen=YES\nbackground=NO\nlisten_address={}\nlisten_port={port}\nanonymous_enable=YES\n\
                 anon_root={}\nsecure_chroot_dir={}\nno_anon_password=YES\nftp_username=daemon\nxferlog_enable=NO\n\
                 ssl_enable=YES\nallow_anon_ssl=YES\nforce_anon_logins_ssl=YES\nforce_anon_data_ssl=YES\n\
                 require_ssl_reuse=YES\nimplicit_ssl={implicit}\nrsa_cert_file={both}\nrsa_private_key_file={both}\n",
                Lab::SOURCE,
                files.display(),
                empty.display(),
                both = both.display(),
            );
            fs::write(&settings, text).unwrap();
            let child = mortal(&program)
                .arg(&settings)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("vsftpd");
            let since = Instant::now();
            while TcpStream::connect((Lab::SOURCE, port)).is_err() {
                assert!(since.elapsed() < Duration::from_secs(10), "vsftpd does not listen");
                // It says nothing when it does.
                thread::sleep(Duration::from_millis(5));
            }
            child
        });
        Self { children: children.into() }
    }
}

impl Drop for Vsftpd {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A certificate for [`Lab::SOURCE`], and the authority that made it.
pub struct Certificate(PathBuf);

impl Certificate {
    pub fn new(lab: &Lab) -> Self {
        let directory = lab.dir().join("tls");
        fs::create_dir(&directory).unwrap();
        let made = Self(directory);
        let (key, request, ca_key) = (made.file("s.key"), made.file("s.csr"), made.file("ca.key"));
        let (ca, certificate, names) = (made.file("ca.pem"), made.file("s.pem"), made.file("names"));
        fs::write(&names, format!("subjectAltName=IP:{}\n", Lab::SOURCE)).unwrap();
        let new = ["req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test"];
        let is_ca = "basicConstraints=critical,CA:true";
        run("openssl", &[&new[..], &["-x509", "-keyout", &ca_key, "-out", &ca, "-addext", is_ca]].concat());
        run("openssl", &[&new[..], &["-keyout", &key, "-out", &request]].concat());
        let sign = ["x509", "-req", "-in", &request, "-CA", &ca, "-CAkey", &ca_key, "-CAcreateserial"];
        run("openssl", &[&sign[..], &["-extfile", &names, "-out", &certificate]].concat());
        let both = [&key, &certificate].map(|file| fs::read_to_string(file).unwrap()).concat();
        fs::write(made.both(), both).unwrap();
        made
    }

    /// The authority's certificate.
    pub fn authority(&self) -> String {
        fs::read_to_string(self.file("ca.pem")).unwrap()
    }

    /// Where the authority's certificate is.
    pub fn authority_file(&self) -> String {
        self.file("ca.pem")
    }

    /// Where the certificate is.
    pub fn certificate_file(&self) -> String {
        self.file("s.pem")
    }

    /// Where its key is.
    pub fn key_file(&self) -> String {
        self.file("s.key")
    }

    /// Key and certificate.
    fn both(&self) -> PathBuf {
        self.0.join("both.pem")
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

fn served(lab: &Lab) -> PathBuf {
    // pure-ftpd reads it as nobody.
    fs::set_permissions(lab.dir(), fs::Permissions::from_mode(0o755)).unwrap();
    let files = lab.dir().join("served");
    fs::create_dir_all(&files).unwrap();
    files
}

fn publish_md5(files: &Path, name: &str) {
    let sum = super::md5(&files.join(name));
    fs::write(files.join(format!("{name}.md5sum")), format!("{sum}  {name}\n")).unwrap();
}
