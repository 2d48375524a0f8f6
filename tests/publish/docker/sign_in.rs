//! Whom a registry lets in, and what is none.

use super::{DISK, account, open};
use crate::publish::{create_accounts, publish, publish_well, refusal, refuse_accounts};
use crate::support::{Certificate, Door, Lab, Registry, Scene, TokenServer};

#[test]
fn a_registry_lets_in_who_has_the_password() {
    let scene = Scene::new();
    scene.publish_x(32);
    scene.succeeds(&[]);
    let certificate = Certificate::new(&scene.lab);
    let registry = Registry::start_with(&scene.lab, 5000, &Door::Login(&certificate));
    let url = format!("https://{}", registry.host());
    let authority = format!("caCertificate = '{}'\n", certificate.authority_file());
    let good = account(&url, &authority);

    let (code, said) = refuse_accounts(&scene, "wrong.toml", &good.replace("pub1234", "pub4321"));
    let expected = format!(
        "error: signing in to the registry: {url} answered 401: UNAUTHORIZED: authentication required\n  \
         cure: the login, or what proves it, is not right: make the account again\n"
    );
    assert_eq!((code, said), (Some(1), expected));
    let (code, said) = refuse_accounts(&scene, "unknown.toml", &account(&url, ""));
    let expected = format!("error: signing in to the registry: {url} did not answer\n  because: ");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.starts_with(&expected) && said.contains("an authority (caCertificate)"), "{said}");
    let none = account(&url, "caCertificate = '/no/such.pem'\n");
    let (code, said) = refuse_accounts(&scene, "none.toml", &none);
    let expected = "error: /no/such.pem is no certificate of an authority\n  because: No such file or directory (os error 2)\n";
    assert_eq!((code, said.as_str()), (Some(1), expected));

    create_accounts(&scene, "reg.toml", &good);
    publish_well(&scene, "reg", &DISK, &[]);
    assert!(registry.manifest("disks/x", "1").is_some());
}

#[test]
fn a_registry_lets_in_who_has_a_token() {
    let scene = Scene::new();
    scene.publish_x(33);
    scene.succeeds(&[]);
    let certificate = Certificate::new(&scene.lab);
    let tokens = TokenServer::start(&scene.lab, &certificate);
    let door = Door::Tokens { certificate: &certificate, realm: tokens.realm() };
    let registry = Registry::start_with(&scene.lab, 5000, &door);
    create_accounts(&scene, "reg.toml", &open(&registry));
    publish_well(&scene, "reg", &DISK, &[]);
    assert!(registry.manifest("disks/x", "1").is_some());
    let asked = tokens.requests();
    let scope = "/token?service=registry&scope=repository%3Adisks%2Fx%3Apull%2Cpush%2Cdelete Basic ";
    assert!(asked.iter().any(|request| request.starts_with(scope)), "{asked:#?}");

    // The stand-in gives everybody a token; with the wrong password it is good for nothing.
    let wrong = open(&registry).replace("pub1234", "pub4321").replace("'reg'", "'other'");
    create_accounts(&scene, "other.toml", &wrong);
    let refused = refusal(publish(&scene, "other", &[&DISK[..], &["tagName=other"]].concat(), &[]));
    let expected = format!(
        "other: looking at a manifest: http://{} answered 401: UNAUTHORIZED: \
         authentication required\n    cure: the login, or what proves it, is not right: make the account again\n",
        registry.host()
    );
    assert_eq!(refused, (Some(1), expected));
    assert_eq!(registry.tags("disks/x"), ["1"]);
}

#[test]
fn a_web_server_is_no_registry() {
    let scene = Scene::new();
    let (code, said) = refuse_accounts(&scene, "reg.toml", &account(&format!("http://{}", Lab::SOURCE), ""));
    let expected = "error: it is no registry of version 2 of the API, which is the only one that is spoken here\n  cure: \
         look whether the account's address is that of such a service\n";
    assert_eq!((code, said.as_str()), (Some(1), expected));
    // Nobody is there.
    let (code, said) = refuse_accounts(&scene, "reg.toml", &account("http://10.199.0.1:1", ""));
    let expected = "error: signing in to the registry: http://10.199.0.1:1 did not answer\n  because: ";
    assert_eq!(code, Some(1), "{said}");
    assert!(said.starts_with(expected), "{said}");
    assert!(
        said.contains("\n  cure: look whether the address is right and a firewall lets this machine there"),
        "{said}"
    );
}
