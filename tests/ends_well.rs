//! Whatever is killed, cut or filled, at whatever moment: nothing half-written where files are looked for, no record
//! that says more than is true, nothing left running on the node, and the next run finishes the job.
//!
//! The moments are random; `AYS_SEED` repeats those of a run that failed, `AYS_KILLS` says how many of each kind.

use std::{
    env, fs, thread,
    time::{Duration, Instant, SystemTime},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;

use crate::support::{
    Ays, Environment, Lab, Node, Origin, Running, qcow2, sha256,
    truth::{POOL, assert_true, index, shown},
};

const INSTALL: [&str; 9] =
    ["install", "-n", "image_x", "--targettype", "node.ssh", "--targetname", "n1", "-r", "--json"];

/// Random numbers that a seed repeats.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let now =
            || u64::from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos());
        let seed =
            env::var("AYS_SEED").map_or_else(|_| now(), |seed| seed.parse().expect("AYS_SEED: a number"));
        println!("AYS_SEED={seed}");
        Self(seed)
    }

    /// From 0 up to, and without, `below`.
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below.max(1)
    }

    fn moment(&mut self, below: Duration) -> Duration {
        Duration::from_micros(self.roll(u64::try_from(below.as_micros()).unwrap()))
    }
}

fn kills(usual: u32) -> u32 {
    env::var("AYS_KILLS").map_or(usual, |kills| kills.parse().expect("AYS_KILLS: a number"))
}

struct Scene {
    lab: Lab,
    node: Node,
    origin: Origin,
    ays: Ays,
    dice: Dice,
    /// How long an undisturbed run takes.
    usual: Duration,
    /// The SHA-256 of the disk that the source holds.
    expected: String,
    contents: u64,
}

fn scene(disk: &str) -> Scene {
    let lab = Lab::new();
    let node = lab.node_with("n1", crate::support::Kind::Full, disk, &[]);
    let origin = Origin::start(&lab);
    let environment = Environment::new(&lab);
    environment.add_node(&node, "");
    environment.add_image("x", &format!("http://{}", Lab::SOURCE), "/x.qcow2", "checkmd5:'true'");
    environment.commit();
    let ays = Ays::new(&lab, &environment, &[&node]);
    // So that there is a moment to meet in each step.
    node.limit_rate(100);
    let dice = Dice::new();
    let mut scene =
        Scene { lab, node, origin, ays, dice, usual: Duration::ZERO, expected: String::new(), contents: 0 };
    scene.publish();
    scene.finish("the first run");
    scene.publish();
    let since = Instant::now();
    scene.finish("the second run");
    scene.usual = since.elapsed();
    scene
}

impl Scene {
    /// Puts a new disk where the source is.
    fn publish(&mut self) {
        self.contents += 1;
        self.expected = qcow2(&self.origin.file("x.qcow2"), self.contents);
        self.origin.publish_md5("x.qcow2");
    }

    fn start(&self) -> Running {
        self.ays.spawn(&INSTALL)
    }

    /// What must hold whatever happened.
    fn assert_sound(&self, what: &str) {
        self.node.wait_until_quiet(Duration::from_secs(15));
        let dest = self.node.path("/var/tmp/x.qcow2");
        if dest.exists() {
            assert_eq!(
                sha256(&dest),
                sha256(&self.origin.file("x.qcow2")),
                "{what}: the download is half-written"
            );
        }
        assert_true(&self.ays, &self.node, "x");
    }

    /// Runs it undisturbed; then all is done and nothing else is left.
    fn finish(&self, what: &str) {
        let output = self.ays.run(&INSTALL);
        assert_eq!(output.code, Some(0), "{what}: the next run: {output:#?}");
        self.node.wait_until_quiet(Duration::from_secs(15));
        let file = format!("x-{}.raw", &self.expected[..12]);
        assert_eq!(index(&self.node).expect("the index")["images"][0]["file"], json!(file), "{what}");
        let detail = shown(&self.ays, "x").expect("the image");
        assert_eq!(
            detail["generations"][0]["content"],
            format!("fsverity-sha256:{}", self.expected),
            "{what}"
        );
        assert_true(&self.ays, &self.node, "x");
        assert_eq!(self.node.list("/var/tmp"), [""; 0], "{what}");
        let hidden: Vec<_> = self.node.list(POOL).into_iter().filter(|name| name.starts_with('.')).collect();
        assert_eq!(hidden, [".ays-owner.json"], "{what}: nothing but the mark");
    }

