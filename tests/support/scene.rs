//! The scene of most stories.

use std::{fs, path::PathBuf};

use super::{
    ays::{Ays, Output, Running},
    disk::qcow2,
    environment::Environment,
    lab::Lab,
    node::Node,
    origin::Origin,
    truth::POOL,
};

/// One node, nginx, an environment that knows the node, and an operator who installs the image `x` there.
pub struct Scene {
    pub lab: Lab,
    pub node: Node,
    pub origin: Origin,
    pub environment: Environment,
    pub ays: Ays,
}

impl Scene {
    /// With a full node.
    pub fn new() -> Self {
        let lab = Lab::new();
        let node = lab.node("n1");
        Self::on(lab, node)
    }

    /// With a node of its own kind, whose name is `n1`.
    pub fn on(lab: Lab, node: Node) -> Self {
        let origin = Origin::start(&lab);
        let environment = Environment::new(&lab);
        environment.add_node(&node, "");
        environment.commit();
        let ays = Ays::new(&lab, &environment, &[&node]);
        Self { lab, node, origin, environment, ays }
    }

    /// Starts `install` of `x`, with more arguments.
    pub fn spawn(&self, more: &[&str]) -> Running {
        let install = ["install", "-n", "image_x", "--targettype", "node.ssh", "--targetname", "n1"];
        self.ays.spawn(&[&install, more].concat())
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

    /// Puts a disk at `/x.qcow2` with its MD5, and the recipe of `x` in the environment; gives the disk's SHA-256.
    pub fn publish_x(&self, seed: u64) -> String {
        let hash = qcow2(&self.origin.file("x.qcow2"), seed);
        self.origin.publish_md5("x.qcow2");
        self.environment.add_image("x", &format!("http://{}", Lab::SOURCE), "/x.qcow2", "checkmd5:'true'");
        hash
    }

    /// A disk's SHA-256, and the bytes of an image of it.
    pub fn disk(&self, seed: u64) -> (String, Vec<u8>) {
        let path = self.lab.dir().join(format!("disk-{seed}.qcow2"));
        let hash = qcow2(&path, seed);
        (hash, fs::read(path).unwrap())
    }

    /// Where this machine sees a file of the node's pool.
    pub fn pool(&self, name: &str) -> PathBuf {
        self.node.path(POOL).join(name)
    }
}

/// A stored file's name, for the source's stem and the disk's SHA-256.
pub fn named(stem: &str, hash: &str) -> String {
    format!("{stem}-{}.raw", &hash[..12])
}
