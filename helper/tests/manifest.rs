//! What is picked in the manifests of registries.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use ays_helper::{Manifest, ManifestFault};
use ays_model::Artifact;
use serde_json::{Value, json};

fn digest(of: &str) -> String {
    format!("sha256:{}", of.repeat(64))
}

fn layer(of: &str, kind: &str, title: Option<&str>) -> Value {
    let annotations = title.map(|title| json!({"org.opencontainers.image.title": title}));
    json!({"mediaType": kind, "digest": digest(of), "size": 5, "annotations": annotations})
}

const TAR: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// The title, or else the first digit of the digest, of the layer that is picked.
fn picked(layers: &[Value], member: Option<&str>) -> Result<String, ManifestFault> {
    let text = json!({"schemaVersion": 2, "layers": layers}).to_string();
    let Manifest::Image(image) = Manifest::read(text.as_bytes())? else { panic!("{text}") };
    let layer = image.pick(member)?;
    assert_eq!(layer.size, 5);
    Ok(layer.title.unwrap_or_else(|| layer.digest.digits()[..1].to_owned()))
}

#[test]
fn which_layer_is_the_disk() {
    let disk = |of, title| layer(of, "application/octet-stream", Some(title));
    let plain = |of| layer(of, TAR, None);
    let readme = layer("e", "text/markdown", Some("README.md"));
    let by_digest = digest("b");
    for (layers, member, expected) in [
        // Of a KubeVirt containerDisk.
        (vec![plain("a")], None, "a"),
        (vec![plain("a")], Some("disk/x.qcow2"), "a"),
        (vec![plain("a"), plain("b")], Some(by_digest.as_str()), "b"),
        // As oras pushes.
        (vec![readme.clone()], None, "README.md"),
        (vec![disk("a", "x.qcow2"), readme.clone()], None, "x.qcow2"),
        (vec![disk("a", "images/x.qcow2.xz"), readme.clone()], None, "images/x.qcow2.xz"),
        (vec![readme.clone(), layer("a", "application/vnd.acme.disk.v1", None)], None, "a"),
        (vec![readme.clone(), layer("a", "application/x-raw", None)], None, "a"),
        (vec![disk("a", "x.img"), disk("b", "y.img")], Some("y.img"), "y.img"),
        (vec![disk("a", "x/x.img"), disk("b", "y/y.img")], Some("y.img"), "y/y.img"),
        (vec![disk("a", "x.img"), readme.clone()], Some("in/x.raw"), "x.img"),
        (vec![disk("a", "x.img"), disk("a", "x.img")], Some("x.img"), "x.img"),
    ] {
        assert_eq!(picked(&layers, member).unwrap(), expected, "{layers:?} {member:?}");
    }
}

#[test]
fn what_is_not_clear_names_what_there_is() {
    let disk = |of, title| layer(of, "application/octet-stream", Some(title));
    let (a, b) = (digest("a"), digest("b"));
    let two = [disk("a", "x.img"), disk("b", "y.img")];
    let error = picked(&two, None).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "several layers of it may be the disk: x.img ({a}), y.img ({b}); member:'..' picks one, by its title or digest"
        )
    );
    let error = picked(&two, Some("z.img")).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("no layer of it is called z.img; there are x.img ({a}), y.img ({b})")
    );
    // An archive's name is a layer's, and the only layer has another.
    assert!(matches!(
        picked(&[disk("a", "x.tar.xz")], Some("y.tar.xz")),
        Err(ManifestFault::NoMember { .. })
    ));
    assert_eq!(picked(&[], None), Err(ManifestFault::NoLayer));
    let many: Vec<_> = (0..50).map(|_| layer("c", "application/vnd.x.disk", Some("a\u{1b}[31m\n"))).collect();
    let error = picked(&many, None).unwrap_err().to_string();
    assert!(error.contains("and 30 more") && !error.contains(char::is_control), "{error}");
    for wrong in ["md5:d41d8cd98f00b204e9800998ecf8427e", "sha256:ab", "", "sha256:../../x"] {
        let layers = [json!({"mediaType": TAR, "digest": wrong, "size": 5})];
        assert!(matches!(picked(&layers, None), Err(ManifestFault::Digest(_))), "{wrong}");
    }
}

fn entry(of: &str, platform: Value, annotations: Value) -> Value {
    json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest(of), "size": 1,
        "platform": platform, "annotations": annotations})
}

