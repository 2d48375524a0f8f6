//! What all stories use: a network of their own with nodes and sources in it, environments, disk images, and `ays`.

mod ays;
mod azurite;
mod browser;
pub mod disk;
mod dns;
mod environment;
mod fault_proxy;
mod faulty;
pub mod git_server;
#[path = "../../signatures/tests/support/gpg.rs"]
#[allow(dead_code, reason = "not all of it is needed here")]
mod gpg;
pub mod http;
pub mod lab;
mod listener;
mod many;
mod message;
mod moto;
mod node;
mod openstack;
mod origin;
#[path = "../../catalogue/tests/support/postgres.rs"]
#[allow(dead_code, reason = "not all of it is needed here")]
mod postgres;
pub mod random;
mod registry;
mod scene;
pub mod schema;
mod service;
mod terminal;
mod tokens;
pub mod truth;
mod web;

pub use ays::{Ays, Output, Running};
pub use azurite::Azurite;
pub use browser::Browser;
pub use disk::{DISK, digest, md5, pattern, qcow2, sha256};
pub use dns::start_half_a_name_server;
pub use environment::Environment;
pub use fault_proxy::{FaultProxy, ProxyFault};
pub use faulty::{Fault, Faulty};
pub use gpg::Gpg;
pub use lab::Lab;
pub use listener::Listener;
pub use many::{Many, events, last_line};
pub use moto::Moto;
pub use node::{Kind, Node};
pub use openstack::{Login, OpenStack};
pub use origin::{Certificate, Ftp, Origin, Request, Vsftpd};
pub use postgres::Postgres;
pub use registry::{Door, Registry};
pub use scene::{Scene, named};
pub use tokens::TokenServer;
pub use web::SafeWeb;
