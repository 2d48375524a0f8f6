//! `@ASK`: questions on a terminal, answers from files, and where answers stay.

use std::fs;

use crate::support::{Lab, Scene, pattern};

const QUESTIONS: &str = "\
name = @ASK name:nick type:str descr:'what it is called' regex:'^[a-z]+$'
size = @ASK type:int default:20 minValue:1 maxValue:250 retry:2
ratio = @ASK type:float default:0.5
fast = @ASK type:bool default:true
kind = @ASK type:dropdown dropdownvals:data,disk default:disk
ports = @ASK type:list
env = @ASK type:dict
notes = @ASK type:multiline
password = @ASK type:password descr:'of the source'
";

const ANSWERED: &str = "\
instance.name                  = 'wily'
instance.size                  = '30'
instance.ratio                 = '0.5'
instance.fast                  = 'false'
instance.kind                  = 'data'
instance.ports                 = '80, 443'
instance.env                   = 'a:b, c:d'
instance.notes                 = 'one\\ntwo\\n'
instance.password              = '$(secret.n1.asked.main.password)'
";

/// A recipe that asks, and fetches `/data-NAME-SIZE` from where that password is asked for.
fn scene() -> Scene {
    let scene = Scene::new();
    scene.environment.write("servicetemplates/asked/instance.hrd", QUESTIONS);
    let source = format!(
        "web.export.1 =\n    url:'http://u:$(instance.password)@{}',\n    source:'/$(instance.kind)',\n    \
         dest:'/var/tmp/$(instance.name)-$(instance.size)',\n",
        Lab::SOURCE
    );
    scene.environment.write("servicetemplates/asked/service.hrd", &source);
    fs::write(scene.origin.file("data"), pattern(1, 1000)).unwrap();
    scene
}

const INSTALL: [&str; 5] = ["install", "-n", "asked", "--targetname", "n1"];
const FILE: &str = "services/jumpscale__node.ssh__n1/jumpscale__asked__main/service.hrd";

#[test]
fn every_type_of_question_is_asked_on_a_terminal_once() {
    let scene = scene();
    let mut terminal = scene.ays.on_terminal(&INSTALL);
    terminal.expect("name - what it is called");
    terminal.enter("Wily 1");
    terminal.expect("the answer for `name` must be text that matches ^[a-z]+$");
    terminal.expect("name - what it is called");
    terminal.enter("wily");
    terminal.expect("size");
    terminal.enter("0");
    terminal.expect("the answer for `size` must be at least 1");
    terminal.expect("size");
    terminal.enter("30");
    terminal.expect("ratio");
    terminal.enter("");
    terminal.expect("fast");
    terminal.enter("n");
    terminal.expect("kind");
    terminal.enter("data");
    terminal.expect("ports (a, b, c)");
    terminal.enter("80, 443");
    terminal.expect("env (key:value, key2:value2)");
    terminal.enter("a:b, c:d");
    terminal.expect("notes (an empty line ends it)");
    terminal.enter("one");
    terminal.expect("? ..");
    terminal.enter("two");
    terminal.expect("> .. two");
    terminal.expect("? ..");
    terminal.enter("");
    terminal.expect("password - of the source");
    terminal.enter("hunter-22");
    // The recipe says where it goes, and the operator whether it may.
    terminal.expect("May `n1.asked.main.password` go to http://10.199.0.2?");
    terminal.enter("y");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains("hunter"), "{shown}");

    assert_eq!(fs::read_to_string(scene.environment.repo().join(FILE)).unwrap(), ANSWERED);
    assert_eq!(scene.node.list("/var/tmp"), ["wily-30"]);
    let secrets = scene.ays.json(&["secret", "list"]);
    assert_eq!(secrets[0]["name"], "n1.asked.main.password");
    // Nothing is asked again, on a terminal or without one.
    assert_eq!(scene.ays.succeeds(&INSTALL).lines().count(), 1);
    let (code, shown) = scene.ays.on_terminal(&INSTALL).end();
    assert!(code == Some(0) && shown.contains("nothing to do"), "{shown}");

    let mut terminal = scene.ays.on_terminal(&[&INSTALL[..], &["-hr", "--data", "name:other"]].concat());
    for wrong in ["0", "1.5", "251"] {
        terminal.expect("size");
        terminal.enter(wrong);
        terminal.expect("the answer for `size` must be");
    }
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(2), "{shown}");
    assert_eq!(fs::read_to_string(scene.environment.repo().join(FILE)).unwrap(), ANSWERED);
}

#[test]
fn without_a_terminal_answers_come_from_options_and_files() {
    let scene = scene();
    let output = scene.ays.run(&INSTALL);
    let said = output.stderr.lines().next().unwrap();
    assert_eq!(output.code, Some(3), "{output:#?}");
    assert_eq!(
        said,
        "error: servicetemplates/asked/instance.hrd:1:1: `name`, `ports`, `env`, `notes`, `password` have no answers and \
         no defaults: give them with --data 'name:VALUE ports:VALUE env:VALUE notes:VALUE password:$(secret.NAME)'"
    );
    let seed = scene.lab.dir().join("seed.hrd");
    let text = "jumpscale.asked.main.name = 'seeded'\njumpscale.asked.main.size = 7\njumpscale.asked.main.ports = 80, 443\n\
                jumpscale.asked.main.env = a:b,\njumpscale.asked.main.notes = 'x'\njumpscale.asked.main.kind = 'data'\n\
                jumpscale.asked.main.password = '$(secret.ftp)'\n";
    fs::write(&seed, text).unwrap();
    assert_eq!(
        scene.ays.feed(&["secret", "set", "ftp", "--for", "http://10.199.0.2"], "hunter-22\n").code,
        Some(0)
    );
    let install = [&INSTALL[..], &["-hs", seed.to_str().unwrap(), "--data", "size:8"]].concat();
    scene.ays.succeeds(&[&install[..], &["--dry-run"]].concat());
    assert!(!scene.environment.repo().join(FILE).exists(), "a dry run writes nothing");
    scene.ays.succeeds(&install);
    assert_eq!(scene.node.list("/var/tmp"), ["seeded-8"]);
    let kept = fs::read_to_string(scene.environment.repo().join(FILE)).unwrap();
    assert!(kept.contains("instance.password              = '$(secret.ftp)'\n"), "{kept}");
    assert_eq!(scene.ays.succeeds(&INSTALL).lines().count(), 1);
}

#[test]
fn a_secret_is_typed_unseen() {
    let scene = Scene::new();
    let mut terminal = scene.ays.on_terminal(&["secret", "set", "aydo"]);
    terminal.expect("aydo:");
    terminal.enter("hunter-22");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("`aydo` is kept in") && !shown.contains("hunter"), "{shown}");
    let removed = scene.ays.run(&["secret", "remove", "ayda"]);
    assert_eq!(
        (removed.code, removed.stderr.as_str()),
        (Some(2), "error: no secret is named `ayda`; did you mean `aydo`?\n")
    );
    assert_eq!(scene.ays.succeeds(&["secret", "remove", "aydo"]), "`aydo` is removed\n");
    assert_eq!(scene.ays.json(&["secret", "list"]), serde_json::json!([]));
    assert_eq!(scene.ays.feed(&["secret", "set", "aydo"], "\n").code, Some(2));
}
