//! `ays serve`: the same commands through a server, who may what, what others read.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::time::{Duration, Instant};
use std::{fs, thread};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::images_by_hand::source;
use crate::support::disk::pattern;
use crate::support::lab::run;
use crate::support::truth::assert_true;
use crate::support::{Ays, Certificate, Running, Scene};

/// A server of the scene's environment, and the tokens of three users.
pub struct Served {
    pub server: Running,
    pub url: String,
    pub tokens: [String; 3],
}

const ROLES: [&str; 3] = ["viewer", "operator", "admin"];

pub fn serve(ays: &Ays, more: &[&str]) -> Served {
    let tokens = ROLES.map(|role| {
        let name = format!("{role}1");
        ays.succeeds(&["user", "add", &name, "--role", role]);
        ays.succeeds(&["user", "token", &name, "--for", "tests"]).trim().to_owned()
    });
    let listen = if more.contains(&"--listen") { &[][..] } else { &["--listen", "127.0.0.1:0"] };
    let server = ays.spawn(&[&["serve"], listen, more].concat());
    let url = listening(&server);
    Served { server, url, tokens }
}

/// The address that a server listens to, as soon as it does.
pub fn listening(server: &Running) -> String {
    let begun = Instant::now();
    loop {
        if let Some(url) = server.printed().lines().find_map(|line| line.strip_prefix("listening on ")) {
            return url.to_owned();
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", server.said());
        thread::sleep(Duration::from_millis(20));
    }
}

/// What a call answers: its status, its body.
pub fn call(url: &str, method: &str, token: Option<&str>, body: Option<&Value>) -> (u16, String) {
    let mut arguments = vec!["-sS", "-w", "\n%{http_code}", url];
    // Of an answer to HEAD, curl waits for the body where the method alone says that there is none.
    arguments.extend(if method == "HEAD" { vec!["--head"] } else { vec!["-X", method] });
    let bearer = token.map(|token| format!("Authorization: Bearer {token}"));
    bearer.iter().for_each(|bearer| arguments.extend(["-H", bearer]));
    let body = body.filter(|_| method != "HEAD").map(Value::to_string);
    if let Some(body) = &body {
        arguments.extend(["-H", "Content-Type: application/json", "-d", body]);
    }
    let said = run("curl", &arguments);
    let (text, status) = said.trim_end().rsplit_once('\n').unwrap();
    (status.parse().unwrap(), text.to_owned())
}

/// Another machine, with nothing but the server's address and a token.
fn elsewhere(scene: &Scene, url: &str, token: &str) -> Ays {
    let mut ays = scene.ays.another(&scene.lab, "elsewhere");
    ays.set("AYS_SERVER", url);
    ays.set("AYS_TOKEN", token);
    ays.leave_repository();
    ays
}

#[test]
fn commands_do_the_same_through_a_server() {
    let scene = Scene::new();
    scene.publish_x(1);
    let served = serve(&scene.ays, &[]);
    let there = elsewhere(&scene, &served.url, &served.tokens[1]);
    let install = ["install", "-n", "image_x", "--targetname", "n1"];
    let said = there.succeeds(&install);
    assert!(said.contains("image_x on n1: installed in"), "{said}");
    assert_true(&scene.ays, &scene.node, "x");
    assert_eq!(there.succeeds(&install), "image_x on n1: nothing to do, it is installed\n");
    for command in [
        &["image", "list"][..],
        &["image", "list", "--json"],
        &["image", "show", "x"],
        &["image", "show", "x", "--json"],
        &["image", "generations", "x"],
        &["stack", "list", "--json"],
        &["stack", "show", "n1"],
        &["where", "x", "--json"],
        &["runs", "--json"],
        &["audit", "--image", "x", "--json"],
        &["job", "list", "--json"],
        &["image", "availability", "x"],
        &["image", "disable", "x"],
        &["image", "enable", "x", "--json"],
        &["scrub"],
        &["node", "check"],
    ] {
        let (through, here) = (there.run(command), scene.ays.run(command));
        let changes = matches!(command[1..], ["disable" | "enable", ..]);
        assert_eq!(through.code, Some(0), "{command:?}: {through:#?}");
        // What is changed already is said in other words.
        if !changes && command[0] != "node" {
            assert_eq!(through, here, "{command:?}");
        }
    }
    // What is wrong is said in the same words, with the same exit code.
    for command in
        [&["image", "show", "y"][..], &["image", "undo", "x"], &["install", "-n", "image_y"], &["scrub", "y"]]
    {
        let (through, here) = (there.run(command), scene.ays.run(command));
        assert_ne!(here.code, Some(0), "{here:#?}");
        assert_eq!(through, here, "{command:?}");
    }
    // What is only done where the environment is changes nothing here either.
    let mut here = scene.ays.another(&scene.lab, "here");
    here.set("AYS_SERVER", &served.url);
    here.set("AYS_TOKEN", &served.tokens[2]);
    for command in [
        &["install", "-n", "image_x", "--data", "k:v"][..],
        &["image", "availability", "x", "--all", "--check", "true"],
        &["image", "export", "x", "x.raw"],
        &["image", "add", "ftp://me:secret@127.0.0.1/y", "--name", "y"],
        &["scrub", "--accept-new-host-key"],
        &["catalogue", "check"],
        &["user", "remove", "viewer1"],
        &["worker"],
    ] {
        let output = here.run(command);
        assert_eq!(output.code, Some(2), "{command:?}: {output:#?}");
        let why = if command.get(1) == Some(&"add") { "a job keeps no login" } else { "unset AYS_SERVER" };
        assert!(output.stderr.contains(why), "{command:?}: {output:#?}");
    }
    let output = there.run(&["job", "follow", "777"]);
    assert_eq!(output.code, Some(2), "{output:#?}");
    // An image by its address needs nothing of the environment's files.
    let source = source();
    let add = ["image", "add", source.as_str(), "--name", "by hand", "--size", "10", "--targetname", "n1"];
    let said = there.succeeds(&add);
    assert!(said.contains("by hand on n1: installed in"), "{said}");
    assert_true(&scene.ays, &scene.node, "by hand");
    let said = scene.ays.run(&[&add[..], &["-r", "--detach"]].concat());
    assert!(said.stderr.contains(" is queued") || said.stdout.contains(" is queued"), "{said:#?}");
    there.succeeds(&["image", "delete", "x", "--permanently", "--yes"]);
    let list = ["image", "list", "--all"];
    let all = there.succeeds(&list);
    assert!(all.contains("DESTROYED"), "{all}");
    assert_eq!(all, scene.ays.succeeds(&list));
    served.server.signal(Signal::SIGTERM);
    assert_eq!(served.server.wait().code, Some(0));
}

#[test]
fn a_file_that_is_sent_goes_on_where_it_stopped() {
    let scene = Scene::new();
    let served = serve(&scene.ays, &[]);
    let there = elsewhere(&scene, &served.url, &served.tokens[1]);
    let file = scene.lab.dir().join("debian.raw");
    let mut disk = fs::File::create(&file).unwrap();
    disk.set_len(512 << 20).unwrap();
    disk.write_all(&pattern(1, 510)).unwrap();
    disk.write_all(&[0x55, 0xaa]).unwrap();
    disk.seek(SeekFrom::Start(1 << 20)).unwrap();
    disk.write_all(&pattern(2, 1 << 20)).unwrap();
    let add =
        ["image", "add", file.to_str().unwrap(), "--name", "Debian 15", "--unverified", "--targetname", "n1"];
    let mut sending = there.spawn(&add);
    let uploads = || -> Value {
        let url = format!("{}/api/v1/uploads", served.url);
        serde_json::from_str(&call(&url, "GET", Some(&served.tokens[1]), None).1).unwrap()
    };
    let begun = Instant::now();
    while uploads()[0]["received"].as_u64().unwrap_or(0) == 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", sending.said());
        thread::sleep(Duration::from_millis(5));
    }
    sending.signal(Signal::SIGKILL);
    assert!(sending.wait_for_end(Duration::from_secs(10)));
    let left = uploads()[0].clone();
    let received = left["received"].as_u64().unwrap();
    assert!(0 < received && received < 512 << 20, "{left}");
    // Nobody else has it.
    let at = format!("{}/api/v1/uploads/{}", served.url, left["id"].as_str().unwrap());
    let tus =
        ["-sS", "-o", "/dev/null", "-w", "%{http_code}", "-X", "DELETE", "-H", "Tus-Resumable: 1.0.0", "-H"];
    let of_admin = format!("Authorization: Bearer {}", served.tokens[2]);
    assert_eq!(run("curl", &[&tus[..], &[&of_admin, &at]].concat()), "404");
    let said = there.succeeds(&add);
    assert!(said.contains("Debian 15 on "), "{said}");
    assert_true(&scene.ays, &scene.node, "Debian 15");
    let jobs: Value = serde_json::from_str(&there.succeeds(&["job", "list", "--json"])).unwrap();
    let url = format!("upload:{}", left["id"].as_str().unwrap());
    assert_eq!(jobs[0]["operation"]["url"], url, "it was one upload: {jobs}");
    assert_eq!(uploads(), json!([]), "it stays no longer than it is needed");
    // What is no image stays for another attempt, and says what it is.
    let letter = scene.lab.dir().join("letter.txt");
    fs::write(&letter, "Dear").unwrap();
    let refused = there.run(&["image", "add", letter.to_str().unwrap(), "--name", "y", "--targetname", "n1"]);
    assert_eq!(refused.code, Some(1), "{refused:#?}");
    assert!(refused.stderr.contains("it is text, not a disk image"), "{refused:#?}");
}

