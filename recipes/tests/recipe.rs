//! Recipes as maintainers write them: what they come to, and what is said when something is wrong.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::path::PathBuf;

use ays_actions::{Action, Outcome, Progress, RegisterImage};
use ays_model::{Artifact, Check, Download, SecretUrl};
use ays_recipes::{Graph, NeededFor, Recipe};
use support::Repository;

const SERVICE: &str = "\
platform.supported = 'ubuntu64', 'debian'

web.export.2 =
    checkmd5:'true',
    dest:'$(tmp)/win.qcow2',
    source:'/images/win # 1.qcow2',
    url:'ftp://pub:pub1234@$(origin)',

web.export.1 =
    dest:'/tmp/list', source:'list', url:'http://h/',

tmp = '$(system.paths.tmp)/templates'
";

const ACTIONS: &str = "\
from JumpScale import j
ActionsBase=j.atyourservice.getActionsBaseClass()
class Actions(ActionsBase):
    def configure(self, serviceObj):
        from CloudscalerLibcloud.imageutil import registerImage
        registerImage(serviceObj, '$(instance.name)', 'win.qcow2', 'Windows', $(instance.size))
";

fn repository() -> Repository {
    let repository = Repository::new();
    repository.write("ays.toml", "[values]\norigin = 'ftp.example.org'\n");
    repository.write("servicetemplates/image_win/service.hrd", SERVICE);
    repository.write("servicetemplates/image_win/actions.py", ACTIONS);
    repository.write(
        "servicetemplates/image_win/instance.hrd",
        "name = @ASK type:str descr:'its name'\nsize = @ASK type:int default:20 minValue:1\n",
    );
    repository
}

fn image(recipe: &Recipe) -> RegisterImage {
    let mut run = recipe.script.as_ref().unwrap().run("configure");
    match run.resume(Outcome::Done).unwrap() {
        Progress::Action(Action::RegisterImage(image)) => image,
        other => panic!("{other:?}"),
    }
}

#[test]
fn references_are_resolved_from_the_file_the_answers_and_the_environment() {
    let recipe = repository().recipe("image_win", "name:Win").unwrap();
    let dests: Vec<_> = recipe.downloads.iter().map(|fetch| fetch.dest.clone()).collect();
    assert_eq!(dests, [PathBuf::from("/tmp/list"), "/opt/jumpscale7/var/tmp/templates/win.qcow2".into()]);
    let fetch = &recipe.downloads[1];
    assert_eq!(fetch.check, Check::Md5Beside);
    assert_eq!(fetch.url.to_string(), "ftp://***@ftp.example.org/images/win%20%23%201.qcow2");
    let image = image(&recipe);
    assert_eq!((image.name.as_str(), image.size_gb, image.stem.as_str()), ("Win", 20, "win"));
}

#[test]
fn a_fetch_knows_how_its_source_is_reached_and_where_else_it_is() {
    let repository = repository();
    repository.write(
        "ays.toml",
        "[values]\norigin = 'ftp.example.org'\n[source.'ftp://ftp.example.org']\n\
         mirrors = ['https://m/a']\nlimit = '1MB'\n",
    );
    let recipe = repository.recipe("image_win", "name:Win").unwrap();
    let limits: Vec<_> = recipe.downloads.iter().map(|fetch| fetch.network.limit.map(u64::from)).collect();
    assert_eq!(limits, [None, Some(1_000_000)]);
    assert_eq!(recipe.downloads[0].mirrors, []);
    let mirrors: Vec<_> = recipe.downloads[1].mirrors.iter().map(|url| url.expose().as_str()).collect();
    assert_eq!(mirrors, ["https://m/a/images/win%20%23%201.qcow2"]);
}

