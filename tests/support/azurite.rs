//! A storage account of Azure: the blobs of Microsoft's own Azurite.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    http::{self, Answer},
    lab::{Lab, cache, mortal},
    service::Service,
};

/// Azurite with one account, by http; the account is the first part of each path.
pub struct Azurite {
    url: String,
    account: String,
    key: Vec<u8>,
    signed: PathBuf,
    _service: Service,
}

/// The version of the service that signatures are made for.
const VERSION: &str = "2021-12-02";
/// When signatures end.
const EXPIRY: &str = "2100-01-01T00:00:00Z";

impl Azurite {
    /// Starts it at an address and port of the lab; `key` is the account's key, in base64.
    pub fn start(lab: &Lab, address: &str, port: u16, account: &str, key: &str) -> Self {
        // Not the small program around it: that would start this one, and the kernel would kill only the first.
        let program = cache().join("azurite-1/node_modules/azurite/dist/src/blob/main.js");
        assert!(program.exists(), "{} is missing: run scripts/install-test-parts first", program.display());
        let work = lab.dir().join(format!("azurite-{port}"));
        fs::create_dir(&work).unwrap();
        let mut command = mortal("node");
        command
            .arg(program)
            .args(["--blobHost", address, "--blobPort", &port.to_string(), "--location"])
            .arg(work.join("blobs"))
            .args(["--skipApiVersionCheck", "--disableProductStyleUrl", "--disableTelemetry", "--silent"])
            .env("AZURITE_ACCOUNTS", format!("{account}:{key}"))
            .current_dir(&work);
        let service = Service::start(command, "successfully listens");
        Self {
            url: format!("http://{address}:{port}/{account}"),
            account: account.to_owned(),
            key: STANDARD.decode(key).unwrap(),
            signed: work.join("signed"),
            _service: service,
        }
    }

    /// Where the account's blobs are: `http://address:port/account`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A shared access signature for the whole account, as the query of an address; permissions are letters (`rwdlac`).
    pub fn account_signature(&self, permissions: &str) -> String {
        let text = [&self.account, permissions, "b", "sco", "", EXPIRY, "", "", VERSION, "", ""].join("\n");
        let signature = self.sign(&text);
        format!("sv={VERSION}&ss=b&srt=sco&sp={permissions}&se={EXPIRY}&sig={signature}")
    }

    /// The address of a blob, or of one that shall be made, with a shared access signature for it alone.
    pub fn signed_url(&self, container: &str, blob: &str, permissions: &str) -> String {
        let resource = format!("/blob/{}/{container}/{blob}", self.account);
        // Permissions, start, expiry, resource, identifier, IP, protocol, version, kind, snapshot, encryption scope, and
        // five headers of answers.
        let fields =
            [permissions, "", EXPIRY, &resource, "", "", "", VERSION, "b", "", "", "", "", "", "", ""];
        let signature = self.sign(&fields.join("\n"));
        let query = format!("sv={VERSION}&sr=b&sp={permissions}&se={EXPIRY}&sig={signature}");
        format!("{}/{container}/{blob}?{query}", self.url)
    }

    /// Makes a container.
    pub fn create_container(&self, name: &str) {
        let path = format!("{name}?restype=container");
        self.call("PUT", &path, &["-H", "Content-Length: 0"]).expect_success();
    }

    /// The names of the blobs in a container.
    pub fn blobs(&self, container: &str) -> Vec<String> {
        let path = format!("{container}?restype=container&comp=list");
        let listed = self.call("GET", &path, &[]).expect_success().text();
        let names = listed.split("<Name>").skip(1);
        names.map(|rest| rest.split("</Name>").next().unwrap().to_owned()).collect()
    }

    /// The headers of a blob (`x-ms-blob-type`, `content-length`), where there is one.
    pub fn properties(&self, container: &str, blob: &str) -> Option<Answer> {
        let answer = self.call("HEAD", &format!("{container}/{blob}"), &["--head"]);
        (answer.status != 404).then(|| answer.expect_success())
    }

    /// Writes a blob into a file.
    pub fn download(&self, container: &str, blob: &str, to: &Path) {
        let url = self.signed_url(container, blob, "r");
        assert_eq!(http::download(&url, &[], to), 200, "{url}");
    }

    /// A request with all rights; the path has no slash before it, and `more` is for curl.
    pub fn call(&self, method: &str, path: &str, more: &[&str]) -> Answer {
        let mark = if path.contains('?') { '&' } else { '?' };
        let signature = self.account_signature("rwdlac");
        http::request(method, &format!("{}/{path}{mark}{signature}", self.url), more)
    }

    /// HMAC with SHA-256, as base64 for an address.
    fn sign(&self, text: &str) -> String {
        fs::write(&self.signed, text).unwrap();
        let key: String = self.key.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut openssl = Command::new("openssl");
        openssl.args(["dgst", "-sha256", "-mac", "HMAC", "-macopt", &format!("hexkey:{key}"), "-binary"]);
        let output = openssl.arg(&self.signed).output().unwrap();
        assert!(output.status.success(), "{openssl:?}");
        STANDARD.encode(output.stdout).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
    }
}
