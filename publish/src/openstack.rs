//! The target `openstack`: an image of the image service (glance), by an account of the identity service (keystone).

use std::sync::{Arc, Mutex, PoisonError};

use ays_catalogue::CloudObject;
use ays_protocol::{Form, Told};
use md5::Digest;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, StatusCode};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::account::Account;
use crate::data::{Counter, send};
use crate::error::TargetError;
use crate::http::{Answer, CallError, Http, sensitive};
use crate::job::{Fields, ImageFacts, Job, Published, Seen};
use crate::problem::Problem;

/// What the image service is called in a catalogue of services.
const IMAGE: &str = "image";

/// The kind of what is in a ledger.
const IMAGE_OBJECT: &str = "image";

/// The property by which an image is known as a publication's.
const MARK: &str = "ays_publication";

/// The longest name of an image, in characters.
const LONGEST_NAME: usize = 255;

/// The most pages of a list of images.
const MOST_PAGES: u32 = 1_000;

/// How often an image is made anew whose data did not arrive.
const TRIES: u32 = 4;

/// OpenStack, for an account.
#[derive(Debug, Clone)]
pub(crate) struct Openstack {
    http: Http,
    account: Account,
}

/// Let in, for a project.
#[derive(Debug)]
struct Glance {
    http: Http,
    address: String,
    token: Mutex<HeaderValue>,
    /// Who signs in anew when the token has ended.
    account: Openstack,
    fields: Fields,
    /// The id of the project that it is let in for.
    project: String,
}

/// What signing in gives.
struct SignedIn {
    token: HeaderValue,
    /// The catalogue of services.
    services: Value,
    /// The project's id; empty where it is for none.
    project: String,
}

