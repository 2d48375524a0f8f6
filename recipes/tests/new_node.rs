//! Nodes that are added: the file that is written, and what is refused before it is.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use ays_model::Gid;
use ays_recipes::NewNode;
use support::Repository;

fn plain(name: &str) -> NewNode {
    NewNode {
        name: name.into(),
        host: "10.0.0.11".to_owned(),
        port: None,
        login: None,
        key: None,
        gateway: None,
        gid: None,
        pool: None,
        stack: None,
    }
}

const KEY: &str =
    "instance.key.priv =\n    -----BEGIN\n    -----END\n\ninstance.key.pub = 'ssh-ed25519 AAAA ops'\n";

#[test]
fn its_file_says_what_was_said_and_no_more() {
    let repository = Repository::new();
    repository.write("ays.toml", "[pool.vmstor]\npath = '/mnt/vmstor'\n");
    repository.write("services/jumpscale__sshkey__ops/service.hrd", KEY);
    let environment = repository.environment();
    let place = plain("n1").write(&environment).unwrap();
    assert_eq!(place.to_string(), "services/jumpscale__node.ssh__n1/service.hrd");
    let written = |name: &str| {
        let path = format!("services/jumpscale__node.ssh__{name}/service.hrd");
        std::fs::read_to_string(repository.path(&path)).unwrap()
    };
    assert_eq!(written("n1"), "instance.ip = '10.0.0.11'\n");

    let all = NewNode {
        host: "fe80::1".to_owned(),
        port: Some(2222),
        login: Some("ops".to_owned()),
        key: Some("ops".into()),
        gateway: Some("n1".into()),
        gid: Some(Gid(7)),
        pool: Some("vmstor".into()),
        stack: Some(false),
        ..plain("rack-2.node_3")
    };
    // The gateway was not there yet.
    let environment = repository.environment();
    all.write(&environment).unwrap();
    let environment = repository.environment();
    assert_eq!(
        written("rack-2.node_3"),
        "instance.ip = 'fe80::1'\ninstance.ssh.port = 2222\ninstance.login = 'ops'\ninstance.sshkey = 'ops'\n\
         instance.ssh.gateway = 'n1'\ninstance.gid = 7\ninstance.pool = 'vmstor'\ninstance.stack = false\n"
    );
    let node = environment.node(Some("node.ssh"), "rack-2.node_3").unwrap();
    assert_eq!(node.key.unwrap().public.unwrap(), "ssh-ed25519 AAAA ops");
}

#[test]
fn what_is_refused_is_not_written() {
    let repository = Repository::new();
    repository.write("ays.toml", "[pool.vmstor]\npath = '/mnt/vmstor'\n");
    repository.write("services/x__node.ssh__n1/service.hrd", "instance.ip = '10.0.0.1'\n");
    repository.write("services/jumpscale__sshkey__ops/service.hrd", KEY);
    let environment = repository.environment();
    let refused = |node: NewNode| said(&node.write(&environment).unwrap_err());
    let name = |name: &str| {
        format!(
            "`{name}` cannot be a node's name: letters, digits, `.`, `-` and `_` can, a letter or digit first, and \
             `local` is this machine"
        )
    };
    for bad in ["", "..", "../x", "a/b", "-n", "a,b", "n*", "a b", "local"] {
        assert_eq!(refused(plain(bad)), name(bad));
    }
    assert_eq!(refused(plain("n1")), "node `n1` is already there: services/x__node.ssh__n1");
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        refused(NewNode { gateway: Some("n11".into()), ..plain("n9") }),
        "the gateway cannot be used: no node is named `n11`; did you mean `n1`?"
    );
    assert_eq!(
        refused(NewNode { pool: Some("vmstore".into()), ..plain("n9") }),
        "no pool is named `vmstore`; did you mean `vmstor`?"
    );
    assert_eq!(
        refused(NewNode { key: Some("op".into()), ..plain("n9") }),
        "no sshkey service is named `op`; did you mean `ops`?"
    );
    assert_eq!(
        refused(NewNode { host: "-oProxyCommand=x".to_owned(), ..plain("n9") }),
        "the new node: `instance.ip` is neither an address nor a host name"
    );
    assert_eq!(
        refused(NewNode { login: some("a'b"), ..plain("n9") }),
        "the new node: `instance.login` is no user name"
    );
    assert_eq!(
        refused(NewNode { login: some(""), ..plain("n9") }),
        "a value has signs that a node's file cannot have"
    );
    assert!(!repository.path("services/jumpscale__node.ssh__n9").exists());
}

fn said(error: &dyn std::error::Error) -> String {
    let cause = error.source().map(|cause| format!(": {cause}"));
    format!("{error}{}", cause.unwrap_or_default())
}
