//! Whole services: dependencies, processes, files from git, and what an uninstall leaves.

mod git_trees;
mod packages;
mod processes;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::{Lab, Node, Output, Scene};

const N1: [&str; 2] = ["--targetname", "n1"];

/// The service template `name`.
fn template(scene: &Scene, name: &str, service: &str) {
    scene.environment.write(&format!("servicetemplates/{name}/service.hrd"), service);
}

/// `web.export.1` of a text that the origin serves, to a path of the node.
fn export(scene: &Scene, text: &str, dest: &str) -> String {
    let file = dest.trim_start_matches('/').replace(['/', '$', '(', ')'], "-");
    fs::write(scene.origin.file(&file), text).unwrap();
    format!(
        "web.export.1 =\n    url:'http://{}',\n    source:'/{file}',\n    dest:'{dest}',\n\n",
        Lab::SOURCE
    )
}

fn on_n1(scene: &Scene, words: &[&str]) -> Output {
    scene.ays.run(&[words, &N1].concat())
}

#[test]
fn dependencies_come_first_each_once_with_their_answers() {
    let scene = Scene::new();
    let dest = "/opt/c/$(instance.word)";
    template(&scene, "c", &export(&scene, "c", dest));
    scene.environment.write("servicetemplates/c/instance.hrd", "word = @ASK type:str\n");
    let b = export(&scene, "b", "/opt/b") + "dependencies.1 =\n    name:'c',\n    args:'dep.args.c',\n\n";
    template(&scene, "b", &(b + "dep.args.c =\n    word:'$(instance.word)',\n"));
    scene.environment.write("servicetemplates/b/instance.hrd", "word = @ASK type:str\n");
    let a = export(&scene, "a", "/opt/a")
        + "dependencies.10 = 'c'\ndependencies.2 =\n    name:'b',\n    args:'word:$(instance.word)',\n\n";
    template(&scene, "a", &a);
    scene.environment.write("servicetemplates/a/instance.hrd", "word = @ASK type:str\n");

    let before = scene.node.files().len();
    let plan = scene.ays.succeeds(&[&["plan", "-n", "a", "--data", "word:hello"], &N1[..]].concat());
    assert!(plan.contains("  3. a\n    2. b\n      1. c\n    1. c\n"), "{plan}");
    let dot = scene.ays.succeeds(&[&["plan", "-n", "a", "--data", "word:hello", "--dot"], &N1[..]].concat());
    assert!(
        dot.starts_with("digraph services {") && dot.contains("s3 -> s2;") && dot.contains("s2 -> s1;"),
        "{dot}"
    );
    assert_eq!(scene.node.files().len(), before, "a plan changes nothing");

    let done = scene.ays.succeeds(&[&["install", "-n", "a", "--data", "word:hello"], &N1[..]].concat());
    let order: Vec<_> = ["c on n1: installed", "b on n1: installed", "a on n1: installed"]
        .map(|line| done.find(line).unwrap_or_else(|| panic!("{line}: {done}")))
        .into();
    assert!(order.is_sorted(), "{done}");
    for (path, text) in [("/opt/c/hello", "c"), ("/opt/b", "b"), ("/opt/a", "a")] {
        assert_eq!(fs::read_to_string(scene.node.path(path)).unwrap(), text);
    }
    let again = scene.ays.succeeds(&[&["install", "-n", "a"], &N1[..]].concat());
    assert_eq!(again.matches("nothing to do").count(), 3, "{again}");
    let single = scene.ays.succeeds(&[&["install", "-n", "a", "--single", "-r"], &N1[..]].concat());
    assert!(!single.contains("b on n1"), "{single}");
}

