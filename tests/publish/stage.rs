//! An image, a service that it goes to, and a proxy before that, which has chosen requests fail.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::{assert_nothing_to_recover, create_accounts, publish, publish_well, words};
use crate::support::{Door, FaultProxy, Lab, OpenStack, Output, ProxyFault, Registry, Running, Scene};

/// What the account `cloud` leads to.
enum Service {
    /// What it holds is looked at where it lies.
    Registry {
        _registry: Registry,
    },
    OpenStack(OpenStack),
}

/// The image `x` on a node, a service, and a proxy before each of its addresses.
pub(super) struct Stage {
    pub scene: Scene,
    service: Service,
    pub proxies: Vec<FaultProxy>,
}

/// A request of a publication: by which proxy, which of those that come there, and whether the service changes by it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub proxy: usize,
    pub number: usize,
    pub changes: bool,
}

/// When `ays` is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Killed {
    /// The service has not seen the request.
    Before,
    /// The service has done it, and nobody has heard of that.
    After,
}

impl Stage {
    pub fn registry(seed: u64) -> Self {
        let scene = Self::scene(seed);
        let registry = Registry::start_with_deletion(&scene.lab, 5000, &Door::Open);
        Self::before(scene, registry)
    }

    /// With a registry as Distribution starts where nobody has said that it may remove something.
    pub fn registry_that_keeps_all(seed: u64) -> Self {
        let scene = Self::scene(seed);
        let registry = Registry::start(&scene.lab);
        Self::before(scene, registry)
    }

    fn before(scene: Scene, registry: Registry) -> Self {
        let proxy = FaultProxy::start(Lab::CONTROLLER, 0, registry.host());
        let account = format!(
            "type = 'docker'\nname = 'cloud'\nendpointUrl = '{}'\nlogin = 'pub'\npassword = 'pub1234'\n",
            proxy.url()
        );
        create_accounts(&scene, "cloud.toml", &account);
        Self { scene, service: Service::Registry { _registry: registry }, proxies: vec![proxy] }
    }

    pub fn openstack(seed: u64) -> Self {
        let scene = Self::scene(seed);
        let cloud = OpenStack::start(&scene.lab);
        let proxies = [OpenStack::IDENTITY, OpenStack::IMAGES].map(|url| {
            let server = url.strip_prefix("http://").unwrap().trim_end_matches("/v3");
            FaultProxy::start(Lab::CONTROLLER, 0, server)
        });
        let publisher = OpenStack::publisher();
        let account = format!(
            "type = 'openstack'\nname = 'cloud'\nkeystoneUrl = '{}'\nglanceUrl = '{}'\nlogin = '{}'\npassword = '{}'\n",
            proxies[0].url(),
            proxies[1].url(),
            publisher.user,
            publisher.password
        );
        create_accounts(&scene, "cloud.toml", &account);
        Self { scene, service: Service::OpenStack(cloud), proxies: proxies.into() }
    }

    /// The id and the secret of what signs in to the cloud in place of the account's user.
    pub fn application_credential(&self) -> (String, String) {
        let Service::OpenStack(cloud) = &self.service else { panic!("a registry has none") };
        let made = cloud.create_application_credential(&OpenStack::publisher(), "for-ays");
        (made.id, made.secret)
    }

    fn scene(seed: u64) -> Scene {
        let scene = Scene::new();
        scene.publish_x(seed);
        scene.succeeds(&[]);
        scene
    }

    /// The fields of a publication that nothing else is in the way of.
    fn fields(&self, name: &str) -> Vec<String> {
        match self.service {
            Service::Registry { .. } => {
                vec!["as=artifact".into(), "namespace=disks".into(), format!("repositoryName={name}")]
            }
            Service::OpenStack(_) => vec!["keystoneProject=disks".into(), format!("displayName={name}")],
        }
    }

    pub fn publish(&self, name: &str, more: &[&str]) -> Output {
        let fields = self.fields(name);
        publish(&self.scene, "cloud", &fields.iter().map(String::as_str).collect::<Vec<_>>(), more)
    }