    /// Waits until a process on the node runs a file with `part` in its name; none when the run ends before.
    fn process(&self, part: &str, running: &mut Running) -> Option<Pid> {
        while !running.has_ended() {
            let found = self.node.processes().into_iter().find(|process| process.program.contains(part));
            if let Some(process) = found {
                return Some(Pid::from_raw(process.pid));
            }
        }
        None
    }

    /// Lets `disturb` meet a run that brings new content, `count` times.
    fn each(
        &mut self,
        count: u32,
        allowed: &[Option<i32>],
        mut disturb: impl FnMut(&mut Self, &mut Running),
    ) {
        for turn in 0..count {
            self.publish();
            let mut running = self.start();
            disturb(self, &mut running);
            let output = running.wait();
            let what = format!("turn {turn}");
            // A run that had finished before it was met.
            assert!(
                output.code == Some(0) || allowed.contains(&output.code),
                "{what}: ended with {:?}: {output:#?}",
                output.code
            );
            self.assert_sound(&what);
            self.finish(&what);
        }
    }
}

#[test]
fn the_controller_is_killed() {
    let mut scene = scene("4g");
    scene.each(kills(24), &[None], |scene, running| {
        thread::sleep(scene.dice.moment(scene.usual));
        running.signal(Signal::SIGKILL);
    });
    // What it left on its own machine goes too: its connections by themselves, their directories with the next run.
    scene.finish("at the end");
    scene.lab.wait_until_gone("/usr/bin/ssh", Duration::from_secs(30));
    assert_eq!(fs::read_dir(scene.ays.temporary()).unwrap().count(), 0);
}

#[test]
fn the_operator_presses_control_c() {
    let mut scene = scene("4g");
    // By the signal itself where it came before the program began to listen for it.
    scene.each(kills(25), &[Some(130), None], |scene, running| {
        thread::sleep(scene.dice.moment(scene.usual));
        running.signal(Signal::SIGINT);
        thread::sleep(scene.dice.moment(scene.usual / 2));
        running.signal(Signal::SIGINT);
    });
}

#[test]
fn the_helper_is_killed() {
    let mut scene = scene("4g");
    scene.each(kills(30), &[Some(1)], |scene, running| {
        let Some(helper) = scene.process("/ays-node-", running) else { return };
        thread::sleep(scene.dice.moment(scene.usual));
        // It may have ended.
        let _ = kill(helper, Signal::SIGKILL);
    });
}

#[test]
fn qemu_img_is_killed() {
    let mut scene = scene("4g");
    scene.each(kills(20), &[Some(1)], |scene, running| {
        let Some(qemu_img) = scene.process("/qemu-img", running) else { return };
        thread::sleep(scene.dice.moment(Duration::from_millis(15)));
        let _ = kill(qemu_img, Signal::SIGKILL);
    });
}

#[test]
fn the_disk_is_full() {
    let mut scene = scene("256m");
    for turn in 0..kills(20) {
        let what = format!("turn {turn}");
        scene.publish();
        let left = scene.dice.roll(6 << 20);
        let filler = scene.node.fill_disk(left);
        let output = scene.ays.run(&INSTALL);
        assert!([Some(0), Some(1)].contains(&output.code), "{what}: {left} bytes were free: {output:#?}");
        scene.assert_sound(&what);
        fs::remove_file(filler).unwrap();
        scene.finish(&what);
    }
}

#[test]
fn packets_just_stop() {
    let mut scene = scene("4g");
    scene.each(kills(8), &[Some(1)], |scene, running| {
        thread::sleep(scene.dice.moment(scene.usual));
        scene.node.cut();
        // The controller notices by itself, and so does the node, while nothing reaches either.
        running.wait_for_end(Duration::from_secs(60));
        scene.node.wait_until_quiet(Duration::from_secs(30));
        scene.node.heal();
    });
}

#[test]
fn all_of_the_node_is_killed_at_once() {
    let mut scene = scene("4g");
    scene.each(kills(20), &[Some(1)], |scene, _| {
        thread::sleep(scene.dice.moment(scene.usual));
        scene.node.signal_all(Signal::SIGKILL);
    });
}