#[derive(Deserialize)]
struct Images {
    images: Vec<Image>,
    next: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Image {
    id: String,
    status: String,
    owner: Option<String>,
    #[serde(default)]
    created_at: String,
    size: Option<u64>,
    checksum: Option<String>,
    os_hash_algo: Option<String>,
    os_hash_value: Option<String>,
    #[serde(rename = "ays_publication")]
    mark: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Projects {
    projects: Vec<Named>,
}

impl Openstack {
    pub fn new(account: &Account) -> Result<Self, TargetError> {
        Ok(Self { http: Http::new(account)?, account: account.clone() })
    }

    pub async fn test(&self) -> Result<Seen, TargetError> {
        if self.is_second() {
            let services = self.sign_in(&Fields::new()).await?.services;
            return Ok(Seen { found: vec![("services".to_owned(), services_of(&services))] });
        }
        let token = self.sign_in(&Fields::new()).await?.token;
        let address = self.keystone("auth/projects");
        let asked = self
            .http
            .get("listing projects", |client| client.get(&address).header("x-auth-token", token.clone()));
        let projects = asked.await?.json::<Projects>()?.projects;
        let mut names: Vec<_> = projects.into_iter().map(|project| project.name).collect();
        names.sort();
        Ok(Seen { found: vec![("projects".to_owned(), names)] })
    }

    pub fn check(&self, image: &ImageFacts, fields: &Fields) -> Vec<Problem> {
        let mut problems = Vec::new();
        let (needed, version) =
            if self.is_second() { ("tenantName", "v2.0") } else { ("keystoneProject", "v3") };
        let is_said = fields.get(needed).is_some_and(|value| !value.is_empty());
        if !is_said && self.account.text("applicationCredentialId").is_none() {
            problems.push(Problem::error(
                format!("which project it comes to is not said, and keystone {version} asks for it"),
                format!("--set {needed}=NAME"),
            ));
        }
        let name = fields.get("displayName").map_or("", String::as_str);
        if name.chars().count() > LONGEST_NAME {
            problems.push(Problem::error(
                format!("its name has {} characters", name.chars().count()),
                format!("--set displayName=..: {LONGEST_NAME} at most"),
            ));
        }
        if image.is_windows() && image.disk.virtio == Some(false) {
            problems.push(Problem::warning(
                "Windows is in it, without a VirtIO driver: on KVM it does not find its disk",
                "use a disk bus that it has a driver for, or put the drivers into it",
            ));
        }
        problems
    }

    pub async fn ask(
        &self,
        fields: &Fields,
        overwrite: bool,
        own: &[CloudObject],
    ) -> Result<Vec<Problem>, TargetError> {
        let glance = self.glance(fields).await?;
        let name = fields.get("displayName").map_or("", String::as_str);
        let mut there = glance.named(name).await?;
        there.retain(|image| !own.iter().any(|object| object.key == image.id));
        Ok(match &there[..] {
            [] => Vec::new(),
            _ if overwrite => vec![Problem::warning(
                format!(
                    "{} image(s) of the name `{name}` will be removed once the new one is there",
                    there.len()
                ),
                "nothing, if that is meant",
            )],
            [first, ..] => vec![Problem::error(
                format!("an image of the name `{name}` is there already: {}", first.id),
                "choose another displayName, or say --overwrite",
            )],
        })
    }

    pub fn form(fields: &Fields) -> Form {
        match disk_format(fields) {
            "raw" => Form::Raw,
            "vmdk" => Form::StreamVmdk,
            _ => Form::Qcow2,
        }
    }

    pub async fn publish(&self, job: &Job<'_>) -> Result<Published, TargetError> {
        let glance = self.glance(job.fields).await?;
        let mut tries = TRIES;
        let image = loop {
            match self.publish_once(&glance, job).await {
                Err(TargetError::Call(error)) if tries > 0 && passes(&error) => {
                    // Half of it may be there, and nothing can be added to that: it is made anew.
                    discard(&glance, job).await?;
                    tries -= 1;
                }
                image => break image?,
            }
        };
        if job.overwrite {
            self.remove_older(&glance, job, &image).await;
        }
        let location = format!("{}/v2/images/{}", glance.address, image.id);
        Ok(Published { cloud_id: image.id, location })
    }

    /// Removes the images that have the name and were made before. The new one is there: one that is used, or that somebody
    /// protects, stays, and that is told.
    async fn remove_older(&self, glance: &Glance, job: &Job<'_>, image: &Image) {
        let is_older =
            |old: &Image| old.id != image.id && old.status == "active" && old.created_at <= image.created_at;
        let named = glance.named(job.need("displayName")).await;
        for old in named.unwrap_or_default().iter().filter(|old| is_older(old)) {
            if let Err(error) = glance.remove(&old.id).await {
                (job.warn)(format!("image {} stays: {}", old.id, ays_model::causes(&error)));
            }
        }
    }

    /// Makes the image and sends its data, or finds that an earlier try has done so.
    async fn publish_once(&self, glance: &Glance, job: &Job<'_>) -> Result<Image, TargetError> {
        let open = job.ledger.open().await?;
        let object = match open.into_iter().find(|object| object.kind == IMAGE_OBJECT) {
            Some(object) => object,
            None => {
                let number = job.ledger.count().await?;
                let id =
                    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{}/{number}", job.ledger.mark()).as_bytes());
                job.ledger.intend(IMAGE_OBJECT, &id.to_string()).await?
            }
        };
        let id = &object.key;
        let there = match glance.image(id).await? {
            Some(there) => there,
            None => {
                glance.make(&describe(job, id)).await?;
                job.ledger.made(&object, id).await?;
                glance.need(id).await?
            }
        };
        if there.mark.as_deref() != Some(job.ledger.mark()) {
            return Err(TargetError::NotOne(format!("image {id} is there, and is not this publication's")));
        }
        match there.status.as_str() {
            // The data of an earlier try arrived, and was compared before the answer came, or is compared now.
            "active" | "queued" => self.send(glance, job, &there).await,
            // An earlier try is gone, and what it sent is of no use.
            _ => Err(glance.gone(&there).into()),
        }
    }

    /// Sends the data, and compares what the service has with what was sent.
    async fn send(&self, glance: &Glance, job: &Job<'_>, there: &Image) -> Result<Image, TargetError> {
        let feed = job.disk.read(&Told::File { form: Self::form(job.fields), skip: 0 }).await?;
        let total = feed.begin().await.length;
        let sums = Arc::new(Mutex::new((md5::Md5::new(), sha2::Sha512::new())));
        let seen = Arc::clone(&sums);
        feed.show(move |bytes| {
            let mut sums = seen.lock().unwrap_or_else(PoisonError::into_inner);
            sums.0.update(bytes);
            sums.1.update(bytes);
        })
        .await;
        let counter = Counter::default();
        let is_there = there.status == "active";
        if is_there {
            (job.tell)("comparing what an earlier try has sent", 0, total);
            while feed.skip().await? {}
        } else {
            let address = format!("{}/v2/images/{}/file", glance.address, there.id);
            let request = self.http.client().put(address).header("x-auth-token", glance.token());
            let request = request.header(CONTENT_TYPE, "application/octet-stream").body(feed.body(
                u64::MAX,
                &counter,
                None,
            ));
            let tell = |sent| (job.tell)("sending the disk", sent, total);
            let sent = send(&self.http, "sending the disk", request, &counter, &tell).await;
            let sent = sent.and_then(|answer| self.http.well(answer));
            if let Err(error) = sent {
                feed.end().await?;
                // The answer may have been lost, and not the data.
                let is_active = glance.image(&there.id).await?.is_some_and(|image| image.status == "active");
                if !is_active {
                    return Err(error.into());
                }
            }
        }
        let end = feed.end().await?;
        let end = end.ok_or_else(|| TargetError::Failed("not all of the disk was read".to_owned()))?;
        let image = glance.need(&there.id).await?;
        let sums = sums.lock().unwrap_or_else(PoisonError::into_inner).clone();
        compare(image, end.bytes, &hex::encode(sums.0.finalize()), &hex::encode(sums.1.finalize()))
    }

    pub async fn undo(&self, fields: &Fields, object: &CloudObject) -> Result<(), TargetError> {
        let glance = self.glance(fields).await?;
        glance.remove(&object.key).await
    }

    pub async fn marked(&self, fields: &Fields, begin: &str) -> Result<Vec<(String, String)>, TargetError> {
        let glance = self.glance(fields).await?;
        let images = glance.list("visibility=all").await?;
        let marked = images.into_iter().filter_map(|image| Some((image.id, image.mark?)));
        Ok(marked.filter(|(_, mark)| mark.starts_with(begin)).collect())
    }

    fn is_second(&self) -> bool {
        self.account.text("keystoneVersion") == Some("v2.0")
    }

    fn keystone(&self, path: &str) -> String {
        let base = self.account.need("keystoneUrl").trim_end_matches('/');
        let version = if self.is_second() { "v2.0" } else { "v3" };
        let base = base.strip_suffix("/v3").or_else(|| base.strip_suffix("/v2.0")).unwrap_or(base);
        format!("{base}/{version}/{path}")
    }

    /// A token, and what came with it.
    async fn sign_in(&self, fields: &Fields) -> Result<SignedIn, TargetError> {
        let (login, password) = (self.account.need("login"), self.account.secret("password"));
        let doing = "signing in to keystone";
        let unreadable = |answer: &Answer| TargetError::from(answer.wrong("it holds no token".to_owned()));
        if self.is_second() {
            let address = self.keystone("tokens");
            let body = json!({"auth": {
                "tenantName": fields.get("tenantName"),
                "passwordCredentials": {"username": login, "password": password.expose_secret()},
            }});
            let answer = self.http.get(doing, |client| client.post(&address).json(&body)).await?;
            let body: Value = answer.json()?;
            let token = body.pointer("/access/token/id").and_then(Value::as_str);
            let token = token.and_then(sensitive).ok_or_else(|| unreadable(&answer))?;
            let access = &body["access"];
            let project = access["token"]["tenant"]["id"].as_str().unwrap_or_default().to_owned();
            return Ok(SignedIn { token, services: access["serviceCatalog"].clone(), project });
        }
        let domain = self.account.text("keystoneDomain").unwrap_or("Default");
        let identity = match self.account.text("applicationCredentialId") {
            Some(id) => {
                let secret = self.account.secret("applicationCredentialSecret");
                json!({"methods": ["application_credential"],
                       "application_credential": {"id": id, "secret": secret.expose_secret()}})
            }
            None => json!({"methods": ["password"],
                           "password": {"user": {"name": login, "domain": {"name": domain}, "password": password.expose_secret()}}}),
        };
        let mut auth = json!({"identity": identity});
        // An application credential is of one project already.
        if let (Some(project), None) =
            (fields.get("keystoneProject"), self.account.text("applicationCredentialId"))
        {
            let domain = fields.get("keystoneDomain").map_or(domain, String::as_str);
            auth["scope"] = json!({"project": {"name": project, "domain": {"name": domain}}});
        }
        let (address, body) = (self.keystone("auth/tokens"), json!({"auth": auth}));
        let answer = self.http.get(doing, |client| client.post(&address).json(&body)).await?;
        let token = sensitive(answer.header("x-subject-token")?).ok_or_else(|| unreadable(&answer))?;
        let body: Value = answer.json()?;
        let project = body["token"]["project"]["id"].as_str().unwrap_or_default().to_owned();
        Ok(SignedIn { token, services: body["token"]["catalog"].clone(), project })
    }

    /// The image service, for the project that the fields name.
    async fn glance(&self, fields: &Fields) -> Result<Glance, TargetError> {
        let SignedIn { token, services, project } = self.sign_in(fields).await?;
        let address = match self.account.text("glanceUrl") {
            Some(address) => address.to_owned(),
            None => image_service(&services).ok_or_else(|| {
                TargetError::NotOne(
                    "its catalogue names no image service: glanceUrl of the account says where it is"
                        .to_owned(),
                )
            })?,
        };
        let address = address.trim_end_matches('/');
        let address = address.strip_suffix("/v2").unwrap_or(address).to_owned();
        Ok(Glance {
            http: self.http.clone(),
            address,
            token: Mutex::new(token),
            account: self.clone(),
            fields: fields.clone(),
            project,
        })
    }
}

impl Glance {
    /// An image; none: it is not there.
    async fn image(&self, id: &str) -> Result<Option<Image>, TargetError> {
        let address = format!("{}/v2/images/{id}", self.address);
        let answer = self.ask("looking at the image", |client| client.get(&address)).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        Ok(Some(self.http.well(answer)?.json()?))
    }

    async fn need(&self, id: &str) -> Result<Image, TargetError> {
        let image = self.image(id).await?;
        image.ok_or_else(|| TargetError::Failed(format!("image {id} is not there any more")))
    }

    /// The project's own images of a name.
    async fn named(&self, name: &str) -> Result<Vec<Image>, TargetError> {
        let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
        let mut images = self.list(&format!("name={name}")).await?;
        // Others' public images have names, too.
        images.retain(|image| image.owner.as_ref() == Some(&self.project));
        Ok(images)
    }

    async fn list(&self, query: &str) -> Result<Vec<Image>, TargetError> {
        let (mut all, mut pages) = (Vec::new(), 0);
        let mut next = Some(format!("/v2/images?{query}"));
        while let Some(path) = next {
            let address = format!("{}{path}", self.address);
            let answer = self.ask("listing images", |client| client.get(&address)).await?;
            let page: Images = self.http.well(answer)?.json()?;
            all.extend(page.images);
            // One whose pages go round in a circle would be asked for ever.
            pages += 1;
            if pages > MOST_PAGES {
                return Err(answer_without_end(&self.address).into());
            }
            // It leads to the service itself, whatever it says.
            next = page.next.filter(|next| next.starts_with("/v2/images?"));
        }
        Ok(all)
    }

    async fn make(&self, image: &Value) -> Result<(), TargetError> {
        let address = format!("{}/v2/images", self.address);
        let answer = self.ask("making the image", |client| client.post(&address).json(image)).await?;
        // Made by a try whose answer was lost.
        if answer.status == StatusCode::CONFLICT {
            return Ok(());
        }
        self.http.well(answer).map(drop).map_err(TargetError::from)
    }

    async fn remove(&self, id: &str) -> Result<(), TargetError> {
        let address = format!("{}/v2/images/{id}", self.address);
        let answer = self.ask("removing the image", |client| client.delete(&address)).await?;
        if answer.status.is_success() || matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::GONE) {
            return Ok(());
        }
        // One that is being removed is refused in ways of its own.
        match self.image(id).await? {
            None => Ok(()),
            Some(_) => Err(self.http.refused(&answer).into()),
        }
    }

    async fn ask(
        &self,
        doing: &'static str,
        make: impl Fn(&Client) -> reqwest::RequestBuilder,
    ) -> Result<Answer, TargetError> {
        let token = self.token();
        let answer =
            self.http.ask(doing, |client| make(client).header("x-auth-token", token.clone())).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        // A disk may take longer than a token lasts.
        let token = self.account.sign_in(&self.fields).await?.token;
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token.clone();
        Ok(self.http.ask(doing, |client| make(client).header("x-auth-token", token.clone())).await?)
    }

    fn token(&self) -> HeaderValue {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What an image that nobody fills any more is told as.
    fn gone(&self, image: &Image) -> CallError {
        CallError::Refused {
            doing: "going on with an earlier try",
            address: self.address.clone(),
            status: 503,
            said: format!("image {} is {}", image.id, image.status),
        }
    }
}

/// What a list that never ends is told as.
fn answer_without_end(address: &str) -> CallError {
    let what = format!("it lists images on more than {MOST_PAGES} pages");
    CallError::Answer { doing: "listing images", address: address.to_owned(), what }
}

/// Removes the image that a try has made.
async fn discard(glance: &Glance, job: &Job<'_>) -> Result<(), TargetError> {
    for object in job.ledger.open().await? {
        glance.remove(&object.key).await?;
        job.ledger.removed(&object).await?;
    }
    Ok(())
}

/// Compares what the service says of an image with what was sent.
fn compare(image: Image, bytes: u64, md5: &str, sha512: &str) -> Result<Image, TargetError> {
    if image.status != "active" {
        return Err(TargetError::Failed(format!("the image is {}", image.status)));
    }
    let differs = |what, sent: &str, found: &str| {
        Err(TargetError::Differs { what, sent: sent.to_owned(), found: found.to_owned() })
    };
    match (&image.size, image.os_hash_algo.as_deref(), &image.os_hash_value, &image.checksum) {
        (Some(size), ..) if *size != bytes => differs("its length", &bytes.to_string(), &size.to_string()),
        (_, Some("sha512"), Some(found), _) if found != sha512 => differs("its SHA-512", sha512, found),
        (_, Some("sha512"), Some(_), _) => Ok(image),
        (_, _, _, Some(found)) if found != md5 => differs("its MD5", md5, found),
        (_, _, _, Some(_)) => Ok(image),
        _ => Err(TargetError::Failed("the service has no checksum of it that is known here".to_owned())),
    }
}

/// Whether what failed may work at the next try.
fn passes(error: &CallError) -> bool {
    match error {
        CallError::NoAnswer { .. } | CallError::Stalled { .. } => true,
        CallError::Refused { status, .. } => *status >= 500 || matches!(status, 408 | 409 | 410 | 429),
        CallError::Answer { .. } => false,
    }
}

fn disk_format(fields: &Fields) -> &str {
    fields.get("diskFormat").map_or("qcow2", String::as_str)
}

/// What the image service is told of an image.
fn describe(job: &Job<'_>, id: &str) -> Value {
    const GIB: u64 = 1 << 30;
    let image = job.image;
    let is_public = job.text("publicImage") == Some("true");
    let mut said = json!({
        "id": id,
        "name": job.need("displayName"),
        "disk_format": disk_format(job.fields),
        "container_format": "bare",
        "visibility": if is_public { "public" } else { "private" },
        "min_disk": image.virtual_size.div_ceil(GIB),
        "os_type": if image.is_windows() { "windows" } else { "linux" },
        "hw_disk_bus": "virtio",
        "hw_vif_model": "virtio",
        "hw_qemu_guest_agent": "yes",
        "ays_content": image.content.to_string(),
    });
    said[MARK] = job.ledger.mark().into();
    if image.needs_uefi() {
        said["hw_firmware_type"] = "uefi".into();
    }
    if image.is_windows() && image.disk.virtio != Some(true) {
        // It has no driver for what is faster.
        said["hw_disk_bus"] = "sata".into();
        said["hw_vif_model"] = "e1000".into();
    }
    if let Some(architecture) = &image.disk.architecture {
        said["architecture"] = architecture.as_str().into();
    }
    if let Some(os) = image.disk.os.as_deref().and_then(|os| os.split(' ').next()) {
        said["os_distro"] = os.to_lowercase().into();
    }
    if let Some(version) = &image.disk.os_version {
        said["os_version"] = version.as_str().into();
    }
    said
}

/// The public address of the image service, as either version of keystone lists services.
fn image_service(services: &Value) -> Option<String> {
    let service = services.as_array()?.iter().find(|service| service["type"] == IMAGE)?;
    let endpoints = service["endpoints"].as_array()?;
    let third = endpoints
        .iter()
        .find(|endpoint| endpoint["interface"] == "public")
        .and_then(|public| public["url"].as_str());
    let second = || endpoints.iter().find_map(|endpoint| endpoint["publicURL"].as_str());
    third.or_else(second).map(str::to_owned)
}

fn services_of(services: &Value) -> Vec<String> {
    let all = services.as_array().into_iter().flatten();
    all.filter_map(|service| service["type"].as_str().map(str::to_owned)).collect()
}
