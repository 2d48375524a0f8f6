//! A recipe that was written is the one that is read.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use ays_actions::{Action, Outcome, Progress};
use ays_model::{Artifact, BootType, Check, Member};
use ays_recipes::{
    Environment, Layers, NewCheck, NewImage, NewTemplateError, Recipe, Request, check_template_name,
};

fn environment() -> (tempfile::TempDir, Environment) {
    let directory = tempfile::tempdir().unwrap();
    let git = std::process::Command::new("git").args(["init", "-q"]).arg(directory.path()).status();
    assert!(git.expect("git").success());
    fs::create_dir(directory.path().join("servicetemplates")).unwrap();
    let environment = Environment::find(directory.path(), &Layers::default()).unwrap();
    (directory, environment)
}

fn wily() -> NewImage {
    NewImage {
        template: "image_wily-server".into(),
        url: "https://cloud-images.ubuntu.com".to_owned(),
        source: "/wily/current/wily-server-cloudimg-amd64-uefi1.img".to_owned(),
        check: NewCheck::Sums("SHA256SUMS".to_owned()),
        signed: None,
        file: "wily-server-cloudimg-amd64-uefi1.qcow2".to_owned(),
        name: "Wily's \"Server\" \\ 15.10".into(),
        category: "Linux".to_owned(),
        size_gb: 10,
        username: None,
        boot_type: BootType::Uefi,
        hot_resize: true,
    }
}

#[test]
fn what_is_written_is_what_is_read() {
    let (directory, environment) = environment();
    let places: Vec<_> = wily().write(&environment).unwrap().iter().map(ToString::to_string).collect();
    let in_it = |name: &str| format!("servicetemplates/image_wily-server/{name}");
    assert_eq!(places, ["service.hrd", "actions.py", "instance.hrd"].map(in_it));
    let environment = Environment::find(directory.path(), &Layers::default()).unwrap();
    let template = environment.template("image_wily-server").unwrap();
    let recipe = Recipe::read(&environment, template, &Request::without_answers("main".into())).unwrap();
    let [fetch] = &recipe.downloads[..] else { panic!("{recipe:?}") };
    assert_eq!(
        fetch.url.expose().as_str(),
        "https://cloud-images.ubuntu.com/wily/current/wily-server-cloudimg-amd64-uefi1.img"
    );
    assert_eq!(fetch.check, Check::Sums { list: "SHA256SUMS".to_owned(), file: None, signed: None });
    let mut run = recipe.script.unwrap().run("configure");
    let Progress::Action(Action::RegisterImage(image)) = run.resume(Outcome::Done).unwrap() else { panic!() };
    assert_eq!(image.name, wily().name);
    assert_eq!((image.category.as_str(), image.size_gb, image.boot_type), ("Linux", 10, BootType::Uefi));
    let left: Vec<_> = fs::read_dir(directory.path().join("servicetemplates")).unwrap().collect();
    assert_eq!(left.len(), 1);
}

#[test]
fn an_artifact_is_written_with_what_picks_it() {
    let (directory, environment) = environment();
    let (item, member) = (Some("qemu".to_owned()), Some("x.img".to_owned()));
    let check = NewCheck::Artifact { arch: "arm64".to_owned(), item: item.clone(), member };
    let (url, source) = ("oci://quay.io".to_owned(), "/disks/x:1".to_owned());
    NewImage { check, url, source, ..wily() }.write(&environment).unwrap();
    let environment = Environment::find(directory.path(), &Layers::default()).unwrap();
    let template = environment.template("image_wily-server").unwrap();
    let recipe = Recipe::read(&environment, template, &Request::without_answers("main".into())).unwrap();
    let fetch = &recipe.downloads[0];
    assert_eq!(fetch.url.to_string(), "oci://quay.io/disks/x:1");
    let member = "x.img".to_owned();
    assert_eq!(fetch.member, Some(Member { name: member.clone(), may_be_layer: true }));
    let artifact = Artifact { arch: "arm64".to_owned(), item, member: Some(member), tokens: None };
    assert_eq!(fetch.check, Check::Artifact(artifact));
}

