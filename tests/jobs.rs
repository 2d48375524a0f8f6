//! Jobs: what is asked for with `--detach` is done by workers, whatever becomes of them.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};
use std::{fs, thread};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::lab::{mortal, run};
use crate::support::truth::{assert_true, stored};
use crate::support::{Ays, Environment, Lab, Origin, Output, Postgres, Running, Scene};

const DETACHED: [&str; 8] =
    ["install", "-n", "image_x", "--targettype", "node.ssh", "--targetname", "n1", "--detach"];

fn job(scene: &Scene, id: &str) -> Value {
    let shown = scene.ays.succeeds(&["job", "show", id, "--json"]);
    serde_json::from_str(&shown).unwrap()
}

/// Waits for what a job says of itself; how long that took.
fn until(scene: &Scene, id: &str, what: impl Fn(&Value) -> bool) -> Duration {
    let begun = Instant::now();
    loop {
        let job = job(scene, id);
        if what(&job) {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{job:#}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// With a source whose link can be made slow.
fn slow() -> Scene {
    let lab = Lab::new();
    let node = lab.node("n1");
    let origin = Origin::apart(&lab);
    let environment = Environment::new(&lab);
    environment.add_node(&node, "");
    environment.commit();
    let ays = Ays::new(&lab, &environment, &[&node]);
    Scene { lab, node, origin, environment, ays }
}

fn worker(scene: &Scene) -> Running {
    scene.ays.spawn(&["worker"])
}

fn ends(running: Running, signal: Signal) -> Output {
    running.signal(signal);
    running.wait()
}

#[test]
fn a_worker_does_what_was_asked_for_and_anyone_can_follow() {
    let mut scene = Scene::new();
    scene.publish_x(1);
    assert_eq!(
        scene.ays.succeeds(&["job", "list"]),
        "no job was asked for yet: `ays install --detach` asks for one\n"
    );
    assert_eq!(scene.ays.succeeds(&DETACHED), "job 1 is queued; `ays job follow 1` shows it\n");
    assert_eq!(job(&scene, "1")["status"], "queued");
    let worker = worker(&scene);
    let followed = scene.ays.succeeds(&["job", "follow", "1"]);
    assert!(followed.contains("image_x on n1: installed in"), "{followed}");
    assert!(followed.ends_with("job 1 is done\n"), "{followed}");
    assert_true(&scene.ays, &scene.node, "x");
    let done = job(&scene, "1");
    assert_eq!(done["status"], "succeeded");
    assert_eq!(done["report"]["nodes"][0]["result"], "installed");
    assert_eq!(done["attempts"], 1);

    // What cannot be done is said by the job, and by whoever follows it.
    let output = scene.ays.run(&["install", "-n", "image_y", "--targetname", "n1", "--detach"]);
    assert_eq!(output.code, Some(2), "{output:#?}");
    assert_eq!(
        scene.ays.succeeds(&["scrub", "y", "--detach"]),
        "job 2 is queued; `ays job follow 2` shows it\n"
    );
    let output = scene.ays.run(&["job", "follow", "2"]);
    assert_eq!(output.code, Some(2), "{output:#?}");
    assert!(output.stderr.contains("no image is named `y`"), "{output:#?}");
    assert_eq!(scene.ays.succeeds(&["job", "retry", "2"]), "job 3 is queued; `ays job follow 3` shows it\n");
    let output = scene.ays.run(&["job", "cancel", "1"]);
    assert_eq!(output.code, Some(2), "{output:#?}");
    until(&scene, "3", |job| job["status"] == "failed");
    let output = ends(worker, Signal::SIGTERM);
    assert_eq!(output.code, Some(0), "{output:#?}");
    let notes = output.stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let notes: Vec<_> = notes.filter(|note| note["job"] == 1).map(|note| note["status"].clone()).collect();
    assert_eq!(notes, ["running", "succeeded"]);

    // What is too old is forgotten.
    scene.ays.set("AYS_JOBS_KEEP", "0s");
    let worker = scene.ays.spawn(&["worker"]);
    let begun = Instant::now();
    let left = || scene.ays.json(&["job", "list"]).as_array().unwrap().len();
    while left() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", worker.said());
        thread::sleep(Duration::from_millis(50));
    }
    ends(worker, Signal::SIGTERM);
}

#[test]
fn another_worker_goes_on_when_one_is_killed_and_ends_when_it_is_cancelled() {
    workers_come_and_go(&slow());
}

#[test]
fn the_same_with_a_database_that_workers_share() {
    let postgres = Postgres::start();
    let mut scene = slow();
    scene.ays.set("AYS_DATABASE", &postgres.address());
    workers_come_and_go(&scene);
}

fn workers_come_and_go(scene: &Scene) {
    scene.publish_x(1);
    scene.origin.limit_rate(1);
    scene.ays.succeeds(&DETACHED);
    let first = worker(scene);
    until(scene, "1", |job| job["status"] == "running");
    let part = scene.node.path("/var/tmp/.x.qcow2.ays-part");
    while fs::metadata(&part).map_or(0, |part| part.len()) == 0 {
        thread::sleep(Duration::from_millis(20));
    }
    let second = worker(scene);
    thread::sleep(Duration::from_secs(1));
    first.signal(Signal::SIGKILL);
    let took = until(scene, "1", |job| job["attempts"] == 2);
    assert!(took < Duration::from_secs(2), "{took:?}");
    scene.origin.limit_rate(1000);
    until(scene, "1", |job| job["status"] == "succeeded");
    // The locks of the dead one were given back: nobody waited for them.
    let followed = scene.ays.succeeds(&["job", "follow", "1", "--json"]);
    assert!(followed.contains("\"event\":\"runFinished\""), "{followed}");
    assert!(!followed.contains("\"event\":\"waiting\""), "{followed}");
    assert_true(&scene.ays, &scene.node, "x");
    assert_eq!(stored(&scene.node).len(), 1, "{:?}", stored(&scene.node));
    first.wait();

    // Cancelled while a worker is at it, and before any has it.
    let again = [&DETACHED[..], &["-r"]].concat();
    scene.publish_x(2);
    scene.origin.limit_rate(1);
    scene.ays.succeeds(&again);
    until(scene, "2", |job| job["status"] == "running");
    scene.ays.succeeds(&["job", "cancel", "2"]);
    until(scene, "2", |job| job["status"] == "cancelled");
    assert_true(&scene.ays, &scene.node, "x");

    // One that is stopped gives back what it is at.
    scene.ays.succeeds(&again);
    until(scene, "3", |job| job["status"] == "running");
    assert_eq!(ends(second, Signal::SIGTERM).code, Some(0));
    assert_eq!(job(scene, "3")["status"], "queued");
    scene.ays.succeeds(&["job", "cancel", "3"]);
    assert_eq!(job(scene, "3")["status"], "cancelled");
}

/// A receiver that refuses the first delivery, and keeps those that it takes: their signature and body.
const RECEIVER: &str = "
import http.server, json, sys
taken, first = open(sys.argv[1], 'w'), [True]
class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers['content-length'])).decode()
        status, first[0] = (503 if first[0] else 204), False
        if status == 204:
            taken.write(json.dumps([self.headers['x-ays-signature'], body]) + '\\n')
            taken.flush()
        self.send_response(status)
        self.end_headers()
    def log_message(self, *_):
        pass
server = http.server.HTTPServer(('127.0.0.1', 0), Receiver)
print(server.server_address[1], flush=True)
server.serve_forever()
";

#[test]
fn a_webhook_is_told_of_each_change_signed_until_it_takes_it() {
    let scene = Scene::new();
    scene.publish_x(1);
    let taken = scene.lab.dir().join("taken");
    let mut receiver = mortal("python3");
    let receiver = receiver.args(["-c", RECEIVER]).arg(&taken).stdout(Stdio::piped());
    let mut receiver = receiver.spawn().unwrap();
    let mut port = String::new();
    BufReader::new(receiver.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let url = format!("http://127.0.0.1:{}/hook", port.trim());
    let output = scene.ays.run(&["webhook", "add", &url, "--secret", "hook"]);
    assert_eq!(output.code, Some(2), "{output:#?}");
    assert_eq!(scene.ays.feed(&["secret", "set", "hook"], "a key\n").code, Some(0));
    scene.ays.succeeds(&["webhook", "add", &url, "--secret", "hook"]);
    scene.succeeds(&[]);
    let waits = |scene: &Scene| scene.ays.json(&["webhook", "list"])[0]["waiting"].as_i64().unwrap();
    assert!(waits(&scene) > 2);
    let worker = worker(&scene);
    let begun = Instant::now();
    while waits(&scene) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(30));
        thread::sleep(Duration::from_millis(50));
    }
    let said: Vec<Value> =
        fs::read_to_string(&taken).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let body = said[0][1].as_str().unwrap();
    let digest = run(
        "sh",
        &["-c", "printf %s \"$1\" | openssl dgst -sha256 -hmac 'a key' -r | cut -d' ' -f1", "sh", body],
    );
    assert_eq!(said[0][0], format!("sha256={}", digest.trim()));
    let told: Value = serde_json::from_str(body).unwrap();
    let told = told["changes"].as_array().unwrap();
    assert!(told.iter().any(|change| change["what"] == "generation" && change["name"] == "x"), "{told:#?}");
    assert_eq!(ends(worker, Signal::SIGTERM).code, Some(0));
    receiver.kill().unwrap();
    receiver.wait().unwrap();
}

