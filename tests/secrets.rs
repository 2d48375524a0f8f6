//! No secret shows: not in what an install prints or writes, nor in the arguments or the environment of any process,
//! on either machine. It goes only where it was meant to.

mod hosts;
mod same_name;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use crate::support::{Ays, Environment, Ftp, Lab, qcow2};

const SECRETS: [&str; 4] = ["pub1234", "node-secret-77", Ftp::HARD_PASSWORD, "h%40rd"];

fn secrets_in(bytes: &[u8]) -> Vec<&'static str> {
    let found = |secret: &str| bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
    SECRETS.into_iter().filter(|secret| found(secret)).collect()
}

/// Looks at all processes of these networks again and again; gives the command lines and environments that held a secret.
struct Watch {
    stop: Arc<AtomicBool>,
    thread: thread::JoinHandle<(BTreeSet<String>, usize)>,
}

impl Watch {
    fn start(networks: Vec<PathBuf>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let (mut found, mut helpers) = (BTreeSet::new(), 0);
            while !until.load(Ordering::Relaxed) {
                for entry in fs::read_dir("/proc").unwrap().map_while(Result::ok) {
                    if !entry
                        .file_name()
                        .to_str()
                        .is_some_and(|name| name.bytes().all(|b| b.is_ascii_digit()))
                    {
                        continue;
                    }
                    // Other tests have secrets of their own.
                    let network = fs::read_link(entry.path().join("ns/net")).unwrap_or_default();
                    if !networks.contains(&network) {
                        continue;
                    }
                    // Processes come and go.
                    let read = |name| fs::read(entry.path().join(name)).unwrap_or_default();
                    let command = read("cmdline");
                    helpers += usize::from(String::from_utf8_lossy(&command).contains("ays-node-"));
                    if !secrets_in(&command).is_empty() || !secrets_in(&read("environ")).is_empty() {
                        found.insert(String::from_utf8_lossy(&command).replace('\0', " "));
                    }
                }
            }
            (found, helpers)
        });
        Self { stop, thread }
    }

    fn stop(self) -> (BTreeSet<String>, usize) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

fn files_below(top: &Path) -> Vec<PathBuf> {
    let (mut left, mut found) = (vec![top.to_owned()], Vec::new());
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten() {
            let entry = entry.unwrap();
            match entry.file_type().unwrap() {
                kind if kind.is_dir() => left.push(entry.path()),
                kind if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found
}

#[test]
fn no_secret_shows_anywhere() {
    let lab = Lab::new();
    let node = lab.node("n1");
    let ftp = Ftp::start(&lab);
    qcow2(&ftp.file("x.qcow2"), 1);
    ftp.publish_md5("x.qcow2");
    let environment = Environment::new(&lab);
    environment.add_node(&node, "instance.password = 'node-secret-77'\n");
    environment.add_image("x", &format!("ftp://pub:pub1234@{}", Lab::SOURCE), "/x.qcow2", "checkmd5:'true'");
    environment.add_image(
        "gone",
        &format!("ftp://pub:pub1234@{}", Lab::SOURCE),
        "/gone.qcow2",
        "checkmd5:'true'",
    );
    environment.add_image(
        "kept",
        &format!("ftp://$(secret.aydo)@{}", Lab::SOURCE),
        "/x.qcow2",
        "checkmd5:'true'",
    );
    environment.write(
        "servicetemplates/image_broken/service.hrd",
        &format!("web.export.1 =\n    url:'ftp://pub:pub1234@{}',\n    dest:'/y', source,\n", Lab::SOURCE),
    );
    environment.commit();
    let ays = Ays::new(&lab, &environment, &[&node]);

    let watch = Watch::start(vec![lab.network(), node.network()]);
    let missing = ays.run(&["install", "-n", "image_kept", "--targetname", "n1"]);
    assert_eq!(missing.code, Some(3), "{missing:#?}");
    assert!(missing.stderr.contains("help: keep it with `ays secret set aydo`"), "{missing:#?}");
    let kept = ays.feed(
        &["secret", "set", "aydo", "--for", &format!("ftp://{}", Lab::SOURCE)],
        &format!("hard:{}\n", Ftp::HARD_PASSWORD),
    );
    assert_eq!(kept.code, Some(0), "{kept:#?}");
    let mut printed = vec![missing, kept];
    let runs: [(&[&str], Option<i32>); 13] = [
        (&["list"], Some(0)),
        (&["nodes"], Some(0)),
        (&["install", "-n", "image_x", "--targetname", "n1", "--dry-run"], Some(0)),
        (&["install", "-n", "image_x", "--targetname", "n1"], Some(0)),
        (&["install", "-n", "image_x", "--targetname", "n1", "-r", "--json"], Some(0)),
        (&["install", "-n", "image_gone", "--targetname", "n1"], Some(1)),
        (&["install", "-n", "image_gone", "--targetname", "n1", "--json"], Some(1)),
        (&["install", "-n", "image_broken", "--targetname", "n1"], Some(3)),
        (&["install", "-n", "image_kept", "--targetname", "n1", "--dry-run"], Some(0)),
        (&["install", "-n", "image_kept", "--targetname", "n1", "--json"], Some(0)),
        (&["secret", "list", "--json"], Some(0)),
        (&["image", "list", "--json"], Some(0)),
        (&["image", "show", "x", "--json"], Some(0)),
    ];
    for (arguments, code) in runs {
        let output = ays.run(arguments);
        assert_eq!(output.code, code, "{arguments:?}: {output:#?}");
        printed.push(output);
    }
    let (shown_by_processes, helpers) = watch.stop();
    assert!(helpers > 0, "the watch never saw a helper");
    assert_eq!(shown_by_processes, BTreeSet::new());

    for output in printed {
        let text = format!("{}{}", output.stdout, output.stderr);
        assert_eq!(secrets_in(text.as_bytes()), [""; 0], "{text}");
    }
    let mut files = node.files();
    for place in [ays.home(), ays.state(), ays.temporary(), &environment.repo().join(".git")] {
        files.extend(files_below(place));
    }
    assert!(files.iter().any(|file| file.starts_with(ays.state())), "{files:?}");
    // Objects of git are compressed: what it holds of the templates is not found, and is none of the install's.
    let telling: Vec<_> =
        files.iter().filter(|file| !secrets_in(&fs::read(file).unwrap()).is_empty()).collect();
    assert!(telling.is_empty(), "{telling:?}");
}
