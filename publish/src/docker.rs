//! The target `docker`: the root file system in the disk as the layer of a container image, or the disk itself as an artifact, in a
//! registry of version 2.

use ays_catalogue::CloudObject;
use ays_protocol::{Form, ReadEnd, Told};
use serde_json::json;
use url::Url;

use crate::account::Account;
use crate::data::Counter;
use crate::error::TargetError;
use crate::job::{Fields, ImageFacts, Job, Published, Seen};
use crate::problem::Problem;
use crate::registry::{MANIFEST, Registry, Upload, digest_of};

/// So many bytes go in one request: what is lost by one that fails is sent again.
const CHUNK: u64 = 64 << 20;

/// How often an upload may be taken up again without a byte more.
const TRIES: u32 = 4;

/// The kinds of what is in a ledger.
const UPLOAD: &str = "upload";
const BLOB: &str = "blob";
const MANIFEST_OBJECT: &str = "manifest";

/// The names of container images are kept short: 255 characters for all but the tag.
const LONGEST_NAME: usize = 255;
const LONGEST_TAG: usize = 128;

/// Whether a publication is of the root file system or of the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum As {
    Layer,
    Artifact,
}

fn kind(fields: &Fields) -> As {
    if fields.get("as").is_some_and(|word| word == "artifact") { As::Artifact } else { As::Layer }
}

fn repository(fields: &Fields) -> String {
    let part = |key: &str| fields.get(key).map_or("", String::as_str);
    format!("{}/{}", part("namespace"), part("repositoryName"))
}

/// A registry, for an account.
#[derive(Debug)]
pub(crate) struct Docker {
    account: Account,
}

impl Docker {
    pub fn new(account: &Account) -> Self {
        Self { account: account.clone() }
    }

    pub async fn test(&self) -> Result<Seen, TargetError> {
        Registry::new(&self.account, String::new())?.sign_in().await?;
        Ok(Seen { found: vec![("registry".to_owned(), vec![self.account.need("endpointUrl").to_owned()])] })
    }

    /// What is wrong before anybody is asked.
    pub fn check(image: &ImageFacts, fields: &Fields) -> Vec<Problem> {
        let mut problems = Vec::new();
        if image.is_windows() && kind(fields) == As::Layer {
            problems.push(Problem::error(
                "Windows is in it: no container can be made of that",
                "publish the disk itself: --set as=artifact",
            ));
        }
        let name = repository(fields);
        let is_part = |part: &str| {
            let known =
                |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
            let ends = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
            part.chars().all(known) && part.starts_with(ends) && part.ends_with(ends)
        };
        if name.len() > LONGEST_NAME || !name.split('/').all(is_part) {
            problems.push(Problem::error(
                format!("`{name}` is no name of a repository"),
                "small letters and digits, `.`, `_`, `-` within, parts divided by `/`, 255 characters at most",
            ));
        }
        let tag = fields.get("tagName").map_or("", String::as_str);
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if tag.len() > LONGEST_TAG || !tag.chars().all(known) || tag.starts_with(['.', '-']) {
            problems.push(Problem::error(
                format!("`{tag}` is no tag"),
                "letters, digits, `.`, `_` and `-`, not first `.` or `-`, 128 characters at most",
            ));
        }
        problems
    }

    /// What is wrong by what the registry says.
    pub async fn ask(
        &self,
        fields: &Fields,
        overwrite: bool,
        own: &[CloudObject],
    ) -> Result<Vec<Problem>, TargetError> {
        let registry = Registry::new(&self.account, repository(fields))?;
        registry.sign_in().await?;
        let tag = fields.get("tagName").map_or("", String::as_str);
        let is_own = |digest: &String| own.iter().any(|object| object.key == *digest);
        Ok(match registry.manifest(tag).await? {
            Some(digest) if is_own(&digest) => Vec::new(),
            Some(_) if overwrite => {
                vec![Problem::warning(
                    format!("{}:{tag} is there and will be another one", repository(fields)),
                    "nothing, if that is meant",
                )]
            }
            Some(digest) => vec![Problem::error(
                format!("{}:{tag} is there already: {digest}", repository(fields)),
                "choose another tag, or say --overwrite",
            )],
            None => Vec::new(),
        })
    }

    /// As what the disk is read.
    pub fn form(fields: &Fields) -> Form {
        match kind(fields) {
            As::Layer => Form::Layer,
            As::Artifact => Form::Qcow2,
        }
    }

