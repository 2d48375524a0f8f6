//! Whole services: dependencies, processes, files from git, and what an uninstall leaves.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use crate::support::git_server::GitServer;
use crate::support::lab::run;
use crate::support::{Kind, Lab, Node, Output, Scene};

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
fn a_process_is_started_outlives_the_connection_and_is_started_again() {
    let scene = Scene::new();
    web(&scene);
    let before = scene.node.everything();
    let done = scene.ays.succeeds(&[&["install", "-n", "web"], &N1[..]].concat());
    assert!(done.contains("web on n1: start: httpd: runs"), "{done}");
    assert!(answers(&scene.node) && is_up(&scene));
    let processes = || {
        let mut all = scene.node.processes();
        all.retain(|process| process.command.starts_with("busybox httpd"));
        all
    };
    let first = processes();
    assert_eq!(first.len(), 1, "{first:?}");
    let environment = fs::read(format!("/proc/{}/environ", first[0].pid)).unwrap();
    assert!(String::from_utf8_lossy(&environment).contains("GREETING=it is 8080"));

    // Again there is nothing to do, and the process goes on.
    scene.ays.succeeds(&[&["install", "-n", "web"], &N1[..]].concat());
    scene.ays.succeeds(&[&["start", "-n", "web"], &N1[..]].concat());
    assert_eq!(processes(), first);

    // Killed, it comes back by itself.
    kill(Pid::from_raw(first[0].pid), Signal::SIGKILL).unwrap();
    let since = Instant::now();
    while !is_up(&scene) {
        assert!(since.elapsed() < Duration::from_secs(20), "it does not come back");
    }
    assert_ne!(processes(), first);
    let status = scene.ays.json(&[&["status"], &N1[..]].concat());
    assert_eq!(status[0]["processes"][0]["restarts"], json!(1));
    assert_eq!(status[0]["template"], json!("web"));

    scene.ays.succeeds(&[&["restart", "-n", "web"], &N1[..]].concat());
    assert!(answers(&scene.node));
    scene.ays.succeeds(&[&["stop"], &N1[..]].concat());
    assert!(processes().is_empty() && !is_up(&scene));
    scene.node.wait_until_quiet(Duration::from_secs(10));
    scene.ays.succeeds(&[&["start"], &N1[..]].concat());
    assert!(is_up(&scene));

    scene.ays.succeeds(&[&["uninstall", "-n", "web"], &N1[..]].concat());
    assert_eq!(scene.node.everything(), before, "an uninstall leaves the node as it was");
    scene.node.wait_until_quiet(Duration::from_secs(10));
    scene.ays.succeeds(&[&["uninstall", "-n", "web"], &N1[..]].concat());
}

#[test]
fn a_process_that_does_not_come_up_is_told_with_its_last_words_and_nothing_of_it_stays() {
    let scene = Scene::new();
    let process = |cmd: &str, more: &str| {
        template(
            &scene,
            "web",
            &format!("process.1 =\n    name:'p',\n    cmd:'{cmd}',\n    timeout_start:'2',\n{more}"),
        );
        on_n1(&scene, &["install", "-n", "web"])
    };
    let output = process("echo sorry; exit 7", "");
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(
        output.stderr.contains("ended with the exit code 7") && output.stderr.contains("sorry"),
        "{output:#?}"
    );
    let output = process("sleep 1000", "    ports:'8080',\n");
    assert!(output.stderr.contains("nobody listens at port 8080 after 2s"), "{output:#?}");
    let output = process("sleep 1000", "    user:'nobody-here',\n");
    assert!(output.stderr.contains("the node has no user `nobody-here`"), "{output:#?}");
    scene.node.wait_until_quiet(Duration::from_secs(10));
    // A port of somebody else's is not taken for the service's.
    scene.node.exec("busybox httpd -p 8080 -h /");
    let output = process("sleep 1000", "    ports:'8080',\n");
    assert!(output.stderr.contains("port 8080 is taken by another process"), "{output:#?}");
    scene.node.signal_all(Signal::SIGKILL);
    let output = process("sleep 1000", "    user:'ops',\n");
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert_eq!(scene.node.exec("stat -c %u /proc/$(pidof sleep)"), "1000\n");
    // --no-start leaves it alone.
    assert_eq!(on_n1(&scene, &["uninstall", "-n", "web"]).code, Some(0));
    assert_eq!(on_n1(&scene, &["install", "-n", "web", "--no-start"]).code, Some(0));
    scene.node.wait_until_quiet(Duration::from_secs(10));
}

