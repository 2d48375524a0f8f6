//! What methods do elsewhere than on their own node: with other services, on the controller, on a node that goes away.

use std::fs;
use std::path::Path;
use std::time::Duration;

use walkdir::WalkDir;

use super::{N1, all_text, app};
use crate::support::Scene;

#[test]
fn methods_have_other_services_installed_started_and_removed() {
    let scene = Scene::new();
    fs::create_dir(scene.node.path("/opt")).unwrap();
    scene.ays.feed(&["secret", "set", "db"], "hunter2\n");
    scene.ays.succeeds(&["secret", "allow", "db", &format!("ssh://{}:22", scene.node.address)]);
    let write = |path: &str, text: &str| scene.environment.write(path, text);
    write("servicetemplates/db/instance.hrd", "port = @ASK type:int default:6379\npassword = @ASK\n");
    write(
        "servicetemplates/db/service.hrd",
        "process.1 =\n    name:'db',\n    cmd:'sleep',\n    args:'1000$(instance.port)',\n",
    );
    write(
        "servicetemplates/db/actions.py",
        "from JumpScale import j
class Actions(j.atyourservice.getActionsBaseClass()):
    def configure(self, serviceObj):
        j.system.fs.writeFile('/opt/db', serviceObj.hrd.get('instance.password'))
",
    );
    app(
        &scene,
        "    def configure(self, serviceObj):
        db = j.atyourservice.new(name='db', args={'port': 7000, 'instance.password': '$(secret.db)'})
        db.install()
        j.system.fs.writeFile('/opt/up', '%s %s' % (db.stop(), db.hrd.get('instance.port')))

    def start(self, serviceObj):
        j.atyourservice.get(name='db').start()

    def uninstall(self, serviceObj):
        j.atyourservice.remove(name='db')
",
    );
    let on_n1 = |words: &[&str]| scene.ays.run(&[words, &N1[..]].concat());
    let plan = on_n1(&["plan", "-n", "app"]);
    assert!(plan.stdout.contains("install db:main") && plan.stdout.contains("start db:main"), "{plan:#?}");
    let done = on_n1(&["install", "-n", "app"]);
    assert!(done.code == Some(0) && !format!("{done:?}").contains("hunter2"), "{done:#?}");
    assert_eq!(fs::read_to_string(scene.node.path("/opt/db")).unwrap(), "hunter2");
    assert_eq!(fs::read_to_string(scene.node.path("/opt/up")).unwrap(), "True 7000");
    let status = scene.ays.json(&[&["status"], &N1[..]].concat());
    let up = |name: &str| {
        let services = status.as_array().unwrap().iter();
        services.filter(|service| service["template"] == name).all(|service| service["isUp"] == true)
    };
    assert!(status.as_array().unwrap().len() == 2 && up("db") && up("app"), "{status:#}");
    assert!(scene.node.processes().iter().any(|process| process.command == "sleep 10007000"));
    let written = all_text(&scene.environment.repo().join("services"));
    assert!(written.contains("$(secret.db)") && !written.contains("hunter2"), "{written}");

    let gone = on_n1(&["uninstall", "-n", "app"]);
    assert_eq!(gone.code, Some(0), "{gone:#?}");
    assert!(!scene.node.path("/opt/db").exists());
    scene.node.wait_until_quiet(Duration::from_secs(10));

    // Also one that leads back by what is needed.
    write("servicetemplates/needs/service.hrd", "dependencies.1 = 'app'\n");

    // What goes wrong there is an exception here; a circle is told; and what would go nowhere is.
    for (call, said) in [
        ("j.atyourservice.get(name='nothing').start()", "nothing"),
        ("j.atyourservice.get(name='app').start()", "services ask for each other in a circle: app -> app"),
        ("j.atyourservice.new(name='needs').install()", "in a circle: app -> app"),
        ("j.atyourservice.new(name='db', args={'port': 1})", "only where it then has it installed"),
        ("serviceObj.uninstall()", "a method cannot do this: uninstall this service"),
    ] {
        app(&scene, &format!("    def configure(self, serviceObj):\n        {call}\n"));
        let output = on_n1(&["install", "-n", "app"]);
        assert!(output.code != Some(0) && output.stderr.contains(said), "{call}: {output:#?}");
        assert!(output.stderr.contains("servicetemplates/app/actions.py:6"), "{call}: {output:#?}");
    }
}

