//! Who is let in and may do what; texts of others are texts; nothing but these pages sends forms.

use super::{PASSWORD, Portal, add_users, serve};
use crate::support::lab::run;
use crate::support::{Many, Scene};

/// What would run in a page that takes it for markup.
const EVIL: &str = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>";

#[test]
fn texts_of_others_are_texts() {
    let scene = Scene::new();
    let name = "<img src=x onerror=window.hacked=1>";
    scene.publish_x(1);
    let actions = "servicetemplates/image_x/actions.py";
    let text = std::fs::read_to_string(scene.environment.repo().join(actions)).unwrap();
    scene.environment.write(actions, &text.replace("'x',", &format!("'{name}',")));
    scene.environment.commit();
    scene.succeeds(&[]);
    for (option, text) in [("--description", EVIL), ("--category", name), ("--username", EVIL)] {
        scene.ays.succeeds(&["image", "edit", "1", option, text, "--reason", EVIL]);
    }
    scene
        .environment
        .write(&format!("servicetemplates/{name}/service.hrd"), &format!("a.b = '{EVIL}'\n{EVIL}\n"));
    scene.environment.write(&format!("servicetemplates/{name}/actions.py"), &format!("# {EVIL}\n"));
    let node = format!("services/jumpscale__node.ssh__{name}/service.hrd");
    scene.environment.write(&node, &format!("service.category = 'node'\ninstance.ip = \"{EVIL}\"\n"));
    scene.environment.commit();
    scene.ays.run(&["install", "-n", name, "--targetname", name, "--detach"]);
    scene.ays.run(&["stack", "maintenance", "n1", "--reason", EVIL]);
    let portal = Portal::start(&scene.lab, &scene.ays, "admin");
    let browser = &portal.browser;
    portal.go("/nodes");
    browser.click(".heading button");
    browser.wait("document.querySelector('#status')?.textContent.match(/succeeded|failed/)");
    let encoded = "%3Cimg%20src%3Dx%20onerror%3Dwindow.hacked%3D1%3E";
    let recipe = format!("/recipes/{encoded}");
    let search = format!("/images?search={encoded}&in-name={encoded}&sort={encoded}&page={encoded}");
    let stack = format!("/stacks/{encoded}");
    let to = format!("/sign-in?to={encoded}");
    for path in [
        "/",
        "/images",
        "/images/1",
        "/images/1/availability",
        "/images/1/edit",
        "/images/1/change/delete",
        "/images/1/generations",
        "/images/new",
        "/matrix",
        "/stacks",
        "/stacks/n1",
        "/nodes",
        "/recipes",
        &recipe,
        "/jobs",
        "/jobs/1",
        "/jobs/2",
        "/audit",
        "/users",
        &search,
        &stack,
        &to,
        "/schedules",
        "/images/%3Cimg%20src%3Dx%3E",
    ] {
        portal.go(path);
        let markup = "return [window.hacked, document.querySelectorAll('[onerror], img[src=x], script:not([src])').length]";
        assert_eq!(browser.script(markup), serde_json::json!([null, 0]), "{path}");
    }
    portal.go("/images/1");
    assert_eq!(browser.text("h1"), format!("Image: {name}"));
    portal.go(&recipe);
    assert!(browser.text(".source").contains("<script>"), "{}", browser.text("main"));
}

#[test]
fn what_one_may_not_do_is_not_offered_and_refused_when_sent() {
    let scene = Many::new(1, 1);
    scene.succeeds(&["--all"]);
    let portal = Portal::start(&scene.lab, &scene.ays, "viewer");
    let browser = &portal.browser;
    for (path, offered) in [
        ("/images", 0),
        ("/images/1", 0),
        ("/nodes", 0),
        ("/stacks/n1", 0),
        ("/recipes/image_x", 0),
        ("/schedules", 0),
    ] {
        portal.go(path);
        let forms = browser.script("return document.querySelectorAll('main form[method=post], #choose-action, main [role=button]').length");
        assert_eq!(forms, offered, "{path}");
    }
    assert!(!browser.text(".places").contains("Users"));
    let send = |path: &str, proof: &str| {
        browser.script(&format!(
            "const request = new XMLHttpRequest(); request.open('POST', {path:?}, false);
             request.setRequestHeader('Content-Type', 'application/x-www-form-urlencoded');
             request.send('to=maintenance&node=n1&stack=1&proof=' + {proof}); return request.status"
        ))
    };
    let own = "document.querySelector('.sign-out [name=proof]').value";
    for path in [
        "/images/1/availability",
        "/images/1/edit",
        "/images/1/change/disable",
        "/stacks/n1",
        "/nodes/check",
        "/recipes/image_x",
        "/schedules",
        "/needs/heal",
        "/users/add",
    ] {
        assert_eq!(send(path, own), 403, "{path}");
    }
    portal.go("/users");
    assert!(browser.text("main").contains("only an admin may do this"));
    assert!(scene.ays.json(&["job", "list"]).as_array().unwrap().is_empty());

    // An operator's form counts, and one without its proof does not.
    portal.go("/");
    portal.sign_out();
    portal.sign_in("operator");
    assert_eq!(send("/stacks/n1", "''"), 403);
    assert_eq!(send("/stacks/n1", "'0'.repeat(64)"), 403);
    assert!(scene.ays.json(&["job", "list"]).as_array().unwrap().is_empty());
    assert_eq!(send("/stacks/n1", own), 200);
    assert_eq!(scene.ays.json(&["job", "list"]).as_array().unwrap().len(), 1);
}