fn led(entries: &[Value], arch: &str, item: Option<&str>) -> Result<String, ManifestFault> {
    let text = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries});
    let Manifest::Index(index) = Manifest::read(text.to_string().as_bytes())? else { panic!("{text}") };
    let item = item.map(str::to_owned);
    let found = index.pick(&Artifact { arch: arch.to_owned(), item, ..Artifact::default() })?;
    Ok(found.digits()[..1].to_owned())
}

#[test]
fn which_entry_of_an_index_is_meant() {
    let on = |arch: &str| json!({"architecture": arch, "os": "linux"});
    let (amd64, arm64) = (entry("a", on("amd64"), json!(null)), entry("b", on("arm64"), json!(null)));
    let proof = entry("f", json!({"architecture": "unknown", "os": "unknown"}), json!({"k": "attestation"}));
    let bare = entry("c", json!(null), json!({"x": "one"}));
    // As the images for podman's machines are: other names of processors, one entry for each kind of disk.
    let of_kind = |of, kind: &str| entry(of, on("x86_64"), json!({"disktype": kind}));
    let machines = [of_kind("d", "qemu"), of_kind("e", "wsl"), entry("b", on("aarch64"), json!(null))];
    let by_digest = digest("e");
    for (entries, arch, item, expected) in [
        (vec![arm64.clone(), proof.clone(), amd64.clone()], "amd64", None, "a"),
        (vec![arm64.clone(), amd64.clone()], "x86_64", None, "a"),
        (vec![arm64.clone(), amd64.clone()], "aarch64", None, "b"),
        (vec![bare.clone()], "amd64", None, "c"),
        (
            vec![bare.clone(), bare.clone(), entry("d", json!(null), json!({"x": "two"}))],
            "amd64",
            Some("two"),
            "d",
        ),
        (machines.to_vec(), "amd64", Some("qemu"), "d"),
        (machines.to_vec(), "amd64", Some(by_digest.as_str()), "e"),
        (machines.to_vec(), "arm64", None, "b"),
    ] {
        assert_eq!(led(&entries, arch, item).unwrap(), expected, "{entries:?}");
    }
    let told = |entries: &[Value], arch, item| led(entries, arch, item).unwrap_err().to_string();
    assert_eq!(
        told(&[arm64.clone(), proof, arm64.clone()], "amd64", None),
        "it has nothing for the processor amd64; it has arm64 (arch:'..' picks one)"
    );
    assert_eq!(
        told(&machines, "amd64", None),
        format!(
            "several of it are for the processor amd64: {} (linux, x86_64, qemu), {} (linux, x86_64, wsl); item:'..' picks \
             one, by its digest or a word in the brackets",
            digest("d"),
            digest("e")
        )
    );
    assert!(told(&machines, "amd64", Some("hyperv")).contains("is called hyperv; there are"));
    assert!(told(&[], "amd64", None).contains("nothing for the processor"));
    assert!(matches!(led(&[arm64, bare], "amd64", None), Err(ManifestFault::NoArch { .. })));
}

#[test]
fn what_is_no_manifest() {
    let layers = |count: usize| json!({"layers": vec![layer("a", TAR, None); count]}).to_string();
    for (text, fault) in [
        (r#"{"schemaVersion": 1, "fsLayers": [{"blobSum": "x"}], "name": "a"}"#, ManifestFault::FirstVersion),
        (r#"{"manifests": [], "layers": []}"#, ManifestFault::TwoKinds),
        (
            r#"{"mediaType": "application/vnd.oci.image.index.v1+json", "layers": []}"#,
            ManifestFault::TwoKinds,
        ),
        (
            r#"{"mediaType": "application/vnd.oci.image.manifest.v1+json", "manifests": []}"#,
            ManifestFault::TwoKinds,
        ),
        (&layers(1001), ManifestFault::TooMany("layers")),
    ] {
        assert_eq!(Manifest::read(text.as_bytes()), Err(fault), "{text}");
    }
    for text in [
        "",
        "<html>",
        "{}",
        "[]",
        r#"{"layers": [{}]}"#,
        r#"{"layers": [{"digest": "x", "size": -1}]}"#,
        r#"{"layers": [], "layers": []}"#,
        r#"{"layers": [{"digest": "x", "size": 1e99}]}"#,
    ] {
        assert!(matches!(Manifest::read(text.as_bytes()), Err(ManifestFault::Syntax(_))), "{text}");
    }
    assert!(Manifest::read(layers(1000).as_bytes()).is_ok());
}