#[test]
fn an_artifact_is_picked_by_its_keys() {
    let repository = Repository::new();
    let read = |pairs: &str| {
        let export = format!("web.export.1 =\n    {pairs}, dest:'/x',\n");
        repository.write("servicetemplates/t/service.hrd", &export);
        let mut recipe = repository.recipe("t", "").unwrap();
        let Download { check, member, .. } = recipe.downloads.remove(0);
        let Check::Artifact(artifact) = check else { panic!("{check:?}") };
        (artifact, member.map(|member| (member.name, member.may_be_layer)))
    };
    assert_eq!(read("url:'oci://h', source:'/a:1'"), (Artifact::default(), None));
    let tokens = Some(SecretUrl::parse("https://t.example").unwrap());
    let all =
        "url:'oci://h/a:1', arch:'arm64', item:'qemu', member:'x.img', tokens:'t.example', checkmd5:'false'";
    let (item, member) = (Some("qemu".to_owned()), Some("x.img".to_owned()));
    let artifact = Artifact { arch: "arm64".to_owned(), item, member, tokens };
    assert_eq!(read(all), (artifact, Some(("x.img".to_owned(), true))));
    // An archive is a layer, and no file in one.
    assert_eq!(read("url:'oci://h/a:1', member:'x.tar.gz'").1, None);
}

#[test]
fn changed_answers_and_changed_files_change_what_tells_installs_apart() {
    let repository = repository();
    let before = repository.recipe("image_win", "name:Win").unwrap();
    let answered = repository.recipe("image_win", "name:Win size:21").unwrap();
    assert_eq!(before.checksum, answered.checksum);
    assert_ne!(before.answers_digest, answered.answers_digest);
    repository.write("servicetemplates/image_win/notes.txt", "changed");
    let changed = repository.recipe("image_win", "name:Win").unwrap();
    assert_ne!(before.checksum, changed.checksum);
    assert_eq!(before.answers_digest, changed.answers_digest);
}

#[test]
fn the_checksum_is_ays_one_md5_over_the_files_in_the_order_of_their_paths() {
    let repository = Repository::new();
    for (file, text) in
        [("service.hrd", "a = 1\n"), ("actions.py", "class Actions():\n    pass\n"), ("b/c", "x")]
    {
        repository.write(&format!("servicetemplates/t/{file}"), text);
    }
    // printf 'class Actions():\n    pass\nxa = 1\n' | md5sum
    assert_eq!(repository.recipe("t", "").unwrap().checksum.to_string(), "fa8f0dc6f10641fa02363e4255cf1269");
}

#[test]
fn an_instance_of_the_repository_answers_before_the_default() {
    let repository = repository();
    repository.write(
        "services/jumpscale__node.ssh__n1/g8__image_win__main/service.hrd",
        "instance.name = 'Written down'\ninstance.size = 30\n",
    );
    let image = image(&repository.recipe("image_win", "size:25").unwrap());
    assert_eq!((image.name.as_str(), image.size_gb), ("Written down", 25));
}

#[test]
fn the_commit_says_whether_the_template_was_changed_since() {
    let repository = repository();
    let commit = |repository: &Repository| repository.recipe("image_win", "name:x").unwrap().commit;
    assert_eq!(commit(&repository), None);
    repository.git(&["add", "--all"]);
    repository.git(&["commit", "--quiet", "--message", "all"]);
    let clean = commit(&repository).unwrap();
    assert_eq!(clean.len(), 40);
    repository.write("servicetemplates/image_win/actions.py", &format!("# changed\n{ACTIONS}"));
    assert_eq!(commit(&repository), Some(format!("{clean} with local changes")));
}

#[test]
fn a_platform_is_supported_by_its_name_and_by_those_above_it() {
    let recipe = repository().recipe("image_win", "name:x").unwrap();
    for (os, arch, supported) in [
        ("ubuntu", "x86_64", true),
        ("ubuntu", "i686", false),
        ("debian", "i686", true),
        ("alpine", "x86_64", false),
    ] {
        assert_eq!(recipe.supports(os, arch), supported, "{os} {arch}");
    }
    let generic = Recipe { platforms: vec!["generic".to_owned()], ..recipe.clone() };
    let linux64 = Recipe { platforms: vec!["linux64".to_owned()], ..recipe.clone() };
    let every = Recipe { platforms: vec![], ..recipe };
    for recipe in [generic, linux64, every] {
        assert!(recipe.supports("alpine", "x86_64"), "{:?}", recipe.platforms);
    }
}