    pub fn publish_well(&self, name: &str) {
        let fields = self.fields(name);
        publish_well(&self.scene, "cloud", &fields.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    }

    pub fn spawn(&self, name: &str, more: &[&str]) -> Running {
        let fields = self.fields(name);
        let fields: Vec<_> = fields.iter().map(String::as_str).collect();
        self.scene.ays.spawn(&words("cloud", &fields, more))
    }

    /// All requests of a publication.
    pub fn places(&self) -> Vec<Place> {
        let before = self.counts();
        self.publish_well("good");
        let mut places = Vec::new();
        for (proxy, first) in before.into_iter().enumerate() {
            let requests = self.proxies[proxy].requests().split_off(first);
            places.extend((1..).zip(requests).map(|(number, request)| {
                // Who signs in changes nothing.
                let is_read = matches!(request.method.as_str(), "GET" | "HEAD");
                let changes = !is_read && !request.path.ends_with("/auth/tokens");
                Place { proxy, number, changes }
            }));
        }
        places
    }

    /// What is at the service under this name, told by the service itself.
    pub fn found(&self, name: &str) -> Vec<String> {
        match &self.service {
            Service::Registry { .. } => {
                let top = "artifacts/docker/registry/v2/repositories/disks";
                entries(&self.scene.lab.dir().join(top).join(name))
            }
            Service::OpenStack(cloud) => {
                let mut images = cloud.images();
                images.retain(|image| image["name"] == name);
                images.iter().map(|image| image["status"].as_str().unwrap().to_owned()).collect()
            }
        }
    }

    /// That one image is there, and nothing else.
    pub fn assert_once(&self, name: &str, after: &str) {
        let expected: &[&str] = match &self.service {
            Service::Registry { .. } => &["blob", "blob", "manifest", "tag"],
            Service::OpenStack(_) => &["active"],
        };
        self.assert_found(name, after, expected);
    }

    /// That nothing is there.
    pub fn assert_nothing(&self, name: &str, after: &str) {
        self.assert_found(name, after, &[]);
    }

    fn assert_found(&self, name: &str, after: &str, expected: &[&str]) {
        assert_eq!(self.found_after(name, after), expected, "after {after}");
    }

    /// What is there, and could have been removed.
    pub fn found_after(&self, name: &str, after: &str) -> Vec<String> {
        let mut found = self.found(name);
        found.retain(|what| what != "upload" || !leaves_upload(after));
        found
    }

    /// What the request is, for whoever reads of its failure.
    pub fn request(&self, place: Place, first: &[usize]) -> String {
        let requests = self.proxies[place.proxy].requests();
        let request = &requests[first[place.proxy] + place.number - 1];
        format!("{} {}", request.method, request.path)
    }

    pub fn counts(&self) -> Vec<usize> {
        self.proxies.iter().map(|proxy| proxy.count("", "")).collect()
    }

    /// Publishes under this name, and kills that at a request; what the request was.
    pub fn kill(&self, name: &str, place: Place, when: Killed) -> String {
        let proxy = &self.proxies[place.proxy];
        let first = self.counts();
        let stalled = match when {
            Killed::Before => place.number,
            Killed::After => {
                proxy.fail("", "", place.number..=place.number, ProxyFault::LoseAnswer);
                place.number + 1
            }
        };
        proxy.fail("", "", stalled.., ProxyFault::Stall);
        let run = self.spawn(name, &[]);
        let has_come = || proxy.count("", "") - first[place.proxy] >= stalled;
        self.kill_when(run, Signal::SIGKILL, has_come);
        proxy.heal();
        self.request(place, &first)
    }

    /// Sends a signal to a run once something is so; how it ended.
    pub fn kill_when(&self, mut run: Running, signal: Signal, is_so: impl Fn() -> bool) -> Output {
        self.wait_until(&mut run, is_so);
        run.signal(signal);
        run.wait()
    }

    /// Waits until something is so, which must be before the run has ended.
    pub fn wait_until(&self, run: &mut Running, is_so: impl Fn() -> bool) {
        let since = Instant::now();
        while !is_so() {
            let said = run.said();
            assert!(!run.has_ended() && since.elapsed() < Duration::from_secs(60), "{said}");
            // The proxy tells nobody what has come.
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Runs `ays` again until it does not say any more that somebody is at it: whoever was killed is taken for dead after 8 s.
    pub fn when_free(&self, run: impl Fn() -> Output, taken: &str) -> Output {
        let since = Instant::now();
        loop {
            let output = run();
            if !output.stdout.contains(taken) && !output.stderr.contains(taken) {
                return output;
            }
            assert!(since.elapsed() < Duration::from_secs(30), "{output:#?}");
            // Nothing tells when a lock is free.
            thread::sleep(Duration::from_millis(500));
        }
    }

    /// Ends what was killed; to do so again does nothing more.
    pub fn recover(&self) {
        let recovered = self.when_free(|| self.scene.ays.run(&["recover"]), "is left alone");
        assert_eq!(recovered.code, Some(0), "{recovered:#?}");
        let removed = || self.proxies.iter().map(|proxy| proxy.count("DELETE", "")).sum::<usize>();
        let before = removed();
        assert_nothing_to_recover(&self.scene);
        assert_eq!(removed(), before);
    }

    /// So that there is time for something while a disk is sent: it takes seconds.
    pub fn send_slowly(&self) {
        self.scene.node.limit_rate(4);
    }

    /// How often half of a disk was on its way so far.
    pub fn sendings(&self) -> usize {
        let requests = self.proxies.iter().flat_map(FaultProxy::requests);
        let is_disk = |method: &str| matches!(method, "PATCH" | "PUT");
        requests.filter(|request| is_disk(&request.method) && request.body_length > 500_000).count()
    }
}

/// What a registry keeps of a repository: links to blobs and manifests, tags, and uploads that have not ended.
fn entries(repository: &Path) -> Vec<String> {
    let list = |directory: &str| {
        let entries = fs::read_dir(repository.join(directory)).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
    };
    let has_link = |path: &&PathBuf| path.join("link").exists() || path.join("current/link").exists();
    let mut found = Vec::new();
    for (directory, what) in
        [("_layers/sha256", "blob"), ("_manifests/revisions/sha256", "manifest"), ("_manifests/tags", "tag")]
    {
        let linked = list(directory);
        found.extend(linked.iter().filter(has_link).map(|_| what.to_owned()));
    }
    // It leaves the directories of an upload that was removed.
    let uploads = list("_uploads").into_iter().filter(|upload| upload.join("data").exists());
    found.extend(uploads.map(|_| "upload".to_owned()));
    found
}

/// Whether an upload may be there that nobody can remove. Distribution gives each upload an address that says how many bytes it
/// has, and knows no other: where that answer does not come, it removes the upload itself, after a week.
fn leaves_upload(after: &str) -> bool {
    let is_upload = after.starts_with("POST ") || after.starts_with("PATCH ");
    after == KILLED_WHILE_SENDING || is_upload && after.ends_with("lost")
}

pub(super) const KILLED_WHILE_SENDING: &str = "it was killed while it sent";
