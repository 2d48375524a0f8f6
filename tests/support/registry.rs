//! A registry of OCI artifacts: the real Distribution, as Debian packages it.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use serde_json::{Value, json};

use super::{
    disk::sha256,
    lab::{Lab, mortal, output, run},
    origin::Certificate,
};

/// How a registry lets anybody in.
pub enum Door<'a> {
    /// Everybody, by http.
    Open,
    /// User `pub` with password `pub1234`, by https.
    Login(&'a Certificate),
    /// Whoever has a token of [`TokenServer`](super::TokenServer), by http.
    Tokens {
        /// Whose authority vouches for the tokens.
        certificate: &'a Certificate,
        /// Where they are had.
        realm: String,
    },
}

/// Distribution at [`Lab::SOURCE`]. All registries of a lab hold the same.
pub struct Registry {
    work: PathBuf,
    host: String,
    /// What skopeo needs to be let in.
    skopeo: Vec<String>,
    child: Child,
}

/// pub1234, as bcrypt has it: Distribution reads nothing else.
const USERS: &str = "pub:$2b$05$0slELoUCNNAAnbWhNb2c9.mi2Y0aqF39TfA08JAkikqwhZ0FaxJCS\n";

/// The kind of manifest that `oras` writes.
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

impl Registry {
    /// Starts one that lets everybody in, at port 5000.
    pub fn start(lab: &Lab) -> Self {
        Self::start_with(lab, 5000, &Door::Open)
    }

    /// Starts one at another port.
    pub fn start_with(lab: &Lab, port: u16, door: &Door<'_>) -> Self {
        Self::start_at(lab, Lab::SOURCE, port, door)
    }

    /// Starts one where manifests and blobs can be deleted; the others refuse that, as Distribution does unless told.
    pub fn start_with_deletion(lab: &Lab, port: u16, door: &Door<'_>) -> Self {
        Self::serve(lab, Lab::SOURCE, port, door, json!({"delete": {"enabled": true}}))
    }

    /// Starts one at another address.
    pub fn start_at(lab: &Lab, address: &str, port: u16, door: &Door<'_>) -> Self {
        Self::serve(lab, address, port, door, json!({}))
    }

    fn serve(lab: &Lab, address: &str, port: u16, door: &Door<'_>, mut storage: Value) -> Self {
        let work = lab.dir().join(format!("registry-{port}"));
        fs::create_dir(&work).unwrap();
        let host = format!("{address}:{port}");
        let (mut tls, mut auth) = (json!(null), json!(null));
        let mut skopeo = vec!["--tls-verify=false".to_owned()];
        match door {
            Door::Open => {}
            Door::Login(certificate) => {
                fs::write(work.join("users"), USERS).unwrap();
                tls = json!({"certificate": certificate.certificate_file(), "key": certificate.key_file()});
                auth = json!({"htpasswd": {"realm": "registry", "path": work.join("users")}});
                fs::write(work.join("ca.crt"), certificate.authority()).unwrap();
                skopeo = vec![format!("--cert-dir={}", work.display()), "--creds=pub:pub1234".to_owned()];
            }
            Door::Tokens { certificate, realm } => {
                auth = json!({"token": {
                    "realm": realm, "service": "registry", "issuer": "tokens",
                    "rootcertbundle": certificate.authority_file(),
                }});
                skopeo.push("--creds=pub:pub1234".to_owned());
            }
        }
        storage["filesystem"] = json!({"rootdirectory": lab.dir().join("artifacts")});
        let mut settings = json!({
            "version": "0.1",
            "storage": storage,
            "http": {"addr": host, "secret": "of the test"},
        });
        if !tls.is_null() {
            settings["http"]["tls"] = tls;
        }
        if !auth.is_null() {
            settings["auth"] = auth;
        }
        let path = work.join("settings.yml");
        // What is JSON is YAML too.
        fs::write(&path, settings.to_string()).unwrap();
        let program = Path::new("/usr/bin/docker-registry");
        assert!(program.exists(), "{} is missing: run scripts/install-test-parts first", program.display());
        let mut child = mortal(program)
            .arg("serve")
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(File::create(work.join("requests")).unwrap())
            .stderr(Stdio::piped())
            .spawn()
            .expect("docker-registry");
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut said = Vec::new();
        while !said.last().is_some_and(|line: &String| line.contains("listening on")) {
            said.push(lines.next().unwrap_or_else(|| panic!("docker-registry did not start: {said:?}")));
        }
        // It logs more than the pipe holds.
        thread::spawn(move || lines.for_each(drop));
        Self { work, host, skopeo, child }
    }

    /// Its host and port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The statuses of all requests for these bytes so far.
    pub fn reads(&self, digest: &str) -> Vec<u16> {
        let log = fs::read_to_string(self.work.join("requests")).unwrap();
        let reads =
            log.lines().filter(|line| line.contains("\"GET ") && line.contains(&format!("/blobs/{digest} ")));
        reads.map(|line| line.split("\" ").nth(1).unwrap()[..3].parse().unwrap()).collect()
    }