#[test]
fn what_others_changed_meanwhile_is_not_taken_back() {
    let scene = Scene::new();
    scene.publish_x(1);
    scene.succeeds(&[]);
    let served = serve(&scene.ays, &[]);
    let there = elsewhere(&scene, &served.url, &served.tokens[1]);
    let token = Some(served.tokens[1].as_str());
    let ask = |wanted: Value, seen: Value| {
        let asked = json!({"kind": "availability", "image": "x", "wanted": {"set": wanted}, "seen": seen});
        let (status, said) = call(&format!("{}/api/v1/jobs", served.url), "POST", token, Some(&asked));
        assert_eq!(status, 202, "{said}");
        let job: Value = serde_json::from_str(&said).unwrap();
        there.run(&["job", "follow", &job["job"].to_string()])
    };
    let refused = ask(json!([]), json!([]));
    assert_eq!(refused.code, Some(2), "{refused:#?}");
    assert!(
        refused.stderr.contains("somebody else has changed meanwhile where x is wanted: n1"),
        "{refused:#?}"
    );
    // The second does what the first has done, as a worker does that goes on.
    for _ in 0..2 {
        let done = ask(json!([]), json!(["n1"]));
        assert_eq!(done.code, Some(0), "{done:#?}");
    }
}

#[test]
fn who_may_what() {
    let scene = Scene::new();
    scene.publish_x(1);
    scene.succeeds(&[]);
    let served = serve(&scene.ays, &[]);
    let document: Value =
        serde_json::from_str(&call(&format!("{}/api/v1/openapi.json", served.url), "GET", None, None).1)
            .unwrap();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() > 20, "{paths:#?}");
    let mut calls = 0;
    for (path, methods) in paths {
        for method in methods.as_object().unwrap().keys() {
            let least = match (method.as_str(), path.as_str()) {
                (_, path) if path.contains("/users") || path.contains("/tokens") => 2,
                ("get", _) => 0,
                _ => 1,
            };
            let url = format!(
                "{}{}",
                served.url,
                path.replace("{image}", "x").replace("{stack}", "n1").replace(['{', '}'], "")
            );
            let method = method.to_uppercase();
            let body = (method != "GET").then(|| json!({}));
            assert_eq!(call(&url, &method, None, body.as_ref()).0, 401, "{method} {path}");
            assert_eq!(call(&url, &method, Some("ays_0"), body.as_ref()).0, 401, "{method} {path}");
            for (role, token) in served.tokens.iter().enumerate() {
                let (status, said) = call(&url, &method, Some(token), body.as_ref());
                assert_eq!(
                    status == 403,
                    role < least,
                    "{method} {path} as {}: {status} {said}",
                    ROLES[role]
                );
                assert!(status < 500, "{method} {path}: {status} {said}");
                calls += 1;
            }
        }
    }
    assert!(calls > 70, "{calls}");

    // A token that is taken back, and a user that is gone, let nobody in; a password does.
    scene.ays.succeeds(&["user", "revoke", "1"]);
    let me = format!("{}/api/v1/me", served.url);
    assert_eq!(call(&me, "GET", Some(&served.tokens[0]), None).0, 401);
    scene.ays.succeeds(&["user", "remove", "operator1"]);
    assert_eq!(call(&me, "GET", Some(&served.tokens[1]), None).0, 401);
    let weak = scene.ays.feed(&["user", "password", "viewer1"], "short\n");
    assert_eq!(weak.code, Some(2), "{weak:#?}");
    assert_eq!(scene.ays.feed(&["user", "password", "viewer1"], "correct horse battery\n").code, Some(0));
    let by_password = |password: &str| {
        run("curl", &["-sS", "-w", "%{http_code}", "-u", &format!("viewer1:{password}"), &me])
    };
    assert!(by_password("correct horse battery").ends_with("200"));
    for _ in 0..5 {
        let said = by_password("correct horse batterx");
        assert!(said.ends_with("401") && said.contains("lets nobody in"), "{said}");
    }
    // Who guesses has to wait.
    let said = by_password("correct horse battery");
    assert!(said.ends_with("401") && said.contains("too many wrong passwords"), "{said}");
    // Nothing of it is in the catalogue's file.
    let files = run("find", &[scene.ays.state().to_str().unwrap(), "-name", "catalogue.db*"]);
    let all: Vec<u8> = files.lines().flat_map(|file| fs::read(file).unwrap()).collect();
    assert!(all.len() > 10_000);
    for secret in ["correct horse battery", &served.tokens[2]] {
        assert!(!all.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret}");
    }
}