#[test]
fn a_file_answers_for_what_is_needed_and_a_parent_has_the_answers() {
    let scene = Scene::new();
    template(&scene, "c", &export(&scene, "c", "/opt/c/$(instance.word)"));
    scene.environment.write("servicetemplates/c/instance.hrd", "word = @ASK type:str\n");
    template(&scene, "a", &(export(&scene, "a", "/opt/a/$(instance.word)") + "dependencies.1 = 'c'\n"));
    scene.environment.write("servicetemplates/a/instance.hrd", "word = @ASK type:str\n");
    scene.environment.write("services/jumpscale__site__main/service.hrd", "");
    let output = on_n1(&scene, &["install", "-n", "a", "--data", "word:one"]);
    assert!(output.stderr.contains("servicetemplates/c/instance.hrd:1:1"), "{output:#?}");
    let seed = scene.lab.dir().join("seed.hrd");
    fs::write(&seed, "jumpscale.c.main.word = two\njumpscale.a.main.word = three\n").unwrap();
    let seed = seed.to_str().unwrap();
    let parent = "jumpscale__site__main";
    let install = ["install", "-n", "a", "--data", "word:one", "--hrdseed", seed, "--parent", parent];
    assert_eq!(on_n1(&scene, &install).code, Some(0));
    assert!(scene.node.path("/opt/c/two").is_file() && scene.node.path("/opt/a/one").is_file());
    let services = scene.environment.repo().join("services");
    assert!(services.join(parent).join("jumpscale__a__main/service.hrd").is_file());
    assert!(services.join("jumpscale__node.ssh__n1/jumpscale__c__main/service.hrd").is_file());
    // What was answered is known from now on.
    assert_eq!(on_n1(&scene, &["install", "-n", "a", "-r"]).code, Some(0));
    let wrong = [&install[..7], &["--parent", "jumpscale__nobody__main"]].concat();
    assert_eq!(on_n1(&scene, &wrong).code, Some(2));
}

#[test]
fn a_circle_is_printed_and_nothing_is_done() {
    let scene = Scene::new();
    template(&scene, "a", "dependencies.1 = 'b'\n");
    template(&scene, "b", "dependencies.1 = 'c'\n");
    template(&scene, "c", "dependencies.1 = 'a'\n");
    let output = on_n1(&scene, &["install", "-n", "a"]);
    assert_eq!(output.code, Some(3), "{output:#?}");
    assert!(output.stderr.contains("a -> b -> c -> a"), "{output:#?}");
    template(&scene, "a", "dependencies.1 = 'nobody'\n");
    let output = on_n1(&scene, &["install", "-n", "a"]);
    assert_eq!(output.code, Some(3), "{output:#?}");
    assert!(output.stderr.contains("no template is named `nobody`"), "{output:#?}");
}