/// What curl is answered: status line, headers and body.
fn curl(more: &[&str]) -> String {
    run("curl", &[&["-sS", "-i"][..], more].concat())
}

#[test]
fn sessions_end_and_attempts_are_limited() {
    let scene = Scene::new();
    add_users(&scene.ays);
    let (_server, url) = serve(&scene.ays, "127.0.0.1:0");
    let jar = scene.lab.dir().join("jar");
    let jar = jar.to_str().unwrap();
    let field = |page: &str, name: &str| {
        let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\"")).expect(name);
        rest.split('"').next().unwrap().to_owned()
    };
    let at = |path: &str| format!("{url}{path}");
    // Nobody gets in, and is led back to where they wanted to go.
    let away = curl(&[&at("/images?search=a")]);
    assert!(
        away.starts_with("HTTP/1.1 303") && away.contains("location: /sign-in?to=%2Fimages%3Fsearch%3Da"),
        "{away}"
    );
    let sign_in = |password: &str| {
        let page = curl(&["-b", jar, "-c", jar, &at("/sign-in?to=//example.org")]);
        let (proof, to) = (field(&page, "proof"), field(&page, "to"));
        assert_eq!(to, "/");
        let fields = [
            format!("proof={proof}"),
            format!("to={to}"),
            "user=operator".to_owned(),
            format!("password={password}"),
        ];
        let mut arguments = vec!["-b", jar, "-c", jar];
        fields.iter().for_each(|field| arguments.extend(["--data-urlencode", field]));
        let to = at("/sign-in");
        arguments.push(&to);
        curl(&arguments)
    };
    let without = curl(&["-d", &format!("user=operator&password={PASSWORD}"), &at("/sign-in")]);
    assert!(without.starts_with("HTTP/1.1 403"), "{without}");
    let said = sign_in(PASSWORD);
    assert!(said.starts_with("HTTP/1.1 303"), "{said}");
    let cookie =
        said.lines().find(|line| line.starts_with("set-cookie: ays=")).expect("a session").to_owned();
    for word in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
        assert!(cookie.contains(word), "{cookie}");
    }
    let page = curl(&["-b", jar, &at("/")]);
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    let policy = page.lines().find(|line| line.starts_with("content-security-policy: ")).unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    // The catalogue's file does not have the cookie's secret.
    let secret = cookie.split(['.', ';']).nth(1).unwrap().trim_start_matches("ays_").to_owned();
    for file in std::fs::read_dir(scene.ays.state()).unwrap() {
        let file = file.unwrap().path();
        let held = file.is_file()
            && std::fs::read(&file).unwrap().windows(secret.len()).any(|part| part == secret.as_bytes());
        assert!(!held, "{}", file.display());
    }
    // After the sign-out the same cookie is nobody's.
    let copied = std::fs::read_to_string(jar).unwrap();
    let proof = format!("proof={}", field(&page, "proof"));
    assert!(curl(&["-b", jar, "-d", &proof, &at("/sign-out")]).starts_with("HTTP/1.1 303"));
    std::fs::write(jar, copied).unwrap();
    assert!(curl(&["-b", jar, &at("/")]).starts_with("HTTP/1.1 303"));

    for _ in 0..5 {
        assert!(sign_in("wrong").starts_with("HTTP/1.1 401"));
    }
    let waits = sign_in(PASSWORD);
    assert!(waits.starts_with("HTTP/1.1 429") && waits.contains("Too many wrong passwords"), "{waits}");
}