#[test]
fn a_daemon_is_watched_and_ended_too() {
    let scene = Scene::new();
    // It goes into the background, and its first process ends at once.
    template(
        &scene,
        "web",
        "process.1 =\n    name:'httpd',\n    cmd:'busybox httpd -p 8080 -h /srv',\n    ports:'8080',\n",
    );
    scene.node.exec("mkdir -p /srv");
    assert_eq!(on_n1(&scene, &["install", "-n", "web"]).code, Some(0));
    assert!(is_up(&scene));
    assert_eq!(on_n1(&scene, &["stop", "-n", "web"]).code, Some(0));
    assert!(!is_up(&scene));
    scene.node.wait_until_quiet(Duration::from_secs(10));
    // Its supervisor is killed: what it started is found all the same.
    assert_eq!(on_n1(&scene, &["start", "-n", "web"]).code, Some(0));
    for process in scene.node.processes().iter().filter(|process| process.command.contains(" supervise ")) {
        kill(Pid::from_raw(process.pid), Signal::SIGKILL).unwrap();
    }
    assert!(is_up(&scene));
    assert_eq!(on_n1(&scene, &["uninstall", "-n", "web"]).code, Some(0));
    scene.node.wait_until_quiet(Duration::from_secs(10));
}

/// A repository of the git server, cloned for changes.
fn repository(lab: &Lab) -> PathBuf {
    let (bare, clone) = (lab.dir().join("app.git"), lab.dir().join("app"));
    run("git", &["init", "-q", "--bare", "-b", "main", bare.to_str().unwrap()]);
    run("git", &["clone", "-q", bare.to_str().unwrap(), clone.to_str().unwrap()]);
    clone
}

fn push(clone: &Path) {
    let clone = clone.to_str().unwrap();
    run("git", &["-C", clone, "add", "-A"]);
    let author = ["-c", "user.name=x", "-c", "user.email=x@example.org"];
    run("git", &[&["-C", clone], &author[..], &["commit", "-q", "-m", "x"]].concat());
    run("git", &["-C", clone, "push", "-q", "origin", "HEAD:main"]);
}