#[test]
fn a_schedule_that_is_due_becomes_a_job() {
    let scene = Scene::new();
    scene.publish_x(1);
    scene.succeeds(&[]);
    scene.ays.succeeds(&["schedule", "add", "daily 03:00", "scrub"]);
    let worker = worker(&scene);
    let catalogue = run("find", &[scene.ays.state().to_str().unwrap(), "-name", "catalogue.db"]);
    // It is due now: as if a night had come.
    let due = "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1], timeout=10)\n\
               db.execute(\"UPDATE schedule SET next_at = '2026-01-01T03:00:00.000Z'\")\ndb.commit()";
    run("python3", &["-c", due, catalogue.trim()]);
    let begun = Instant::now();
    while scene.ays.json(&["job", "list"]).as_array().unwrap().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(50));
    }
    until(&scene, "1", |job| job["status"] == "succeeded");
    let done = job(&scene, "1");
    assert_eq!((done["schedule"].as_i64(), &done["report"]["copies"]["good"]), (Some(1), &Value::from(1)));
    let next = scene.ays.json(&["schedule", "list"])[0]["nextAt"].as_str().unwrap().to_owned();
    assert!(next.ends_with("T03:00:00.000Z") && next.as_str() > done["endedAt"].as_str().unwrap(), "{next}");
    // A worker that was killed while it had no job leaves its file to the next one.
    worker.signal(Signal::SIGKILL);
    worker.wait();
    let files =
        || run("find", &[scene.ays.state().to_str().unwrap(), "-name", "catalogue.worker-*"]).lines().count();
    assert_eq!(files(), 1);
    let next = self::worker(&scene);
    // It does a job, so it has begun.
    scene.ays.succeeds(&["scrub", "--detach"]);
    until(&scene, "2", |job| job["status"] == "succeeded");
    assert_eq!(files(), 1);
    assert_eq!(ends(next, Signal::SIGTERM).code, Some(0));
    assert_eq!(files(), 0);
}
