//! The scene of stories about many nodes.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    ays::{Ays, Output, Running},
    disk::{large_qcow2, sha256},
    environment::Environment,
    lab::Lab,
    node::Node,
    origin::Origin,
    scene::named,
    truth::{assert_true, stored},
};

/// Nodes `n1` and on, nginx as a machine of its own that serves the image `x`, and an operator.
pub struct Many {
    pub lab: Lab,
    pub nodes: Vec<Node>,
    pub origin: Origin,
    pub environment: Environment,
    pub ays: Ays,
    /// Of the disk in the image.
    hash: String,
}

impl Many {
    /// So many nodes, and so many MiB of data in the image.
    pub fn new(nodes: u8, mebibytes: u32) -> Self {
        let lab = Lab::new();
        let nodes = lab.nodes(nodes);
        let origin = Origin::apart(&lab);
        let environment = Environment::new(&lab);
        nodes.iter().for_each(|node| environment.add_node(node, ""));
        environment.add_image("x", &format!("http://{}", Lab::SOURCE), "/x.qcow2", "checkmd5:'true'");
        environment.commit();
        let hash = large_qcow2(&origin.file("x.qcow2"), 1, mebibytes);
        origin.publish_md5("x.qcow2");
        let ays = Ays::new(&lab, &environment, &nodes.iter().collect::<Vec<_>>());
        Self { lab, nodes, origin, environment, ays, hash }
    }

    /// Starts `install` of `x`, with more arguments.
    pub fn spawn(&self, more: &[&str]) -> Running {
        self.ays.spawn(&[&["install", "-n", "image_x"], more].concat())
    }

    /// Runs it to its end.
    pub fn run(&self, more: &[&str]) -> Output {
        self.spawn(more).wait()
    }

    /// Runs it to its end, which must be a good one, and gives what it printed.
    pub fn succeeds(&self, more: &[&str]) -> String {
        let output = self.run(more);
        assert_eq!(output.code, Some(0), "{output:#?}");
        output.stdout
    }

    /// The length of the image's file at the source, in bytes.
    pub fn size(&self) -> u64 {
        fs::metadata(self.origin.file("x.qcow2")).unwrap().len()
    }

    /// The image is in the node's pool, what is said of the pool is true, and nothing else is left of the run.
    pub fn assert_installed(&self, node: &Node) {
        assert_eq!(stored(node), [named("x", &self.hash)], "{}", node.name);
        assert_true(&self.ays, node, "x");
        assert_eq!(node.list("/var/tmp"), [""; 0], "{}", node.name);
        node.wait_until_quiet(Duration::from_secs(15));
        assert_eq!(node.listeners(), [""; 0], "{}", node.name);
    }

    /// What a node holds under the name of the download is whole.
    pub fn assert_not_half_written(&self, node: &Node) {
        let dest = node.path("/var/tmp/x.qcow2");
        if dest.exists() {
            assert_eq!(sha256(&dest), sha256(&self.origin.file("x.qcow2")), "{}", node.name);
        }
    }

    /// Waits until each of the nodes has so many bytes of the download.
    pub fn wait_for_bytes(&self, running: &mut Running, bytes: u64) {
        let since = Instant::now();
        let has = |node: &Node| {
            let part = fs::metadata(node.path("/var/tmp/.x.qcow2.ays-part"));
            part.is_ok_and(|part| part.len() >= bytes)
        };
        while !self.nodes.iter().all(has) {
            assert!(!running.has_ended() && since.elapsed() < Duration::from_secs(60), "no transfer");
            // Nothing tells of a file that grows.
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The events that `--json` printed.
pub fn events(stdout: &str) -> Vec<Value> {
    let event = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    stdout.lines().map(event).collect()
}

/// The last line of a text.
pub fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or_default()
}