/// What is said about a template whose one file is replaced: its first line, when the rest shows no secret.
fn said(file: &str, text: &str, data: &str) -> String {
    let repository = repository();
    repository.write(&format!("servicetemplates/image_win/{file}"), text);
    let error = match repository.recipe("image_win", data) {
        Err(error) => error.to_string(),
        Ok(recipe) => recipe.script.unwrap().run("configure").resume(Outcome::Done).unwrap_err().to_string(),
    };
    assert!(!error.contains("secret"), "{error}");
    error.lines().next().unwrap_or_default().replace("servicetemplates/image_win/", "")
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let export = |pairs: &str| format!("web.export.1 =\n    {pairs},\n");
    let good = "url:'http://h', source:'a.img'";
    for (service, message) in [
        (export("url:'http://h'"), "`dest` is missing"),
        (export("source:'a', dest:'/a'"), "`url` is missing"),
        (export(&format!("{good}, dest:'a.img'")), "`dest` must be an absolute path"),
        (export(&format!("{good}, dest:'/tmp/'")), "`dest` must be the path of a file, not of a directory"),
        (export(&format!("{good}, dest:'/tmp/a', sha256:'12'")), "`sha256` must be 64 hexadecimal digits"),
        (
            export("url:'gopher://u:secret@h', dest:'/a'"),
            "scheme `gopher` is not supported; http, https, ftp, ftps, ftpes, oci, oci+http and file are",
        ),
        (export("url:'http://u:secret@$(host)/', dest:'/a'"), "`url` holds $(host), which has no value"),
        (
            export("url:'http://u:secret@h/', source:'$(typo)/x', dest:'/a'"),
            "`source` holds $(typo), which has no value",
        ),
    ] {
        assert_eq!(
            said("service.hrd", &service, "name:x"),
            format!("service.hrd:1:1: `web.export.1`: {message}")
        );
    }
}

#[test]
fn what_is_wrong_with_a_part_of_a_service_is_said_at_its_entry() {
    for (service, message) in [
        ("process.1 =\n    name:'x',\n", "`process.1`: `cmd` is missing"),
        (
            "process.1 =\n    cmd:'x', ports:'http',\n",
            "`process.1`: `ports` must be port numbers, such as '80;443'",
        ),
        ("process.1 =\n    cmd:'x', prio:'soon',\n", "`process.1`: `prio` must be a whole number"),
        (
            "process.1 =\n    cmd:'x', startupmanager:'runit',\n",
            "`process.1`: `startupmanager` is none that is known: tmux, upstart, systemd",
        ),
        ("git.export.1 =\n    dest:'/opt/x',\n", "`git.export.1`: `url` is missing"),
        ("git.export.1 =\n    url:'https://h/x',\n", "`git.export.1`: `dest` is missing"),
        (
            "git.export.1 =\n    url:'https://h/x', dest:'/opt/x', source:'../y',\n",
            "`git.export.1`: `source` is a path in the repository, or one that ends in `/*`",
        ),
        (
            "git.export.1 =\n    url:'https://h/x', dest:'/usr/x',\n",
            "`git.export.1`: `dest` lies where the node's own system does: /usr/x",
        ),
        ("dependencies.1 =\n    instance:'x',\n", "`dependencies.1`: `name` is missing"),
        (
            "dependencies.1 =\n    name:'x', args:'none',\n",
            "`dependencies.1`: `args` names `none`, and there is no such key",
        ),
        ("ubuntu.packages = 'a;b'\n", "`ubuntu.packages`: `a;b` is no name of a package"),
        ("instances.maxnr = some\n", "`instances.maxnr` must be a whole number"),
    ] {
        assert_eq!(said("service.hrd", service, "name:x"), format!("service.hrd:1:1: {message}"));
    }
}