#[test]
fn the_text_is_the_documentation_s() {
    let (directory, environment) = environment();
    let image = NewImage { check: NewCheck::None, name: "Wily".into(), boot_type: BootType::Bios, ..wily() };
    image.write(&environment).unwrap();
    let read = |name: &str| {
        fs::read_to_string(directory.path().join("servicetemplates/image_wily-server").join(name)).unwrap()
    };
    assert_eq!(
        read("service.hrd"),
        "platform.supported             = 'generic'\n\nweb.export.1                   =\n    checkmd5:'false',\n    \
         dest:'$(system.paths.tmp)/templates/wily-server-cloudimg-amd64-uefi1.qcow2',\n    \
         source:'/wily/current/wily-server-cloudimg-amd64-uefi1.img',\n    url:'https://cloud-images.ubuntu.com',\n"
    );
    assert_eq!(
        read("actions.py").lines().last(),
        Some("        registerImage(serviceObj, name, imagename, 'Linux', 10)")
    );
    assert_eq!(read("instance.hrd"), "");
}

#[test]
fn a_name_is_taken_once_and_is_a_plain_one() {
    let (directory, environment) = environment();
    wily().write(&environment).unwrap();
    let environment = Environment::find(directory.path(), &Layers::default()).unwrap();
    let error = wily().write(&environment).unwrap_err().to_string();
    assert_eq!(error, "there is a template `image_wily-server` already: servicetemplates/image_wily-server");
    for name in ["", "../x", "a/b", ".hidden", "a__b", "a b", "-x"] {
        let error = check_template_name(&environment, &name.into()).unwrap_err();
        assert!(matches!(&error, NewTemplateError::Name(named) if named == name), "{error}");
    }
}

#[test]
fn a_recipe_that_is_not_written_is_the_one_that_would_be() {
    let (directory, environment) = environment();
    let by_hand = NewImage { username: Some("it's me".to_owned()), hot_resize: false, ..wily() };
    let read = |image: &NewImage, description: Option<&str>, state: &str| {
        image.recipe(&environment, &[], description.map(str::to_owned), state).unwrap()
    };
    let recipe = read(&by_hand, Some("for tests"), "");
    assert!(recipe.template.is_by_hand());
    assert_eq!(
        (recipe.instance.as_str(), recipe.description.as_deref()),
        (wily().name.as_str(), Some("for tests"))
    );
    by_hand.write(&environment).unwrap();
    let environment = Environment::find(directory.path(), &Layers::default()).unwrap();
    let template = environment.template("image_wily-server").unwrap();
    let written = Recipe::read(&environment, template, &Request::without_answers("main".into())).unwrap();
    assert_eq!((&recipe.downloads, &recipe.platforms), (&written.downloads, &written.platforms));
    let registered = |recipe: &Recipe| {
        let mut run = recipe.script.as_ref().unwrap().run("configure");
        match run.resume(Outcome::Done).unwrap() {
            Progress::Action(Action::RegisterImage(image)) => image,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(registered(&recipe), registered(&written));
    assert_eq!(registered(&recipe).username.as_deref(), Some("it's me"));
    assert!(!registered(&recipe).hot_resize);

    // Whatever is said otherwise is another install; a password in the address is no part of what is kept.
    let checksum = |image: &NewImage, state: &str| read(image, None, state).checksum;
    let login = |password: &str| NewImage { url: format!("ftp://me:{password}@h"), ..wily() };
    assert_eq!(checksum(&login("a"), ""), checksum(&login("b"), ""));
    let sha256 = NewCheck::Checksum("sha256:".chars().chain(['a'; 64]).collect::<String>().parse().unwrap());
    let others = [
        checksum(&by_hand, ""),
        checksum(&wily(), ""),
        checksum(&wily(), "another file"),
        checksum(&NewImage { check: sha256, ..wily() }, ""),
    ];
    assert!((1..others.len()).all(|at| !others[..at].contains(&others[at])), "{others:?}");
}