#[test]
fn the_portals_calls_have_their_names() {
    let scene = Scene::new();
    scene.publish_x(1);
    scene.succeeds(&[]);
    let served = serve(&scene.ays, &[]);
    let token = Some(served.tokens[1].as_str());
    let ask = |name: &str, body: Value| {
        call(&format!("{}/restmachine/cloudbroker/image/{name}", served.url), "POST", token, Some(&body))
    };
    let job = |(status, said): (u16, String)| {
        assert_eq!(status, 202, "{said}");
        let id = serde_json::from_str::<Value>(&said).unwrap()["job"].to_string();
        scene.ays.run(&["job", "follow", &id])
    };
    let offers = || {
        let offers = format!("{}/api/v1/stacks/n1/images", served.url);
        let (status, said) = call(&offers, "GET", Some(&served.tokens[0]), None);
        assert_eq!(status, 200, "{said}");
        serde_json::from_str::<Value>(&said).unwrap()["images"].as_array().unwrap().len()
    };
    assert_eq!(offers(), 1);
    assert_eq!(job(ask("updateNodes", json!({"imageId": 1, "enabledStacks": []}))).code, Some(0));
    assert_eq!(offers(), 0);
    assert_eq!(job(ask("updateNodes", json!({"imageId": 1, "enabledStacks": [1]}))).code, Some(0));
    assert_eq!(offers(), 1);
    assert_eq!(
        job(ask("delete", json!({"imageId": 1, "reason": "old", "permanently": false}))).code,
        Some(0)
    );
    // A deleted image can be neither enabled nor disabled.
    for name in ["enable", "disable"] {
        let (status, said) = ask(name, json!({"imageId": 1}));
        assert_eq!(status, 400, "{said}");
        let said: Value = serde_json::from_str(&said).unwrap();
        assert!(said["detail"].as_str().unwrap().contains("recycle bin"), "{said}");
    }
    assert_eq!(job(ask("restore", json!({"imageId": 1, "reason": "needed"}))).code, Some(0));
    assert_eq!(offers(), 1);
    assert_eq!(ask("updateNodes", json!({"imageId": 1, "enabledStacks": [77]})).0, 400);
    assert_eq!(ask("enable", json!({"imageId": 77})).0, 404);

    // The reader of docs/server.md: what is offered, and that it has not changed.
    let (_, code) = include_str!("../docs/server.md").split_once("```python\n").expect("a reader");
    let (code, _) = code.split_once("```").unwrap();
    let ask_twice = "import sys\ntag, names = offers(*sys.argv[1:4])\nprint(names, offers(*sys.argv[1:4], tag) == (tag, None))";
    let code = format!("{code}{ask_twice}");
    let read = run("python3", &["-c", &code, &served.url, "n1", &served.tokens[0]]);
    assert_eq!(read.trim(), "['x'] True");

    // createImage brings an image to a grid.
    let create = json!({"name": "created", "url": source(), "gid": 1});
    let followed = job(ask("createImage", create));
    assert_eq!(followed.code, Some(0), "{followed:#?}");
    assert_true(&scene.ays, &scene.node, "created");
    let secret = json!({"name": "y", "url": "ftp://me:secret@127.0.0.1/y", "gid": 1});
    let (status, said) = ask("createImage", secret);
    assert_eq!(status, 400, "{said}");
    assert!(said.contains("a job keeps no login"), "{said}");

    // What has not changed is not sent again.
    let offers = format!("{}/api/v1/stacks/n1/images", served.url);
    let bearer = format!("Authorization: Bearer {}", served.tokens[0]);
    let headers = run("curl", &["-sS", "-D", "-", "-o", "/dev/null", "-H", &bearer, &offers]);
    let tag = headers.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().trim().to_owned();
    let known = format!("If-None-Match: {tag}");
    let again =
        run("curl", &["-sS", "-o", "/dev/null", "-w", "%{http_code}", "-H", &bearer, "-H", &known, &offers]);
    assert_eq!(again, "304");
    let metrics = call(&format!("{}/metrics", served.url), "GET", Some(&served.tokens[0]), None).1;
    assert!(metrics.contains("ays_stack_offers{stack=\"n1\"} 2\n"), "{metrics}");
    assert!(metrics.contains("ays_copies{state=\"verified\"} 2\n"), "{metrics}");
    assert!(metrics.contains("ays_jobs{status=\"succeeded\"}"), "{metrics}");
    assert_eq!(call(&format!("{}/healthz", served.url), "GET", None, None), (200, "ok\n".to_owned()));
    assert_eq!(call(&format!("{}/readyz", served.url), "GET", None, None).0, 200);
}