    pub async fn publish(&self, job: &Job<'_>) -> Result<Published, TargetError> {
        let registry = Registry::new(&self.account, repository(job.fields))?;
        registry.sign_in().await?;
        let end = self.send(&registry, job).await?;
        let (manifest, config) = describe(job, &end);
        let config_digest = digest_of(&config);
        if let Some(object) = own_blob(&registry, job, &config_digest).await? {
            if !registry.has_blob(&config_digest).await? {
                let upload = job.ledger.intend(UPLOAD, &config_digest).await?;
                let begun = registry.begin().await?;
                job.ledger.made(&upload, begun.location.as_str()).await?;
                registry.put_blob(begun, &config, &config_digest).await?;
                job.ledger.removed(&upload).await?;
            }
            job.ledger.made(&object, &config_digest).await?;
        }
        let (tag, digest) = (job.need("tagName"), digest_of(&manifest));
        (job.tell)("putting the manifest", end.bytes, Some(end.bytes));
        // While the disk was sent, somebody may have made it.
        let ledger = job.ledger.open().await?;
        let there = registry.manifest(tag).await?;
        if let Some(there) = there
            && !job.overwrite
            && !ledger.iter().any(|object| object.key == there)
        {
            return Err(TargetError::Failed(format!("somebody has made the tag meanwhile: {there}")));
        }
        let object = job.ledger.intend(MANIFEST_OBJECT, &digest).await?;
        registry.put_manifest(tag, &manifest, MANIFEST).await?;
        job.ledger.made(&object, &digest).await?;
        // What is pulled is what was pushed.
        let found = registry.manifest(tag).await?.unwrap_or_else(|| "nothing".to_owned());
        if found != digest {
            return Err(TargetError::Differs { what: "the manifest", sent: digest, found });
        }
        let location = format!("{}:{tag}", repository(job.fields));
        Ok(Published { cloud_id: digest, location })
    }