/// As real recipes have them.
const PARTS: &str = "\
git.url = 'https://github.com/0-complexity/openvcloud.git'
git.export.1 = branch:'master', dest:'$(system.paths.base)/apps/x', link:'True', source:'apps/x/*',
git.export.2 = dest:'/opt/y/z', source:'apps//y', overwrite:'False', revision:,
ubuntu.packages = 'ntp ethtool', 'ovmf',
ubuntu.apt.source.1 = 'deb http;//ppa.example.org/u xenial main'
ubuntu.apt.key.pub.1 = 'http;//ppa.example.org/key'
ubuntu.apt.upgrade = False
process.1 = cmd:'nginx', args:'-c $(instance.name)', ports:'[9200, 9300]', env:, prio:'20', timeout_start:'60',
process.2 = cmd:'redis', name:'first', prio:'5', ports:'6379;6380',
dependencies.2 = instance:'system', name:'redis', args:'dep.args.redis',
dependencies.1 = name:'mongo', domain:'jumpscale', type:'build',
dep.args.redis = param.port:'9999', param.name:'$(instance.name)',
instances.maxnr = 1
";

#[test]
fn the_parts_of_a_service() {
    let repository = repository();
    repository.write("servicetemplates/image_win/service.hrd", PARTS);
    repository.write("servicetemplates/image_win/actions.py", "");
    let recipe = repository.recipe("image_win", "name:Win").unwrap();
    let parts = &recipe.parts;
    let exports: Vec<_> =
        parts.exports.iter().map(|e| (e.source.as_str(), e.is_contents, e.link, e.overwrite)).collect();
    assert_eq!(exports, [("apps/x", true, true, true), ("apps/y", false, false, false)]);
    assert_eq!(parts.exports[0].dest, PathBuf::from("/opt/jumpscale7/apps/x"));
    assert_eq!(parts.exports[0].which.to_string(), "branch master");
    let packages = parts.packages.as_ref().unwrap();
    assert_eq!(packages.names, ["ntp", "ethtool", "ovmf"]);
    assert_eq!(packages.sources, ["deb http://ppa.example.org/u xenial main"]);
    assert_eq!(packages.keys[0].to_string(), "http://ppa.example.org/key");
    assert!(!packages.upgrade);
    let processes: Vec<_> =
        parts.processes.iter().map(|p| (p.name.as_str(), p.shown.as_str(), &p.ports[..])).collect();
    assert_eq!(
        processes,
        [("first", "redis", &[6379, 6380][..]), ("process1", "nginx -c Win", &[9200, 9300])]
    );
    let needs: Vec<_> =
        parts.dependencies.iter().map(|d| (d.template.as_str(), d.instance.as_str())).collect();
    assert_eq!(needs, [("mongo", "main"), ("redis", "system")]);
    assert_eq!(format!("{:?}", parts.dependencies[1].answers), r#"{"param.name", "param.port"}"#);
    assert_eq!(parts.max_instances, Some(1));
}

#[test]
fn a_question_without_an_answer_is_an_error_that_names_its_key() {
    assert_eq!(
        said("service.hrd", SERVICE, ""),
        "instance.hrd:1:1: `name` has no answer and no default: give it with --data 'name:VALUE'"
    );
    assert_eq!(
        said("service.hrd", SERVICE, "name:x size:big"),
        "instance.hrd:2:1: the answer for `size` must be a whole number"
    );
    assert_eq!(
        said("service.hrd", SERVICE, "name:x size:0"),
        "instance.hrd:2:1: the answer for `size` must be at least 1"
    );
}

#[test]
fn an_imagename_that_is_another_file_is_shown_in_its_place() {
    let actions = ACTIONS.replace("win.qcow2", "windows.qcow2");
    assert_eq!(
        said("actions.py", &actions, "name:x"),
        "actions.py:6:9: imagename is 'windows.qcow2', but the last web.export saves 'win.qcow2'"
    );
}

#[test]
fn both_spellings_of_the_main_file_are_read_but_not_both_at_once() {
    let repository = repository();
    repository.write("servicetemplates/image_other/services.hrd", "");
    assert!(repository.recipe("image_other", "").unwrap().downloads.is_empty());
    repository.write("servicetemplates/image_other/service.hrd", "");
    let error = repository.recipe("image_other", "").unwrap_err().to_string();
    assert!(
        error.ends_with("image_other holds both service.hrd and services.hrd: keep one of them"),
        "{error}"
    );
}

#[test]
fn values_that_repeat_each_other_are_left_as_they_stand_soon() {
    let repository = repository();
    let laugh = |next: usize| format!("$(instance.a{next})").repeat(10);
    let instance: String = (0..12).map(|number| format!("a{number} = '{}'\n", laugh(number + 1))).collect();
    repository.write("servicetemplates/image_win/instance.hrd", &instance);
    repository.write("servicetemplates/image_win/actions.py", "");
    let export = "web.export.1 =\n    url:'http://h', source:'$(instance.a0)', dest:'/a',\n";
    repository.write("servicetemplates/image_win/service.hrd", export);
    let begun = std::time::Instant::now();
    let error = repository.recipe("image_win", "").unwrap_err().to_string();
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(error.contains("`source` holds $(instance.a"), "{error}");
}

#[test]
fn ever_new_instances_of_one_recipe_are_refused() {
    let repository = Repository::new();
    repository.write(
        "servicetemplates/t/service.hrd",
        "dependencies.1 =\n    name:'t',\n    instance:'m$(instance.n)',\n    args:'n:$(instance.n)1',\n",
    );
    repository.write("servicetemplates/t/instance.hrd", "n = @ASK type:str\n");
    let environment = repository.environment();
    let template = environment.template("t").unwrap();
    let read = Graph::read(&environment, template, support::request("n:1", &[]), NeededFor::Running);
    let error = read.unwrap_err().to_string();
    assert!(error.contains("its dependencies go on below 64 services"), "{error}");
}

/// A recipe with one process.
fn process(lines: &str, data: &str) -> Result<Recipe, String> {
    let repository = Repository::new();
    let text = format!("own = '$(instance.word); true'\nmine = 'a; b'\nprocess.1 =\n    name:'p',\n{lines}");
    repository.write("servicetemplates/t/service.hrd", &text);
    repository
        .write("servicetemplates/t/instance.hrd", "word = @ASK type:str\npasswd = @ASK type:password\n");
    let data = format!("{data} passwd:hunter2");
    repository.recipe("t", &data).map_err(|error| error.to_string())
}

#[test]
fn an_answer_is_no_part_of_a_shell_s_line() {
    for lines in [
        "    cmd:'run $(instance.word)',\n",
        "    cmd:'run',\n    args:'-w $(word)',\n",
        "    cmd:'$(own)',\n",
    ] {
        assert!(process(lines, "word:one").is_ok(), "{lines}");
        for word in ["p;id", "`id`", "a|b", "a\\b", "#a"] {
            let error = process(lines, &format!("word:{word}")).unwrap_err();
            assert!(error.contains("a shell would read more than a word in what $("), "{word}: {error}");
        }
    }
    // By the environment it is quoted, and what the recipe says itself is its author's.
    let lines = "    cmd:'run \"$W\"; $(mine); echo $(date)',\n    env:'W=$(instance.word)',\n";
    assert!(process(lines, "word:p|id").is_ok());
    let error = process("    cmd:'run',\n    env:'A=x,y',\n", "word:w").unwrap_err();
    assert!(error.contains("`env`: a part of it is no NAME=value"), "{error}");
}

#[test]
fn what_a_process_says_is_told_without_its_secrets() {
    let lines = "    cmd:'run $(instance.word)',\n    env:'PW=x-$(instance.passwd)',\n";
    let recipe = process(lines, "word:one").unwrap();
    let said = recipe.parts.processes[0].mask("one: bad password x-hunter2, hunter2");
    assert_eq!(said, "one: bad password x-***, ***");
}