#[test]
fn tls_is_by_files_that_may_change() {
    let scene = Scene::new();
    let certificate = Certificate::new(&scene.lab);
    let files = ["--tls-cert", &certificate.certificate_file(), "--tls-key", &certificate.key_file()];
    let output = scene.ays.run(&["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(output.code, Some(2), "{output:#?}");
    assert!(output.stderr.contains("--tls-cert"), "{output:#?}");
    let served = serve(&scene.ays, &files);
    assert!(served.url.starts_with("https://127.0.0.1:"), "{}", served.url);
    let asked = run(
        "curl",
        &["-sS", "--insecure", "-o", "/dev/null", "-w", "%{http_code}", &format!("{}/healthz", served.url)],
    );
    assert_eq!(asked, "200");

    // A new certificate is taken without a restart.
    let address = served.url.strip_prefix("https://").unwrap();
    let fingerprint = || {
        let ask =
            "openssl s_client -connect \"$1\" </dev/null 2>/dev/null | openssl x509 -noout -fingerprint";
        run("sh", &["-c", ask, "sh", address])
    };
    let before = fingerprint();
    let (key, certificate) = (certificate.key_file(), certificate.certificate_file());
    let new = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=new",
        "-keyout",
        &key,
        "-out",
        &certificate,
    ];
    run("openssl", &new);
    let begun = Instant::now();
    while fingerprint() == before {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", served.server.said());
        thread::sleep(Duration::from_millis(100));
    }
}