    /// Sends the blob with the disk, or goes on with sending it; what it is.
    async fn send(&self, registry: &Registry, job: &Job<'_>) -> Result<ReadEnd, TargetError> {
        let form = Self::form(job.fields);
        // Another copy of the same disk may become another file, so an upload goes on only with the one that it began with.
        let object = job.ledger.intend(UPLOAD, &job.disk.first_copy()).await?;
        for other in job.ledger.open().await? {
            if other.kind == UPLOAD && other.number != object.number {
                self.undo(job.fields, &other).await?;
                job.ledger.removed(&other).await?;
            }
        }
        let counter = Counter::default();
        let mut upload = match object.cloud_id.as_deref().and_then(|location| Url::parse(location).ok()) {
            Some(location) => registry.upload(&location).await?,
            None => None,
        };
        let mut tries = TRIES;
        loop {
            let at = match &upload {
                Some(at) => at.clone(),
                None => {
                    let begun = registry.begin().await?;
                    job.ledger.made(&object, begun.location.as_str()).await?;
                    begun
                }
            };
            let has = at.has;
            match self.send_on(registry, job, &object, at, form, &counter).await {
                Ok(end) => {
                    job.ledger.removed(&object).await?;
                    return Ok(end);
                }
                Err(TargetError::Call(error)) if tries > 0 && passes(&error) => {
                    let location =
                        job.ledger.open().await?.into_iter().find(|open| open.number == object.number);
                    let location = location.and_then(|open| Url::parse(&open.cloud_id?).ok());
                    upload = match location {
                        Some(location) => registry.upload(&location).await?,
                        None => None,
                    };
                    let is_further = upload.as_ref().is_some_and(|upload| upload.has > has);
                    tries = if is_further { TRIES } else { tries - 1 };
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn send_on(
        &self,
        registry: &Registry,
        job: &Job<'_>,
        object: &CloudObject,
        mut at: Upload,
        form: Form,
        counter: &Counter,
    ) -> Result<ReadEnd, TargetError> {
        let feed = job.disk.read(&Told::File { form, skip: at.has }).await?;
        let total = feed.begin().await.length;
        counter.set(at.has);
        let tell = |sent| (job.tell)("sending the disk", sent, total);
        loop {
            if job.ending.is_wanted() {
                return Err(TargetError::Ended);
            }
            if let Some(end) = feed.end().await? {
                let digest = format!("sha256:{}", end.sha256);
                match own_blob(registry, job, &digest).await? {
                    Some(blob) => {
                        registry.complete(&at, &digest).await?;
                        job.ledger.made(&blob, &digest).await?;
                    }
                    None => registry.give_up(&at.location).await?,
                }
                return Ok(end);
            }
            at = match registry.send(&at, &feed, CHUNK, (counter, job.ending), &tell).await {
                Ok(at) => at,
                Err(error) => {
                    // What the disk's own reader says explains more than the request that broke by it.
                    feed.end().await?;
                    return Err(error);
                }
            };
            job.ledger.made(object, at.location.as_str()).await?;
        }
    }

    /// Removes an object of a ledger.
    pub async fn undo(&self, fields: &Fields, object: &CloudObject) -> Result<(), TargetError> {
        let registry = Registry::new(&self.account, repository(fields))?;
        registry.sign_in().await?;
        match (object.kind.as_str(), &object.cloud_id) {
            (UPLOAD, Some(location)) => match Url::parse(location) {
                Ok(location) => registry.give_up(&location).await,
                Err(_) => Ok(()),
            },
            // A registry that removes nothing does not say either that there is nothing to be removed.
            (MANIFEST_OBJECT, _) if registry.manifest(&object.key).await?.is_some() => {
                registry.remove(&format!("manifests/{}", object.key)).await
            }
            // Somebody else may have it in an image by now.
            (BLOB, _) if registry.has_blob(&object.key).await? && !registry.is_named(&object.key).await? => {
                registry.remove(&format!("blobs/{}", object.key)).await
            }
            _ => Ok(()),
        }
    }
}

/// A blob that is to be made, or was by an earlier try; none: somebody else's is there, which is not this publication's to
/// remove.
async fn own_blob(
    registry: &Registry,
    job: &Job<'_>,
    digest: &str,
) -> Result<Option<CloudObject>, TargetError> {
    let is_own = job.ledger.open().await?.iter().any(|object| object.kind == BLOB && object.key == digest);
    if !is_own && registry.has_blob(digest).await? {
        return Ok(None);
    }
    Ok(Some(job.ledger.intend(BLOB, digest).await?))
}

/// Whether what failed may work at the next try.
fn passes(error: &crate::http::CallError) -> bool {
    use crate::http::CallError;
    match error {
        CallError::NoAnswer { .. } | CallError::Stalled { .. } => true,
        CallError::Refused { status, .. } => *status >= 500 || matches!(status, 401 | 404 | 408 | 416 | 429),
        CallError::Answer { .. } => false,
    }
}

/// The manifest, and the configuration that it names.
fn describe(job: &Job<'_>, end: &ReadEnd) -> (Vec<u8>, Vec<u8>) {
    let layer = format!("sha256:{}", end.sha256);
    let annotations = json!({
        "org.opencontainers.image.title": job.image.name,
        "io.ays.content": job.image.content.to_string(),
        "io.ays.publication": job.ledger.mark(),
    });
    let (config, config_kind, layer_kind, artifact) = match kind(job.fields) {
        As::Layer => {
            let unpacked = end.unpacked.map(|digest| format!("sha256:{digest}"));
            let config = json!({
                "architecture": architecture(job.image.disk.architecture.as_deref()),
                "os": "linux",
                "config": {"Cmd": ["/bin/sh"]},
                "rootfs": {"type": "layers", "diff_ids": [unpacked]},
                "history": [{"created_by": format!("ays: generation {} of {}", job.image.generation, job.image.name)}],
            });
            (
                config,
                "application/vnd.oci.image.config.v1+json",
                "application/vnd.oci.image.layer.v1.tar+gzip",
                None,
            )
        }
        As::Artifact => (
            json!({}),
            "application/vnd.oci.empty.v1+json",
            "application/x-qemu-disk",
            Some("application/x-qemu-disk"),
        ),
    };
    let config = config.to_string().into_bytes();
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": config_kind, "digest": digest_of(&config), "size": config.len()},
        "layers": [{
            "mediaType": layer_kind,
            "digest": layer,
            "size": end.bytes,
            "annotations": {"org.opencontainers.image.title": format!("{}.{}", job.image.name, extension(job.fields))},
        }],
        "annotations": annotations,
    });
    if let (Some(artifact), Some(object)) = (artifact, manifest.as_object_mut()) {
        object.insert("artifactType".to_owned(), artifact.into());
    }
    (manifest.to_string().into_bytes(), config)
}

fn extension(fields: &Fields) -> &'static str {
    match kind(fields) {
        As::Layer => "tar.gz",
        As::Artifact => "qcow2",
    }
}

/// What containers call a processor.
fn architecture(uname: Option<&str>) -> &str {
    match uname {
        Some("aarch64") => "arm64",
        Some("i386" | "i486" | "i586" | "i686") => "386",
        Some("armv7l") => "arm",
        Some("ppc64le") => "ppc64le",
        Some("s390x") => "s390x",
        Some("riscv64") => "riscv64",
        _ => "amd64",
    }
}
