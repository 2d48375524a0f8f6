//! What is right, or not for ays to judge, is not found fault with; and looking takes no time.

#![expect(clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::path::Path;
use std::time::Duration;

use support::Repository;

/// The files that are shown in `text` between fences, each after a comment that names it.
fn shown_files(text: &str) -> Vec<(String, String)> {
    let blocks = text.split("```").skip(1).step_by(2).filter_map(|block| {
        let (_, block) = block.split_once('\n')?;
        let (name, content) = block.split_once('\n')?;
        Some((name.strip_prefix("# ")?.to_owned(), content.to_owned()))
    });
    blocks.filter(|(name, _)| name.starts_with("servicetemplates/")).collect()
}

#[test]
fn the_recipe_of_the_readme_has_no_mistake() {
    let repository = Repository::new();
    let files = shown_files(include_str!("../../README.md"));
    assert_eq!(files.len(), 2);
    for (name, content) in files {
        repository.write(&name, content.as_bytes());
    }
    assert_eq!(repository.lint(), "");
}

#[test]
fn of_the_example_environment_only_its_unverified_and_literal_sources_are_told() {
    let repository = Repository::new();
    repository.copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/environment"), "");
    let found = repository.lint();
    let told: Vec<_> = found.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(
        told,
        [
            "servicetemplates/_images/image_ubuntu-16.04-x64/service.hrd:7:16: warning[password-in-url] an address holds a \
             password, which all who can read the repository can read",
            "servicetemplates/_images/image_wily-server/service.hrd:4:5: warning[http-unverified] whoever is between a node \
             and this http source can change what is downloaded",
            "servicetemplates/_images/image_windows2012/service.hrd:7:16: warning[password-in-url] an address holds a \
             password, which all who can read the repository can read",
        ]
    );
}

#[test]
fn of_real_recipes_only_what_is_wrong_is_told() {
    let repository = Repository::new();
    for line in include_str!("../../fixtures/hrd-vectors.jsonl").lines() {
        let vector: serde_json::Value = serde_json::from_str(line).expect("a vector is JSON");
        let (file, text) =
            (vector["file"].as_str().expect("a name"), vector["text"].as_str().expect("a text"));
        repository.write(&format!("servicetemplates/{file}"), text.as_bytes());
    }
    let found = repository.lint();
    let told =
        found.lines().filter(|line| !line.starts_with(' ') && !line.contains("warning[password-in-url]"));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            "servicetemplates/cbportal/service.hrd:5:5: warning[unknown-key] `instnace` is no key of `dependencies.2`; did you \
             mean `instance`?",
            "servicetemplates/vncproxy/service.hrd:1:1: warning[unknown-key] no key is named `depencencies.2`; did you mean \
             `dependencies.2`?",
            "servicetemplates/vncproxy/service.hrd:10:1: warning[unknown-key] no key is named `env.procces.1`; did you mean \
             `env.process.1`?",
        ]
    );
}

#[test]
fn a_thousand_recipes_take_no_time() {
    let repository = Repository::new();
    for number in 0..1000 {
        let directory = format!("servicetemplates/_images/image_{number}");
        let service = format!(
            "platform.supported             = 'generic'\n\nweb.export.1                   =\n    checkmd5:'true',\n    \
             dest:'$(system.paths.tmp)/templates/image-{number}.qcow2',\n    source:'/Linux/image-{number}.qcow2',\n    \
             url:'https://images.example.org',\n\ndependencies.1                 =\n    name:'image_{}',\n",
            number + 1
        );
        repository.write(&format!("{directory}/service.hrd"), service.as_bytes());
        let actions = format!(
            "from JumpScale import j\n\nActionsBase=j.atyourservice.getActionsBaseClass()\n\nclass Actions(ActionsBase):\n    \
             def configure(self, serviceObj):\n        from CloudscalerLibcloud.imageutil import registerImage\n        \
             registerImage(serviceObj, 'Image {number}', 'image-{number}.qcow2', 'Linux', 10)\n"
        );
        repository.write(&format!("{directory}/actions.py"), actions.as_bytes());
        repository.write(
            &format!("{directory}/instance.hrd"),
            b"size                           = @ASK type:int default:10\n",
        );
    }
    let environment = repository.environment().expect("an environment");
    let before = time_on_processor();
    assert_eq!(ays_lint::lint(&environment), []);
    let took = time_on_processor() - before;
    println!("{took:?}");
    // Without optimisation; with it, it is a few tenths of a second.
    assert!(took < Duration::from_secs(5), "{took:?}");
}

/// How long this thread was at work: what else the machine does has no part in it.
fn time_on_processor() -> Duration {
    let schedule = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells");
    let nanoseconds = schedule.split(' ').next().and_then(|number| number.parse().ok());
    Duration::from_nanos(nanoseconds.expect("a number"))
}
