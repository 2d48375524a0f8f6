//! Builds `ays-node`, the static helper that runs on nodes, so that the engine can embed it: one file is what users
//! copy. It has a target folder of its own, shared by all profiles, since cargo holds a lock on ours.

use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

const TARGET: &str = "x86_64-unknown-linux-gnu";

fn main() {
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"));
    let out_dir = PathBuf::from(variable("OUT_DIR"));
    let workspace = PathBuf::from(variable("CARGO_MANIFEST_DIR")).join("..");
    for input in ["node/src", "node/Cargo.toml", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", workspace.join(input).display());
    }

    let helper = build(&workspace, &out_dir, &variable("CARGO"));
    let bytes = std::fs::read(&helper).unwrap_or_else(|error| panic!("{}: {error}", helper.display()));
    let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    std::fs::write(out_dir.join("ays-node"), bytes).expect("OUT_DIR can be written");
    println!("cargo::rustc-env=AYS_NODE_SHA256={hash}");
}

/// Builds the helper and gives its path.
fn build(workspace: &Path, out_dir: &Path, cargo: &str) -> PathBuf {
    // OUT_DIR is <target folder>/<profile>/build/<package>/out.
    let target_dir = out_dir.ancestors().nth(4).unwrap_or(out_dir).join("helper");
    let status = Command::new(cargo)
        .current_dir(workspace)
        .args(["build", "--quiet", "--package", "ays-node", "--bin", "ays-node", "--features", "helper"])
        .args(["--profile", "helper", "--target", TARGET, "--target-dir"])
        .arg(&target_dir)
        .env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+crt-static")
        // A wrapper such as clippy's is for the crate that is being checked, not for this one.
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("RUSTC_WRAPPER")
        .status()
        .expect("cargo can be started");
    assert!(status.success(), "the helper ays-node did not build");
    target_dir.join(TARGET).join("helper").join("ays-node")
}
