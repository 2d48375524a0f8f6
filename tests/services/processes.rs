//! Processes of services: started, watched, ended.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use super::{N1, answers, export, is_up, on_n1, template, web};
use crate::support::lab::run;
use crate::support::{Kind, Lab, Scene};

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
fn a_process_is_up_when_its_addresses_answer() {
    let scene = Scene::new();
    let web = |url: &str| {
        let process =
            format!("cmd:'busybox httpd -f -p 8080 -h /srv',\n    timeout_start:'2',\n    urls:'{url}',\n");
        template(&scene, "web", &format!("process.1 =\n    name:'httpd',\n    {process}"));
        on_n1(&scene, &["install", "-n", "web"])
    };
    scene.node.exec("mkdir -p /srv && echo hello >/srv/page");
    let output = web("http://127.0.0.1:8080/none");
    let said = "no good answer from http://127.0.0.1:8080/none after 2s";
    assert!(output.code == Some(1) && output.stderr.contains(said), "{output:#?}");
    scene.node.wait_until_quiet(Duration::from_secs(10));
    let output = web("http://127.0.0.1:8080/page");
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert!(is_up(&scene));
    scene.node.exec("rm /srv/page");
    assert!(!is_up(&scene));
    let status = on_n1(&scene, &["status"]);
    assert!(status.stdout.contains("no good answer from http://127.0.0.1:8080/page"), "{status:#?}");
    let output = web("ftp://127.0.0.1/x");
    assert!(output.code == Some(3) && output.stderr.contains("neither http nor https"), "{output:#?}");
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
    // Also when there is none any more.
    let none = export(&scene, "x", "/opt/x");
    template(&scene, "web", &none);
    let output = on_n1(&scene, &["install", "-n", "web"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    let all = scene.node.processes();
    assert!(all.iter().all(|process| !process.command.starts_with("sleep")), "{all:#?}");
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