    /// Puts a file into a repository, and gives its digest.
    pub fn push(&self, repository: &str, file: &Path) -> String {
        let digest = format!("sha256:{}", sha256(file));
        let begin = format!("http://{}/v2/{repository}/blobs/uploads/", self.host);
        let head = run("curl", &["-sSf", "-X", "POST", "-D", "-", "-o", "/dev/null", &begin]);
        let place =
            head.lines().find_map(|line| line.strip_prefix("Location: ")).expect("a place to push to");
        let place = format!("{}&digest={digest}", place.trim());
        let data = format!("@{}", file.display());
        let kind = "Content-Type: application/octet-stream";
        run("curl", &["-sSf", "-o", "/dev/null", "-X", "PUT", "-H", kind, "--data-binary", &data, &place]);
        digest
    }

    /// A layer as a manifest names it, of a file that is pushed.
    pub fn layer(&self, repository: &str, file: &Path, kind: &str, title: Option<&str>) -> Value {
        let digest = self.push(repository, file);
        let size = fs::metadata(file).unwrap().len();
        let mut layer = json!({"mediaType": kind, "digest": digest, "size": size});
        if let Some(title) = title {
            layer["annotations"] = json!({"org.opencontainers.image.title": title});
        }
        layer
    }

    /// An artifact of these layers with a tag; gives the digest of its manifest.
    pub fn tag(&self, repository: &str, tag: &str, layers: &[Value]) -> String {
        let empty = self.work.join("empty");
        fs::write(&empty, "{}").unwrap();
        let config = self.layer(repository, &empty, "application/vnd.oci.empty.v1+json", None);
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers});
        self.put(repository, tag, MANIFEST, &manifest)
    }

    /// An index of manifests, each for a processor, with a tag.
    pub fn index(&self, repository: &str, tag: &str, manifests: &[(&str, &str)]) -> String {
        let kind = "application/vnd.oci.image.index.v1+json";
        let entry = |(arch, digest): &(&str, &str)| {
            let manifest = format!("http://{}/v2/{repository}/manifests/{digest}", self.host);
            let accept = format!("Accept: {MANIFEST}");
            let size = run("curl", &["-sSf", "-H", &accept, &manifest]).len();
            json!({"mediaType": MANIFEST, "digest": digest, "size": size,
                "platform": {"architecture": arch, "os": "linux"}})
        };
        let entries: Vec<_> = manifests.iter().map(entry).collect();
        self.put(repository, tag, kind, &json!({"schemaVersion": 2, "mediaType": kind, "manifests": entries}))
    }

    /// What skopeo reads as the manifest of a tag (`1`) or digest (`sha256:..`); none where there is none.
    pub fn manifest(&self, repository: &str, reference: &str) -> Option<Value> {
        let mut skopeo = self.skopeo("inspect");
        skopeo.args(["--raw", &self.name(repository, reference)]);
        let output = skopeo.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("manifest unknown") || said.contains("name unknown") {
            return None;
        }
        assert!(output.status.success(), "{skopeo:?}: {said}");
        Some(serde_json::from_slice(&output.stdout).unwrap())
    }

    /// The tags that skopeo reads, in their order.
    pub fn tags(&self, repository: &str) -> Vec<String> {
        let place = format!("docker://{}/{repository}", self.host);
        let said: Value = serde_json::from_str(&output(self.skopeo("list-tags").arg(place))).unwrap();
        let tags = said["Tags"].as_array().unwrap().iter();
        let mut tags: Vec<_> = tags.map(|tag| tag.as_str().unwrap().to_owned()).collect();
        tags.sort();
        tags
    }

    /// Has skopeo write an artifact into a directory: `manifest.json`, and a file for each blob with its SHA-256 as name.
    pub fn copy_out(&self, repository: &str, reference: &str, to: &Path) {
        let mut skopeo = Command::new("skopeo");
        skopeo.args(["--insecure-policy", "copy", "--quiet"]);
        // `copy` has a source and a destination, each with options of its own.
        skopeo.args(self.skopeo.iter().map(|option| option.replacen("--", "--src-", 1)));
        output(skopeo.arg(self.name(repository, reference)).arg(format!("dir:{}", to.display())));
    }

    fn skopeo(&self, verb: &str) -> Command {
        let mut skopeo = Command::new("skopeo");
        skopeo.arg(verb).args(&self.skopeo);
        skopeo
    }

    fn name(&self, repository: &str, reference: &str) -> String {
        let mark = if reference.contains(':') { '@' } else { ':' };
        format!("docker://{}/{repository}{mark}{reference}", self.host)
    }

    /// Puts a manifest, and gives its digest.
    pub fn put(&self, repository: &str, tag: &str, kind: &str, manifest: &Value) -> String {
        let file = self.work.join("manifest");
        fs::write(&file, manifest.to_string()).unwrap();
        let place = format!("http://{}/v2/{repository}/manifests/{tag}", self.host);
        output(
            Command::new("curl")
                .args([
                    "-sS",
                    "--fail-with-body",
                    "-X",
                    "PUT",
                    "-H",
                    &format!("Content-Type: {kind}"),
                    "--data-binary",
                ])
                .arg(format!("@{}", file.display()))
                .arg(&place),
        );
        format!("sha256:{}", sha256(&file))
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