#[test]
fn a_method_is_stepped_through_on_a_node_that_goes_away() {
    let scene = Scene::new();
    scene.ays.feed(&["secret", "set", "app"], "hunter2\n");
    let marker = format!("/opt/ays-test-{}", std::process::id());
    app(
        &scene,
        &format!(
            "    def configure(self, serviceObj):
        j.system.fs.createDir('{marker}')
        j.system.fs.writeFile('{marker}/secret', '$(secret.app)')
        code, out, err = j.do.execute('cat {marker}/secret; ls / | wc -l; kill -9 -1 || true')
        for word in ['a', 'b']:
            print word
        try:
            j.do.execute('exit 7')
        except RuntimeError:
            j.system.fs.remove('/etc/hosts')
        return j.system.fs.exists('/etc/hosts')

    def execute(self, serviceObj, cmd):
        return cmd.upper()
"
        ),
    );
    let run =
        |words: &[&str]| scene.ays.run(&[&["actions", "run"], words, &["-n", "app", "--rehearse"]].concat());
    let done = run(&["configure"]);
    assert_eq!(done.code, Some(0), "{done:#?}");
    for part in [
        &format!("   6 | j.system.fs.createDir('{marker}')\n"),
        "     = done\n",
        "     = exit code 0, output \"***",
        "     > print a\n",
        "     = exit code 7\n",
        "it returned False\n",
    ] {
        assert!(done.stdout.contains(part), "{part}: {done:#?}");
    }
    assert!(!format!("{done:?}").contains("hunter2"), "{done:#?}");
    assert!(!Path::new(&marker).exists() && Path::new("/etc/hosts").exists());
    // No catalogue is made for it, and no run is recorded.
    assert_eq!(scene.ays.json(&["runs"]), serde_json::json!([]));

    let done = run(&["execute", "--cmd", "hello"]);
    assert!(done.stdout.ends_with("it returned \"HELLO\"\n"), "{done:#?}");
    let wrong = run(&["confgure"]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("configure"), "{wrong:#?}");
    app(&scene, "    def configure(self, serviceObj):\n        j.do.execute('exit 3')\n");
    let failed = run(&["configure"]);
    assert!(failed.code == Some(3) && failed.stderr.contains("actions.py:6:9"), "{failed:#?}");

    // On a terminal, an action at a time.
    app(
        &scene,
        "    def configure(self, serviceObj):\n        print 'one'\n        print 'two'\n        print 'three'\n",
    );
    let mut terminal = scene.ays.on_terminal(&["actions", "run", "configure", "-n", "app", "--rehearse"]);
    terminal.expect("> print one");
    terminal.enter("");
    terminal.expect("> print two");
    terminal.enter("q");
    let (code, text) = terminal.end();
    assert!(code == Some(0) && text.contains("left") && !text.contains("three"), "{text}");
    let mut terminal = scene.ays.on_terminal(&["actions", "run", "configure", "-n", "app", "--rehearse"]);
    terminal.expect("> print one");
    terminal.enter("\u{3}");
    assert_eq!(terminal.end().0, Some(130));
    let left = fs::read_dir(scene.ays.temporary())
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name())
        .collect::<Vec<_>>();
    assert!(left.iter().all(|name| !name.display().to_string().contains("ays-node-")), "{left:?}");
}

#[test]
fn local_methods_have_a_directory_of_this_machine_and_nothing_else() {
    let scene = Scene::new();
    fs::create_dir(scene.node.path("/opt")).unwrap();
    app(
        &scene,
        "    def prepareLocal(self, serviceObj):
        j.system.fs.createDir('/made')
        j.system.fs.writeFile('/made/word', serviceObj.hrd.get('service.word'))

    def configure(self, serviceObj):
        j.system.fs.writeFile('/opt/none', '%s' % j.system.fs.exists('/made'))

    def configureLocal(self, serviceObj):
        serviceObj.hrd.set('instance.word', j.system.fs.fileGetContents('/made/word') + '!')

    def start(self, serviceObj):
        j.system.fs.writeFile('/opt/word', serviceObj.hrd.get('instance.word'))
",
    );
    let on_n1 = |verb: &str| scene.ays.run(&[&[verb, "-n", "app"], &N1[..]].concat());
    let plan = on_n1("plan");
    assert!(plan.stdout.contains("on the controller: make directory /made"), "{plan:#?}");
    let done = on_n1("install");
    assert_eq!(done.code, Some(0), "{done:#?}");
    assert_eq!(fs::read_to_string(scene.node.path("/opt/none")).unwrap(), "False");
    assert_eq!(fs::read_to_string(scene.node.path("/opt/word")).unwrap(), "hello!");
    let made =
        || WalkDir::new(scene.ays.state()).into_iter().flatten().any(|file| file.file_name() == "word");
    assert!(made() && !Path::new("/made").exists());
    assert_eq!(on_n1("uninstall").code, Some(0));
    assert!(!made());
    // No secret comes there.
    scene.ays.feed(&["secret", "set", "app"], "hunter2\n");
    scene.ays.succeeds(&["secret", "allow", "app", &format!("ssh://{}:22", scene.node.address)]);
    app(
        &scene,
        "    def prepareLocal(self, serviceObj):\n        j.system.fs.writeFile('/x', '$(secret.app)')\n",
    );
    let refused = on_n1("install");
    assert!(
        refused.code != Some(0)
            && refused.stderr.contains("$(secret.app) would be written to the controller"),
        "{refused:#?}"
    );
    assert!(!all_text(scene.ays.state()).contains("hunter2"));
    for call in [
        "j.do.execute('true')",
        "j.system.fs.symlink('/etc', '/x')",
        "j.system.net.download('http://x/', '/x')",
    ] {
        app(&scene, &format!("    def configureLocal(self, serviceObj):\n        {call}\n"));
        let refused = on_n1("install");
        assert!(
            refused.code == Some(3) && refused.stderr.contains("it runs on the controller"),
            "{refused:#?}"
        );
        assert!(refused.stderr.contains("actions.py:6:9"), "{refused:#?}");
    }
}