#[test]
fn a_dependency_that_fails_stops_what_needs_it_and_nothing_else() {
    let scene = Scene::new();
    let bad = format!(
        "web.export.1 =\n    url:'http://{}',\n    source:'/none',\n    dest:'/opt/bad',\n",
        Lab::SOURCE
    );
    template(&scene, "bad", &bad);
    template(&scene, "good", &export(&scene, "good", "/opt/good"));
    template(&scene, "needs_bad", &(export(&scene, "x", "/opt/needs") + "dependencies.1 = 'bad'\n"));
    template(&scene, "all", "dependencies.1 = 'needs_bad'\ndependencies.2 = 'good'\n");
    let output = on_n1(&scene, &["install", "-n", "all"]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(output.stderr.contains("bad is needed, and was not installed"), "{output:#?}");
    assert!(scene.node.path("/opt/good").is_file());
    assert!(!scene.node.path("/opt/needs").exists());
    // When the cause is gone, the same command goes on.
    fs::write(scene.origin.file("none"), "now").unwrap();
    assert_eq!(on_n1(&scene, &["install", "-n", "all"]).code, Some(0));
    assert!(scene.node.path("/opt/needs").is_file());
}

/// A web server that serves `/srv/www` at port 8080.
fn web(scene: &Scene) {
    template(
        scene,
        "web",
        &(export(scene, "hello\n", "/srv/www/index.html")
            + "process.1 =\n    name:'httpd',\n    cmd:'busybox',\n    args:'httpd -f -p $(instance.port) -h /srv/www',\n    \
               ports:'$(instance.port)',\n    cwd:'/srv/www',\n    timeout_start:'10',\n    startupmanager:'tmux',\n\n\
               env.process.1 =\n    GREETING:'it is $(instance.port)',\n"),
    );
    scene.environment.write("servicetemplates/web/instance.hrd", "port = @ASK type:int default:8080\n");
}

fn answers(node: &Node) -> bool {
    node.exec("busybox wget -q -O - http://127.0.0.1:8080/ 2>/dev/null || true") == "hello\n"
}

fn is_up(scene: &Scene) -> bool {
    let output = on_n1(scene, &["status", "-n", "web", "--json"]);
    let services: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    let is_up = services[0]["isUp"].as_bool().unwrap();
    assert_eq!(output.code, Some(i32::from(!is_up)), "{output:#?}");
    is_up
}

#[test]
fn killed_anywhere_the_next_run_ends_as_without() {
    let scene = Scene::new();
    web(&scene);
    template(&scene, "all", &(export(&scene, "x", "/opt/x") + "dependencies.1 = 'web'\n"));
    let before = scene.node.everything();
    let install = [&["install", "-n", "all"], &N1[..]].concat();
    scene.ays.succeeds(&install);
    // What is run has other numbers each time.
    let plain = |mut all: BTreeMap<PathBuf, String>| {
        all.retain(|path, _| !path.ends_with("httpd.state") && !path.ends_with("httpd.log"));
        all
    };
    let installed = plain(scene.node.everything());
    let uninstall = |name: &str| {
        let output = on_n1(&scene, &["uninstall", "-n", name]);
        assert_eq!(output.code, Some(0), "{output:#?}");
    };
    for pause in [200, 400, 600, 800, 1200] {
        uninstall("all");
        uninstall("web");
        assert_eq!(scene.node.everything(), before);
        let running = scene.ays.spawn(&install);
        // The moment of the kill is what is tried.
        std::thread::sleep(Duration::from_millis(pause));
        // Here the controller, there all that runs on the node.
        if pause % 400 == 0 {
            scene.node.signal_all(Signal::SIGKILL);
        } else {
            running.signal(Signal::SIGKILL);
        }
        running.wait();
        scene.ays.succeeds(&install);
        assert_eq!(plain(scene.node.everything()), installed, "killed after {pause} ms");
        if pause % 400 == 0 {
            // What was killed when the install was done is started again, and not installed.
            scene.ays.succeeds(&["start", "--targetname", "n1"]);
        }
        assert!(is_up(&scene));
    }
    // An uninstall that was killed is gone on with too.
    for pause in [250, 500] {
        let running = scene.ays.spawn(&[&["uninstall", "-n", "web"], &N1[..]].concat());
        std::thread::sleep(Duration::from_millis(pause));
        running.signal(Signal::SIGKILL);
        running.wait();
        uninstall("web");
        uninstall("all");
        assert_eq!(scene.node.everything(), before, "killed after {pause} ms");
        scene.ays.succeeds(&install);
    }
}

#[test]
fn two_operators_wait_for_each_other() {
    let scene = Scene::new();
    web(&scene);
    let install = [&["install", "-n", "web", "-r"], &N1[..]].concat();
    let runs: Vec<_> = (0..3).map(|_| scene.ays.spawn(&install)).collect();
    for run in runs {
        let output = run.wait();
        assert_eq!(output.code, Some(0), "{output:#?}");
    }
    assert!(answers(&scene.node));
    let all = scene.node.processes();
    assert_eq!(
        all.iter().filter(|process| process.command.starts_with("busybox httpd")).count(),
        1,
        "{all:?}"
    );
}

#[test]
fn a_consumer_finds_its_producer() {
    let scene = Scene::new();
    fs::create_dir(scene.node.path("/opt")).unwrap();
    let write = |path: &str, text: &str| scene.environment.write(path, text);
    template(&scene, "mysql", "category = 'db'\n");
    write("servicetemplates/mysql/instance.hrd", "host = @ASK\n");
    template(&scene, "web", "");
    write(
        "servicetemplates/web/actions.py",
        "from JumpScale import j
class Actions(j.atyourservice.getActionsBaseClass()):
    def configure(self, serviceObj):
        db = serviceObj.getProducer('db')
        j.system.fs.writeFile('/opt/db', '%s %s' % (db.instance, db.hrd.get('instance.host')))
",
    );
    let install = ["install", "-n", "mysql", "-i", "two", "--data", "host:db2"];
    assert_eq!(on_n1(&scene, &install).code, Some(0));
    let wrong = on_n1(&scene, &["consume", "-n", "web", "--producer", "mysq"]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("mysql"), "{wrong:#?}");
    let done = on_n1(&scene, &["consume", "-n", "web", "--producer", "mysql:two"]);
    assert!(done.code == Some(0) && done.stdout.contains("mysql:two as db"), "{done:#?}");
    assert!(done.stdout.contains("wrote "), "{done:#?}");
    // The same again changes nothing; another one of the same category stands behind it.
    let again = on_n1(&scene, &["consume", "-n", "web", "--producer", "g8__mysql__two", "--category", "db"]);
    assert!(again.code == Some(0) && !again.stdout.contains("wrote "), "{again:#?}");
    assert_eq!(on_n1(&scene, &["consume", "-n", "web", "--producer", "mysql"]).code, Some(0));
    let installed = on_n1(&scene, &["install", "-n", "web"]);
    assert_eq!(installed.code, Some(0), "{installed:#?}");
    assert_eq!(fs::read_to_string(scene.node.path("/opt/db")).unwrap(), "two db2");
    let path = scene.ays.run(&["hrdpath", "-n", "web"]);
    let file = fs::read_to_string(path.stdout.trim()).unwrap_or_else(|_| panic!("{path:#?}"));
    assert!(file.contains("mysql:two") && file.contains("mysql:main"), "{file}");
}

#[test]
fn a_recipe_of_another_repository_becomes_one_of_this() {
    let (scene, other) = (Scene::new(), Scene::new());
    let write = |path: &str, text: &str| other.environment.write(path, text);
    write("servicetemplates/deep/redis/service.hrd", "dependencies.1 = 'base'\n");
    write("servicetemplates/deep/redis/actions.py", "print 1\n");
    write("servicetemplates/deep/redis/files/conf", "x\n");
    other.environment.commit();
    let url = other.environment.repo().display().to_string();
    let make = |name: &str| scene.ays.run(&["makelocal", "-n", name, "--url", &url]);
    let done = make("redis");
    assert!(
        done.code == Some(0) && done.stdout.contains("wrote   servicetemplates/redis/files/conf"),
        "{done:#?}"
    );
    for file in ["service.hrd", "actions.py", "files/conf"] {
        let read = |root: &std::path::Path| fs::read(root.join(file)).unwrap();
        assert_eq!(
            read(&scene.environment.repo().join("servicetemplates/redis")),
            read(&other.environment.repo().join("servicetemplates/deep/redis"))
        );
    }
    let plan = scene.ays.run(&["plan", "-n", "redis"]);
    assert!(plan.code == Some(3) && plan.stderr.contains("no template is named `base`"), "{plan:#?}");
    let again = make("redis");
    assert!(
        again.code == Some(2) && again.stderr.contains("there is a template `redis` already"),
        "{again:#?}"
    );
    let none = make("rediss");
    assert!(none.code == Some(2) && none.stderr.contains("redis"), "{none:#?}");
}
