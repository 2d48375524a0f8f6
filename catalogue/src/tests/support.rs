//! A catalogue of its own for each test, two pools with their stacks, a clock.

use ays_model::{BootType, Checksum, Content, Digest, DiskFormat, Gid, Md5, PoolKey, Proof, Sha256};

use super::super::sql::Database;
use super::super::test_server::TestServer;
use crate::{
    Catalogue, ChangedBy, ImageFacts, Registration, ServiceOnNode, SourceFacts, StackFacts, StoredFacts,
    TemplateFacts, Timestamp,
};

/// A catalogue with the stacks n1 and n2, which share a pool, and n3, which has its own. Removed when dropped.
pub struct Fixture {
    pub catalogue: Catalogue,
    /// The same catalogue, for SQL of a test's own.
    pub database: Database,
    pub server: TestServer,
}

impl Fixture {
    pub async fn new() -> Self {
        let server = TestServer::start().await;
        let database = server.open("g8").await;
        let catalogue = Catalogue::of(database.clone());
        catalogue.set_stacks(&[n1(), n2(), n3()], &[], None, &ops(0)).await.unwrap();
        Self { catalogue, database, server }
    }

    /// Another process, as far as the catalogue can tell.
    pub async fn other(&self) -> Catalogue {
        Catalogue::of(self.server.open("g8").await)
    }
}

/// 2026-11-21, 20:00:00 and so many seconds.
pub fn at(seconds: i64) -> Timestamp {
    jiff::Timestamp::from_second(1_795_291_200 + seconds).unwrap().into()
}

pub fn shared() -> PoolKey {
    PoolKey { gid: Gid(1), name: "vmstor".into(), node: None, path: "/mnt/vmstor".into() }
}

pub fn own() -> PoolKey {
    PoolKey {
        gid: Gid(1),
        name: "local".into(),
        node: Some("n3".into()),
        path: "/var/lib/ays/templates".into(),
    }
}

pub fn n1() -> StackFacts {
    StackFacts { name: "n1".into(), pool: shared() }
}

pub fn n2() -> StackFacts {
    StackFacts { name: "n2".into(), pool: shared() }
}

pub fn n3() -> StackFacts {
    StackFacts { name: "n3".into(), pool: own() }
}

pub fn debian_on(node: &str) -> ServiceOnNode {
    ServiceOnNode { service: "image_debian".into(), instance: "main".into(), node: node.into() }
}

/// A digest that a test calls so.
pub fn digest(name: &str) -> Digest {
    Digest::FsVerity(Content(bytes(name)))
}

/// An MD5 that a test calls so.
pub fn md5(name: &str) -> Md5 {
    Md5(bytes(name))
}

/// The SHA-256 of the source of this content.
pub fn source(content: &str) -> Sha256 {
    Sha256(bytes(content))
}

fn bytes<const LENGTH: usize>(name: &str) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    bytes
}

/// The image `name` with this content, in `pool`, wanted on these stacks.
pub fn registration(name: &str, content: &str, pool: PoolKey, wanted_on: &[&str]) -> Registration {
    Registration {
        image: ImageFacts {
            name: name.into(),
            description: Some("Debian 12".into()),
            category: "Linux".into(),
            size_gb: 10,
            username: Some("root".into()),
            boot_type: BootType::Bios,
            hot_resize: true,
        },
        source: SourceFacts {
            url: format!("http://images.example/{name}.qcow2"),
            etag: Some("\"1\"".into()),
            last_modified: None,
            md5: md5(content),
            sha256: source(content),
            size: 500,
            verified_by: Some(Proof::Served(Checksum::Md5(md5(content)))),
            signed_by: None,
            version: None,
        },
        stored: StoredFacts {
            file: format!("{name}-{content}.raw"),
            format: DiskFormat::Raw,
            content: digest(content),
            digest: digest(content),
            size: 2000,
            virtual_size: 2000,
        },
        template: TemplateFacts {
            name: format!("image_{name}").into(),
            checksum: md5("c1"),
            commit: Some("abc".into()),
        },
        by: "an operator".into(),
        pool,
        wanted_on: wanted_on.iter().map(|&stack| stack.into()).collect(),
    }
}

/// An operator, at this time.
pub fn ops(seconds: i64) -> ChangedBy {
    ChangedBy { actor: "ops@c".into(), reason: None, at: at(seconds) }
}
