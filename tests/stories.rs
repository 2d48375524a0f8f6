//! Stories through the binary, against real sshd nodes, nginx, pure-ftpd, vsftpd, Distribution, an OpenID provider, and a faulty server of ours.
//!
//! They need root and what `scripts/install-test-parts` installs. Each test has a network of its own, which nobody
//! else sees, so the addresses are the same in all of them.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "clippy allows these in functions marked as tests, not in what such functions call"
)]

mod architecture;
mod artifacts;
mod ask;
mod availability;
mod catalogue;
mod catalogue_check;
mod catalogue_faults;
mod crowd;
mod documents;
mod ends_well;
mod env;
mod feed;
mod ftps;
mod image_check;
mod images_by_hand;
mod images_elsewhere;
mod install;
mod jobs;
mod json;
mod libvirt;
mod lint;
mod many;
mod methods;
mod node;
mod outdated;
mod packed;
mod pool;
mod portal;
mod publish;
mod rehearse;
mod removal;
mod scrub;
mod secrets;
mod server;
mod services;
mod sign_in;
mod sixteen;
mod sources;
mod ssh;
mod states;
mod support;
mod support_works;
