//! An OpenStack cloud that keeps images: the real keystone and glance, at [`Lab::SOURCE`].

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

use serde_json::{Value, json};

use super::{
    http::{self, Answer},
    lab::{Lab, cache, mortal, run},
    service::{Service, Starting},
};

/// Who signs in, and into which project. Users and projects are all of the domain [`OpenStack::DOMAIN`].
#[derive(Debug, Clone)]
pub struct Login {
    pub user: String,
    pub password: String,
    pub project: String,
}

/// What a program signs in with instead of a user's password.
#[derive(Debug, Clone)]
pub struct ApplicationCredential {
    pub id: String,
    pub secret: String,
}

/// Keystone and glance, with two users: [`OpenStack::admin`] and [`OpenStack::publisher`].
pub struct OpenStack {
    work: PathBuf,
    _keystone: Service,
    /// None: it is stopped.
    glance: Option<Service>,
    /// By user: each sign-in takes a tenth of a second.
    tokens: Mutex<BTreeMap<String, String>>,
}

impl OpenStack {
    /// Where keystone is.
    pub const IDENTITY: &str = "http://10.199.0.2:5050/v3";
    /// Where glance is.
    pub const IMAGES: &str = "http://10.199.0.2:9292";
    /// The name of the domain of all users and projects; its identity is `default`.
    pub const DOMAIN: &str = "Default";
    /// The only region.
    pub const REGION: &str = "here";

    /// Starts both.
    pub fn start(lab: &Lab) -> Self {
        let template = cache().join("openstack-1/template");
        assert!(template.exists(), "{} is missing: run scripts/install-test-parts first", template.display());
        let work = lab.dir().join("openstack");
        run("cp", &["-a", template.to_str().unwrap(), work.to_str().unwrap()]);
        write_settings(&work, None);
        let (keystone, glance) = (begin_keystone(&work), begin_glance(&work));
        Self {
            _keystone: keystone.wait_for("WSGI app 0"),
            glance: Some(glance.wait_for(GLANCE_IS_READY)),
            work,
            tokens: Mutex::default(),
        }
    }

    /// The user who may do everything.
    pub fn admin() -> Login {
        login("admin", "of-admin", "admin")
    }

    /// A member of the project `disks`, who may publish images there.
    pub fn publisher() -> Login {
        login("publisher", "of-publisher", "disks")
    }

    /// Stops glance at once, as a machine that loses its power does.
    pub fn stop_images(&mut self) {
        if let Some(glance) = self.glance.take() {
            glance.stop();
        }
    }

    /// Starts glance again.
    pub fn start_images(&mut self) {
        self.stop_images();
        self.glance = Some(begin_glance(&self.work).wait_for(GLANCE_IS_READY));
    }

    /// Starts glance again, with so many bytes for all images of a project; more is refused with 413.
    pub fn limit_storage(&mut self, bytes: u64) {
        write_settings(&self.work, Some(bytes));
        self.start_images();
    }

    /// Has the catalogue name another place for glance: a proxy's.
    pub fn announce_images(&self, url: &str) {
        self.announce("image", url);
    }

    /// Has the catalogue name another place for keystone: a proxy's. Glance goes on to ask keystone itself.
    pub fn announce_identity(&self, url: &str) {
        self.announce("identity", url);
    }

    fn announce(&self, kind: &str, url: &str) {
        let services = self.identity("GET", &format!("/services?type={kind}"), None).json();
        let service = words(&services["services"][0]["id"]);
        let endpoints =
            self.identity("GET", &format!("/endpoints?service_id={service}&interface=public"), None).json();
        let endpoint = words(&endpoints["endpoints"][0]["id"]);
        let body = json!({"endpoint": {"url": url}});
        self.identity("PATCH", &format!("/endpoints/{endpoint}"), Some(&body));
    }

