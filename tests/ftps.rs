//! FTP over TLS, against real servers: a file is installed, followed and looked at over one and the same client.

use crate::support::{Certificate, Ftp, Lab, Output, Scene, Vsftpd, named, qcow2, truth::stored};

/// Each command that asks a source, for the image `x` at `url`.
fn follow(scene: &Scene, url: &str, hash: &str) {
    scene.environment.add_image("x", url, "/x.qcow2", "checkmd5:'true'");
    scene.succeeds(&["-r"]);
    assert_eq!(stored(&scene.node), [named("x", hash)], "{url}");
    for (arguments, words) in
        [(&["outdated"][..], "current"), (&["lint", "--online", "servicetemplates/image_x"], "0 errors")]
    {
        let output = scene.ays.run(arguments);
        assert_eq!(output.code, Some(0), "{url}: {output:#?}");
        assert!(output.stdout.contains(words), "{url}: {output:#?}");
    }
}

fn refused(scene: &Scene, url: &str) -> Output {
    scene.environment.add_image("x", url, "/x.qcow2", "checkmd5:'true'");
    let output = scene.run(&["-r"]);
    assert_eq!(output.code, Some(1), "{url}: {output:#?}");
    output
}

#[test]
fn ftp_over_tls_is_installed_and_followed() {
    let scene = Scene::new();
    let certificate = Certificate::new(&scene.lab);
    let ftp = Ftp::start_with_tls(&scene.lab, &certificate);
    let vsftpd = Vsftpd::start(&scene.lab, &certificate);
    let hash = qcow2(&ftp.file("x.qcow2"), 40);
    ftp.publish_md5("x.qcow2");
    let source = Lab::SOURCE;

    // Nobody knows who made the certificate.
    let output = refused(&scene, &format!("ftps://{source}"));
    assert!(output.stderr.contains("invalid peer certificate: UnknownIssuer"), "{output:#?}");

    scene.environment.write("keys/ca.pem", &certificate.authority());
    scene.environment.write("ays.toml", "name = 'example'\n[fetch]\nca = ['keys/ca.pem']\n");
    scene.environment.commit();
    for url in [
        // It lets nobody in without TLS: that is heard, and done.
        format!("ftp://pub:pub1234@{source}"),
        format!("ftpes://pub:pub1234@{source}"),
        format!("ftps://{source}"),
        format!("ftpes://{source}:2121"),
    ] {
        follow(&scene, &url, &hash);
    }
    let output = refused(&scene, &format!("ftps://{source}:2121"));
    assert!(output.stderr.contains("the address begins with ftpes:"), "{output:#?}");
    let output = refused(&scene, &format!("ftpes://pub:wrong-secret@{source}"));
    assert!(output.stderr.contains("the login was refused: 530"), "{output:#?}");
    assert!(!output.stderr.contains("wrong-secret"), "{output:#?}");

    let url = format!("ftps://{source}/x.qcow2");
    let output = scene.ays.run(&["new", "image", "image_y", "--url", &url]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert!(output.stdout.contains("x.qcow2.md5sum") || output.stdout.contains("check"), "{output:#?}");
    drop(vsftpd);
}