#[test]
fn files_of_a_private_repository_come_to_a_node_without_git() {
    let lab = Lab::new();
    // Nothing but sshd and a shell.
    let node = lab.node_with("n1", Kind::Bare, "200m", &[]);
    let mut scene = Scene::on(lab, node);
    let server = GitServer::start(&scene.lab);
    scene.ays.set("SSL_CERT_FILE", server.certificate().to_str().unwrap());
    scene.ays.feed(&["secret", "set", "git"], "pub1234\n");
    let allowed = scene.ays.run(&["secret", "allow", "git", &format!("https://{}", Lab::SOURCE)]);
    assert_eq!(allowed.code, Some(0), "{allowed:#?}");
    let clone = repository(&scene.lab);
    fs::create_dir_all(clone.join("www/sub")).unwrap();
    fs::write(clone.join("www/index.html"), "hello\n").unwrap();
    fs::write(clone.join("www/sub/big"), vec![7; 5 << 20]).unwrap();
    fs::write(clone.join("www/run.sh"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(clone.join("www/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(clone.join("other"), "not this\n").unwrap();
    push(&clone);
    let url = format!("https://pub:$(secret.git)@{}/git/app.git", Lab::SOURCE);
    let service = |more: &str| {
        let text = format!(
            "git.export.1 =\n    url:'{url}',\n    branch:'main',\n    source:'www/*',\n    dest:'/opt/www',\n{more}"
        );
        template(&scene, "app", &text);
        let output = on_n1(&scene, &["install", "-n", "app"]);
        assert_eq!(output.code, Some(0), "{output:#?}");
        output.stdout
    };
    let before = scene.node.everything();
    let done = service("");
    assert!(done.contains("3 of 3 files written"), "{done}");
    assert_eq!(scene.node.list("/opt/www"), ["index.html", "run.sh", "sub"]);
    assert_eq!(fs::metadata(scene.node.path("/opt/www/sub/big")).unwrap().len(), 5 << 20);
    let mode = fs::metadata(scene.node.path("/opt/www/run.sh")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    // The password never came there.
    let found =
        scene.node.files().into_iter().filter(|file| !file.starts_with(scene.node.path("/root/.cache")));
    for file in found {
        let bytes = fs::read(&file).unwrap_or_default();
        assert!(!bytes.windows(7).any(|part| part == b"pub1234"), "{file:?}");
    }

    // Only what changed is sent, and what is gone goes.
    fs::write(clone.join("www/index.html"), "hello again\n").unwrap();
    fs::remove_file(clone.join("www/run.sh")).unwrap();
    push(&clone);
    let again = scene.ays.succeeds(&[&["install", "-n", "app", "-r"], &N1[..]].concat());
    assert!(again.contains("1 of 2 files written"), "{again}");
    assert_eq!(scene.node.list("/opt/www"), ["index.html", "sub"]);

    // nodirs, a single file, a link.
    let done = service("    nodirs:'True',\n    link:'True',\n");
    assert!(done.contains("1 of 1 files written"), "{done}");
    assert_eq!(scene.node.list("/opt/www"), ["index.html"]);
    let target = fs::read_link(scene.node.path("/opt/www/index.html")).unwrap();
    assert!(target.starts_with("/opt/code"), "{target:?}");
    assert_eq!(fs::read_to_string(scene.node.path(&target)).unwrap(), "hello again\n");

    // What is built has a directory of its own; what the recipe exports no more goes.
    template(&scene, "app", &format!("git.build.1 =\n    url:'{url}',\n    source:'www/*',\n"));
    let output = on_n1(&scene, &["build", "-n", "app"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert_eq!(scene.node.list("/opt/build/10.199.0.2/git/app"), ["index.html", "sub"]);
    assert!(!scene.node.path("/opt/www").exists());

    assert_eq!(on_n1(&scene, &["uninstall", "-n", "app"]).code, Some(0));
    assert_eq!(scene.node.everything(), before);
}

#[test]
fn a_branch_that_is_not_there_is_said_and_nothing_is_written() {
    let scene = Scene::new();
    let url = "https://10.199.0.2/git/app.git";
    template(&scene, "app", &format!("git.export.1 =\n    url:'{url}',\n    dest:'/opt/www',\n"));
    let output = on_n1(&scene, &["install", "-n", "app"]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(!scene.node.path("/opt/www").exists());
    for (url, message) in [
        ("/etc", "`url` must not be a path of the machine that ays runs on"),
        ("file:///srv/x.git", "`url` must not be a path of the machine that ays runs on"),
    ] {
        template(&scene, "app", &format!("git.export.1 =\n    url:'{url}',\n    dest:'/opt/www',\n"));
        let output = on_n1(&scene, &["install", "-n", "app"]);
        assert_eq!(output.code, Some(3), "{output:#?}");
        assert!(output.stderr.contains(message), "{output:#?}");
    }
}

#[test]
fn where_systemd_runs_a_process_is_a_unit() {
    let lab = Lab::new();
    let node = lab.node_with("n1", Kind::Systemd, "1g", &[]);
    let scene = Scene::on(lab, node);
    let since = Instant::now();
    while scene.node.exec("systemctl is-system-running || true").trim() != "running" {
        assert!(since.elapsed() < Duration::from_secs(60), "systemd does not come up");
        // It tells nobody outside.
        std::thread::sleep(Duration::from_millis(50));
    }
    web(&scene);
    let units = || scene.node.list("/etc/systemd/system");
    let before = units();
    let done = scene.ays.succeeds(&[&["install", "-n", "web"], &N1[..]].concat());
    assert!(done.contains("web on n1: start: httpd: runs"), "{done}");
    let unit = "ays-jumpscale-web-main.service";
    assert!(units().contains(&unit.to_owned()), "{:?}", units());
    assert_eq!(scene.node.exec(&format!("systemctl is-active {unit}")), "active\n");
    assert!(answers(&scene.node) && is_up(&scene));
    let status = scene.ays.json(&[&["status"], &N1[..]].concat());
    let pid = status[0]["processes"][0]["pid"].as_u64().unwrap();
    assert_eq!(status[0]["processes"][0]["manager"], json!("systemd"));
    scene.node.exec(&format!("kill -9 {pid}"));
    let since = Instant::now();
    while !is_up(&scene) {
        assert!(since.elapsed() < Duration::from_secs(20), "it does not come back");
    }
    scene.ays.succeeds(&[&["stop", "-n", "web"], &N1[..]].concat());
    assert!(!is_up(&scene));
    scene.ays.succeeds(&[&["start", "-n", "web"], &N1[..]].concat());
    scene.ays.succeeds(&[&["uninstall", "-n", "web"], &N1[..]].concat());
    assert_eq!(units(), before);
    assert!(!scene.node.path("/var/lib/ays").exists());
    // What does not come up is told with the journal's last words.
    template(
        &scene,
        "web",
        "process.1 =\n    name:'p',\n    cmd:'echo sorry; exit 7',\n    timeout_start:'2',\n",
    );
    let output = on_n1(&scene, &["install", "-n", "web"]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(output.stderr.contains("status 7") || output.stderr.contains("status=7"), "{output:#?}");
}

/// Stands in for apt and dpkg: `dpkg-query` lists what `apt-get install` was asked for, and each call is noted.
fn fake_apt(scene: &Scene) {
    let bin = scene.lab.dir().join("bin");
    fs::create_dir(&bin).unwrap();
    let script = |name: &str, text: &str| {
        fs::write(bin.join(name), format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    };
    script(
        "apt-get",
        "if [ $1 = -s ]; then shift 3; for name in \"$@\"; do echo \"Remv $name [1]\"; \
         sed -n \"s/^\\(needs-$name\\) .*/Remv \\1 [1]/p\" /var/dpkg; done; exit; fi\n\
         echo \"$@\" >>/var/apt\n\
         while [ $# -gt 0 ]; do case $1 in -o) shift;; install|remove|update) what=$1;; --) shift; break;; esac; shift; done\n\
         for name in \"$@\"; do case $what in\n\
         install) echo \"$name $name:all 1 installed\" >>/var/dpkg;;\n\
         remove) sed -i \"/^$name /d\" /var/dpkg;; esac; done",
    );
    script("dpkg-query", "cat /var/dpkg");
    script("apt-cache", "printf '%s\\n' there one two");
    scene.node.mount(&bin, "/usr/local/sbin");
    scene
        .node
        .exec("echo 'there there:all 1 installed' >/var/dpkg; : >/var/apt; mkdir -p /etc/apt/sources.list.d");
}

#[test]
fn packages_come_in_one_transaction_and_go_again() {
    let scene = Scene::new();
    fake_apt(&scene);
    fs::write(scene.origin.file("key"), "-----BEGIN PGP PUBLIC KEY BLOCK-----\n").unwrap();
    template(
        &scene,
        "app",
        &format!(
            "ubuntu.packages = 'there', 'one two'\nubuntu.apt.source.1 = 'deb http;//ppa.example.org/u xenial main'\n\
             ubuntu.apt.key.pub.1 = 'http;//{}/key'\n",
            Lab::SOURCE
        ),
    );
    template(&scene, "other", "ubuntu.packages = 'two',\n");
    let calls = || {
        let calls = fs::read_to_string(scene.node.path("/var/apt")).unwrap();
        let calls = calls.lines().map(|line| line.rsplit_once("force-confold ").unwrap().1.to_owned());
        calls.collect::<Vec<_>>()
    };
    assert_eq!(on_n1(&scene, &["install", "-n", "app"]).code, Some(0));
    assert_eq!(calls(), ["update --", "install --no-install-recommends -- one two"]);
    let source =
        fs::read_to_string(scene.node.path("/etc/apt/sources.list.d/ays-jumpscale__app__main.list")).unwrap();
    let keyring = "/etc/apt/keyrings/ays-jumpscale__app__main-1.asc";
    assert!(
        source.contains(&format!("deb [signed-by={keyring}] http://ppa.example.org/u xenial main")),
        "{source}"
    );
    assert!(scene.node.path(keyring).is_file());
    // Again nothing is missing.
    assert_eq!(on_n1(&scene, &["install", "-n", "app", "-r"]).code, Some(0));
    assert_eq!(on_n1(&scene, &["install", "-n", "other"]).code, Some(0));
    assert_eq!(calls().len(), 2, "{:?}", calls());
    // A run that was killed behind the sources' writing has not read them.
    scene.node.exec("sed -i '/^one /d' /var/dpkg");
    assert_eq!(on_n1(&scene, &["install", "-n", "app", "-r"]).code, Some(0));
    assert_eq!(calls()[2..], ["update --", "install --no-install-recommends -- one"]);
    // What two services list goes with the last one.
    assert_eq!(on_n1(&scene, &["uninstall", "-n", "app"]).code, Some(0));
    assert_eq!(calls().last().unwrap(), "remove -- one");
    assert_eq!(on_n1(&scene, &["uninstall", "-n", "other"]).code, Some(0));
    assert_eq!(calls().last().unwrap(), "remove -- two");
    // What others need stays, and is said.
    assert_eq!(on_n1(&scene, &["install", "-n", "other"]).code, Some(0));
    scene.node.exec("echo 'needs-two needs-two:all 1 installed' >>/var/dpkg");
    let output = on_n1(&scene, &["uninstall", "-n", "other"]);
    assert!(
        format!("{output:?}").contains("the package two stays: packages of others need it"),
        "{output:#?}"
    );
    assert_eq!(calls().last().unwrap(), "install --no-install-recommends -- two");
    // What no source has is no pattern.
    template(&scene, "other", "ubuntu.packages = 'tw.',\n");
    let output = on_n1(&scene, &["install", "-n", "other"]);
    assert!(output.stderr.contains("no source of the node has a package `tw.`"), "{output:#?}");
    assert!(!scene.node.path(keyring).exists() && scene.node.list("/etc/apt/sources.list.d").is_empty());
}

#[test]
fn a_node_without_apt_is_refused_by_name() {
    let lab = Lab::new();
    let node = lab.node_with("n1", Kind::Bare, "200m", &[]);
    let scene = Scene::on(lab, node);
    template(&scene, "app", "ubuntu.packages = 'nginx',\n");
    let output = on_n1(&scene, &["install", "-n", "app"]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(output.stderr.contains("`ubuntu.*` is for nodes with apt"), "{output:#?}");
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
fn passwords_reach_processes_and_nobody_else() {
    let scene = Scene::new();
    let run = "process.1 =\n    name:'p',\n    cmd:'sleep 1000',\n    args:'# $(instance.passwd)',\n\n\
               env.process.1 =\n    PW:'$(instance.passwd)',\n";
    template(&scene, "redis", run);
    scene.environment.write("servicetemplates/redis/instance.hrd", "passwd = @ASK type:password\n");
    template(
        &scene,
        "all",
        "dependencies.1 =\n    name:'redis',\n    args:'dep.redis',\n\ndep.redis =\n    passwd:'$(instance.rootpasswd)',\n",
    );
    scene.environment.write("servicetemplates/all/instance.hrd", "rootpasswd = @ASK type:password\n");
    let plan = on_n1(&scene, &["plan", "-n", "all", "--data", "rootpasswd:hunter2secret"]);
    assert_eq!(plan.code, Some(0), "{plan:#?}");
    assert!(plan.stdout.contains("start     p: sleep 1000 # $(instance.passwd)"), "{plan:#?}");
    let done = on_n1(&scene, &["install", "-n", "all", "--data", "rootpasswd:hunter2secret"]);
    assert_eq!(done.code, Some(0), "{done:#?}");
    let status = on_n1(&scene, &["status", "-n", "redis", "--json"]);
    assert_eq!(status.code, Some(0), "{status:#?}");
    for output in [&plan, &done, &status] {
        assert!(!format!("{output:?}").contains("hunter2secret"), "{output:#?}");
    }
    let written = run_in(scene.environment.repo(), "grep -r hunter2secret . || true");
    assert_eq!(written, "", "the repository has a password");
    let logs = run_in(scene.ays.state(), "grep -rl hunter2secret . || true");
    assert_eq!(logs, "", "the catalogue or a log has a password");
    let all = scene.node.processes();
    let sleep = all.iter().find(|process| process.command.starts_with("sleep")).unwrap();
    let environment = fs::read(format!("/proc/{}/environ", sleep.pid)).unwrap();
    assert!(String::from_utf8_lossy(&environment).contains("PW=hunter2secret"));
    let script = scene.node.path("/var/lib/ays/services/jumpscale__redis__main/p.sh");
    assert_eq!(fs::metadata(script).unwrap().permissions().mode() & 0o777, 0o500);
}

#[test]
fn what_a_failed_process_says_is_told_without_its_passwords() {
    let scene = Scene::new();
    template(
        &scene,
        "web",
        "process.1 =\n    name:'p',\n    cmd:'echo \"bad argument: $PW\"; exit 7',\n    env:'PW=$(instance.passwd)',\n    \
         timeout_start:'2',\n",
    );
    scene.environment.write("servicetemplates/web/instance.hrd", "passwd = @ASK type:password\n");
    let output = on_n1(&scene, &["install", "-n", "web", "--data", "passwd:hunter2secret"]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(output.stderr.contains("bad argument: ***"), "{output:#?}");
    assert!(!format!("{output:?}").contains("hunter2secret"), "{output:#?}");
    let logs = run_in(scene.ays.state(), "grep -rl hunter2secret . || true");
    assert_eq!(logs, "", "the catalogue or a log has a password");
}

#[test]
fn what_a_newer_recipe_has_no_more_is_ended() {
    let scene = Scene::new();
    let recipe = |names: &[&str]| {
        let process = |(number, name): (usize, &&str)| {
            format!("process.{} =\n    name:'{name}',\n    cmd:'sleep 100{number}',\n\n", number + 1)
        };
        template(&scene, "web", &names.iter().enumerate().map(process).collect::<String>());
        let output = on_n1(&scene, &["install", "-n", "web"]);
        assert_eq!(output.code, Some(0), "{output:#?}");
        let all = scene.node.processes();
        all.iter().filter(|process| process.command.starts_with("sleep")).count()
    };
    assert_eq!(recipe(&["old"]), 1);
    assert_eq!(recipe(&["new", "more"]), 2);
    assert_eq!(recipe(&["more"]), 1);
    let left = scene.node.list("/var/lib/ays/services/jumpscale__web__main");
    assert!(!left.iter().any(|file| file.starts_with("old") || file.starts_with("new")), "{left:?}");
}

/// What a shell prints in a directory.
fn run_in(directory: &Path, command: &str) -> String {
    run("sh", &["-c", &format!("cd '{}' && {command}", directory.display())])
}

#[test]
fn a_method_of_the_recipe_goes_before_what_its_processes_stand_for() {
    let scene = Scene::new();
    web(&scene);
    let actions = |body: &str| {
        let text = format!("from JumpScale import j\nclass Actions:\n{body}");
        scene.environment.write("servicetemplates/web/actions.py", &text);
    };
    actions("    def check_up_local(self, serviceObj):\n        return False\n");
    let output = on_n1(&scene, &["install", "-n", "web"]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(output.stderr.contains("`check_up_local` of the recipe returned False"), "{output:#?}");
    assert!(!is_up(&scene));
    actions(
        "    def start(self, serviceObj):\n        pass\n    def check_up_local(self, serviceObj):\n        return True\n",
    );
    assert_eq!(on_n1(&scene, &["stop", "-n", "web"]).code, Some(0));
    assert_eq!(on_n1(&scene, &["install", "-n", "web"]).code, Some(0));
    assert!(is_up(&scene) && !answers(&scene.node), "its own `start` starts nothing");
    // What the interpreter cannot do is refused before anything is done.
    actions("    def uninstall(self, serviceObj):\n        nobody.knows(serviceObj)\n");
    assert_eq!(on_n1(&scene, &["start", "-n", "web"]).code, Some(0));
    let output = on_n1(&scene, &["uninstall", "-n", "web"]);
    assert_eq!(output.code, Some(3), "{output:#?}");
    assert!(answers(&scene.node));
    actions("    def uninstall(self, serviceObj):\n        pass\n");
    assert_eq!(on_n1(&scene, &["uninstall", "-n", "web"]).code, Some(0));
    assert!(!answers(&scene.node));
}