    /// A new token for this user and project; fails where keystone lets nobody in so.
    pub fn token(&self, login: &Login) -> String {
        let domain = json!({"name": Self::DOMAIN});
        let user = json!({"name": login.user, "password": login.password, "domain": domain});
        let body = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": login.project, "domain": domain}},
        }});
        let url = format!("{}/auth/tokens", Self::IDENTITY);
        let answer = http::send_json("POST", &url, &body, &[]).expect_success();
        answer.header("x-subject-token").unwrap().to_owned()
    }

    /// The header with which this user asks.
    fn authorization(&self, login: &Login) -> String {
        let mut tokens = self.tokens.lock().unwrap();
        let token = tokens.entry(login.user.clone()).or_insert_with(|| self.token(login));
        format!("X-Auth-Token: {token}")
    }

    /// A request of the admin's to keystone, which must succeed.
    fn identity(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let url = format!("{}{path}", Self::IDENTITY);
        self.authorized(method, &url, body).expect_success()
    }

    /// A request of the admin's to any service.
    fn authorized(&self, method: &str, url: &str, body: Option<&Value>) -> Answer {
        let authorization = self.authorization(&Self::admin());
        let more = ["-H", authorization.as_str()];
        match body {
            Some(body) => http::send_json(method, url, body, &more),
            None => http::request(method, url, &more),
        }
    }

    /// All images of all projects, the oldest first.
    pub fn images(&self) -> Vec<Value> {
        let url = format!("{}/v2/images?limit=1000&sort=created_at:asc", Self::IMAGES);
        let answer = self.authorized("GET", &url, None).expect_success().json();
        answer["images"].as_array().unwrap().clone()
    }

    /// An image, where there is one.
    pub fn image(&self, id: &str) -> Option<Value> {
        let answer = self.authorized("GET", &format!("{}/v2/images/{id}", Self::IMAGES), None);
        (answer.status != 404).then(|| answer.expect_success().json())
    }

    /// Writes the data of an image into a file.
    pub fn download_image(&self, id: &str, to: &Path) {
        let authorization = self.authorization(&Self::admin());
        let url = format!("{}/v2/images/{id}/file", Self::IMAGES);
        assert_eq!(http::download(&url, &["-H", &authorization], to), 200, "{url}");
    }

    /// A request to glance with the rights of this user: the path begins with `/v2/`.
    pub fn call_images(&self, login: &Login, method: &str, path: &str, more: &[&str]) -> Answer {
        let authorization = self.authorization(login);
        let url = format!("{}{path}", Self::IMAGES);
        http::request(method, &url, &[&["-H", &authorization], more].concat())
    }

    /// A new user, with a role (`reader`: may look only; `member`: may publish) in the project of `login`, or with none:
    /// then keystone does not let them in there.
    pub fn create_user(&self, login: &Login, role: Option<&str>) {
        let user = json!({"user": {
            "name": login.user, "password": login.password, "domain_id": "default",
        }});
        let user = words(&self.identity("POST", "/users", Some(&user)).json()["user"]["id"]);
        let Some(role) = role else { return };
        let projects = self.identity("GET", &format!("/projects?name={}", login.project), None).json();
        let project = words(&projects["projects"][0]["id"]);
        let roles = self.identity("GET", &format!("/roles?name={role}"), None).json();
        let role = words(&roles["roles"][0]["id"]);
        self.identity("PUT", &format!("/projects/{project}/users/{user}/roles/{role}"), None);
    }

    /// A new application credential with the rights of this user.
    pub fn create_application_credential(&self, login: &Login, name: &str) -> ApplicationCredential {
        let token = self.token(login);
        let (token, subject) = (format!("X-Auth-Token: {token}"), format!("X-Subject-Token: {token}"));
        let headers = ["-H", token.as_str(), "-H", subject.as_str()];
        let url = format!("{}/auth/tokens", Self::IDENTITY);
        let about = http::request("GET", &url, &headers).expect_success().json();
        let user = words(&about["token"]["user"]["id"]);
        let url = format!("{}/users/{user}/application_credentials", Self::IDENTITY);
        let body = json!({"application_credential": {"name": name}});
        let made = http::send_json("POST", &url, &body, &headers[..2]).expect_success().json();
        let made = &made["application_credential"];
        ApplicationCredential { id: words(&made["id"]), secret: words(&made["secret"]) }
    }
}

fn login(user: &str, password: &str, project: &str) -> Login {
    Login { user: user.to_owned(), password: password.to_owned(), project: project.to_owned() }
}

fn words(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// What differs between tests. Glance reads a file of this name before its own.
fn write_settings(work: &Path, storage: Option<u64>) {
    let limit = storage.map(|bytes| format!("[DEFAULT]\nuser_storage_quota = {bytes}\n")).unwrap_or_default();
    // For imports these must be absolute.
    let [staging, tasks] = ["staging", "tasks"].map(|name| {
        let place = work.join(name);
        format!("[os_glance_{name}_store]\nfilesystem_store_datadir = {}\n", place.display())
    });
    fs::write(work.join("glance-image-import.conf"), [limit, staging, tasks].concat()).unwrap();
}

/// What gunicorn.conf.py prints.
const GLANCE_IS_READY: &str = "glance is ready";

fn begin_keystone(work: &Path) -> Starting {
    let (venv, address) = (cache().join("openstack-1"), format!("{}:5050", Lab::SOURCE));
    let mut command = program(work, "uwsgi");
    command
        .args(["--http-socket", &address, "--module", "keystone.wsgi.api:application", "--need-app"])
        // Without it a client sends a request again whose connection ended, and keystone would do it twice.
        .args(["--add-header", "Connection: close", "--enable-threads", "--threads", "4"])
        .arg("--virtualenv")
        .arg(venv)
        .env("OS_KEYSTONE_CONFIG_DIR", ".");
    Service::begin(command)
}

fn begin_glance(work: &Path) -> Starting {
    let mut command = program(work, "gunicorn");
    command
        .args(["--config", "gunicorn.conf.py", "glance.wsgi.api:application"])
        .env("OS_GLANCE_CONFIG_DIR", ".");
    Service::begin(command)
}

fn program(work: &Path, name: &str) -> Command {
    let mut command = mortal(cache().join("openstack-1/bin").join(name));
    command.current_dir(work).env("PYTHONWARNINGS", "ignore");
    command
}
