//! Builds `ays-node`, the static helper that runs on nodes, so that the engine can embed it: one file is what users
//! copy. It has a target folder of its own, shared by all profiles, since cargo holds a lock on ours.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Static; and random numbers straight from the kernel: a static program finds no getrandom(3), and the way around that
/// needs a /dev that a node may not have.
const FLAGS: &str = "-Ctarget-feature=+crt-static\x1f--cfg=getrandom_backend=\"linux_getrandom\"";

fn main() -> Result<(), Box<dyn Error>> {
    let out_dir = PathBuf::from(std::env::var("OUT_DIR")?);
    let workspace = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("..");
    for input in [
        "helper/src",
        "helper/Cargo.toml",
        "protocol/src",
        "model/src",
        "disk/src",
        "disk/Cargo.toml",
        "signatures/src",
        "signatures/Cargo.toml",
        "unpack/src",
        "unpack/Cargo.toml",
        "Cargo.toml",
        "Cargo.lock",
    ] {
        println!("cargo::rerun-if-changed={}", workspace.join(input).display());
    }

    let helper = std::fs::read(build(&workspace, &out_dir, &std::env::var("CARGO")?)?)?;
    let hash = hex::encode(Sha256::digest(&helper));
    std::fs::write(out_dir.join("ays-node"), helper)?;
    println!("cargo::rustc-env=AYS_NODE_SHA256={hash}");
    Ok(())
}

/// Builds the helper and gives its path.
fn build(workspace: &Path, out_dir: &Path, cargo: &str) -> Result<PathBuf, Box<dyn Error>> {
    // OUT_DIR is <target folder>/<profile>/build/<package>/out.
    let target_dir = out_dir.ancestors().nth(4).unwrap_or(out_dir).join("helper");
    let status = Command::new(cargo)
        .current_dir(workspace)
        .args(["build", "--quiet", "--package", "ays-helper", "--bin", "ays-node"])
        .args(["--profile", "helper", "--target", TARGET, "--target-dir"])
        .arg(&target_dir)
        .env("CARGO_ENCODED_RUSTFLAGS", FLAGS)
        // A wrapper such as clippy's is for the crate that is being checked, not for this one.
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("RUSTC_WRAPPER")
        .status()?;
    if !status.success() {
        return Err("the helper ays-node did not build".into());
    }
    Ok(target_dir.join(TARGET).join("helper").join("ays-node"))
}
