//! Sign-in by OpenID Connect, at a real provider.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};

use crate::server::{call, serve};
use crate::support::Scene;
use crate::support::lab::{cache, mortal, run};

/// `oidc-provider`, as the registry of npm has it.
struct Provider {
    process: Child,
    /// Kept open, since it writes there all its life.
    _output: BufReader<ChildStdout>,
}

const URL: &str = "http://127.0.0.1:8471";
const SERVER: &str = "http://127.0.0.1:8470";

impl Provider {
    fn start() -> Self {
        let program = cache().join("openid-1/provider.mjs");
        let mut command = mortal("node");
        command.arg(program).args(["8471", &format!("{SERVER}/sign-in/callback")]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self { process: child, _output: said }
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A browser: it keeps cookies, and follows.
struct Browser(String);

impl Browser {
    fn new(scene: &Scene, name: &str) -> Self {
        Self(scene.lab.dir().join(name).display().to_string())
    }

    fn go(&self, url: &str, form: &[&str]) -> String {
        let mut arguments = vec!["-sS", "-L", "-b", &self.0, "-c", &self.0, "-w", "\n%{url_effective}"];
        form.iter().for_each(|field| arguments.extend(["--data-urlencode", field]));
        arguments.push(url);
        run("curl", &arguments)
    }

    /// Signs somebody in at the provider; what the server says then.
    fn sign_in(&self, who: &str) -> String {
        self.sign_in_for("token", who)
    }

    /// The same for a token, or for the portal.
    fn sign_in_for(&self, what: &str, who: &str) -> String {
        let page = self.go(&format!("{SERVER}/sign-in/{what}"), &[]);
        let (_, login) = page.rsplit_once('\n').unwrap();
        assert!(login.starts_with(&format!("{URL}/interaction/")), "{page}");
        let page = self.go(login, &["prompt=login", &format!("login={who}"), "password=any"]);
        let (_, consent) = page.rsplit_once('\n').unwrap();
        let page = self.go(consent, &["prompt=consent"]);
        page.rsplit_once('\n').unwrap().0.to_owned()
    }
}

#[test]
fn users_whose_address_a_provider_vouches_for_sign_in() {
    let mut scene = Scene::new();
    scene.ays.set("AYS_SECRET_OIDC", "of the client");
    let provider = Provider::start();
    let wrong = scene.ays.run(&[
        "serve",
        "--url",
        "http://ays.example.org",
        "--oidc-issuer",
        URL,
        "--oidc-client",
        "ays",
    ]);
    assert_eq!(wrong.code, Some(2), "{wrong:#?}");
    assert!(wrong.stderr.contains("neither https nor this machine"), "{wrong:#?}");
    let oidc = ["--url", SERVER, "--oidc-issuer", URL, "--oidc-client", "ays", "--oidc-secret", "oidc"];
    let served = serve(&scene.ays, &[&["--listen", "127.0.0.1:8470"], &oidc[..]].concat());
    scene.ays.succeeds(&["user", "add", "anna@example.org", "--role", "viewer"]);
    scene.ays.succeeds(&["user", "add", "unverified@example.org", "--role", "admin"]);

    let page = Browser::new(&scene, "anna").sign_in("anna@example.org");
    assert!(page.starts_with("anna@example.org is signed in until "), "{page}");
    let token = page.lines().find_map(|line| line.strip_prefix("export AYS_TOKEN=")).expect("a token");
    // It may what its user may, and no more.
    assert_eq!(call(&format!("{SERVER}/api/v1/images"), "GET", Some(token), None).0, 200);
    assert_eq!(call(&format!("{SERVER}/api/v1/users"), "GET", Some(token), None).0, 403);
    let tokens = scene.ays.succeeds(&["user", "tokens", "anna@example.org", "--json"]);
    assert!(tokens.contains("sign-in") && tokens.contains("viewer"), "{tokens}");

    // The portal has a session of the same user, and shows no token.
    let browser = Browser::new(&scene, "portal");
    assert!(browser.go(&format!("{SERVER}/images"), &[]).contains("href=\"/sign-in/provider\""));
    let page = browser.sign_in_for("provider", "anna@example.org");
    assert!(page.contains("<h1>Overview</h1>") && page.contains("anna@example.org"), "{page}");
    assert!(!page.contains("ays_"), "{page}");
    assert!(browser.go(&format!("{SERVER}/images"), &[]).contains("<h1>Images</h1>"));

    // Who is no user here, and whose address nobody has verified.
    let said = Browser::new(&scene, "nobody").sign_in("nobody@example.org");
    assert!(said.contains("nobody@example.org is no user here"), "{said}");
    let said = Browser::new(&scene, "unverified").sign_in("unverified@example.org");
    assert!(said.contains("has not verified that unverified@example.org is theirs"), "{said}");

    // Another one's browser cannot end what this one began, and nothing can be ended twice.
    let begun = Browser::new(&scene, "begun");
    let page = begun.go(&format!("{SERVER}/sign-in/token"), &[]);
    assert!(page.contains("/interaction/"), "{page}");
    let jar = fs::read_to_string(&begun.0).unwrap();
    let state =
        jar.lines().find(|line| line.contains("ays-sign-in")).unwrap().split('\t').next_back().unwrap();
    let callback = format!("{SERVER}/sign-in/callback?state={state}&code=made-up");
    let (status, said) = call(&callback, "GET", None, None);
    assert_eq!(status, 403, "{said}");
    assert!(said.contains("this browser did not begin"), "{said}");
    let said = begun.go(&callback, &[]);
    assert!(said.contains("the provider did not say who this is"), "{said}");
    let said = begun.go(&callback, &[]);
    assert!(said.contains("begin again at /sign-in"), "{said}");

    // Without the provider nobody signs in, and all else goes on.
    drop(provider);
    let (status, said) = call(&format!("{SERVER}/sign-in/token"), "GET", None, None);
    assert_eq!(status, 502, "{said}");
    assert_eq!(call(&format!("{SERVER}/api/v1/images"), "GET", Some(token), None).0, 200);
    assert!(!served.server.said().contains("of the client"));
}
