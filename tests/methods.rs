//! What the methods of `actions.py` do on a node, and what an uninstall leaves of it.

mod elsewhere;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use walkdir::WalkDir;

use crate::support::{Lab, Scene, md5};

const N1: [&str; 2] = ["--targetname", "n1"];

/// A service `app` with these methods.
fn app(scene: &Scene, methods: &str) {
    let actions = format!(
        "from JumpScale import j\nActionsBase = j.atyourservice.getActionsBaseClass()\n\nclass Actions(ActionsBase):\n{methods}"
    );
    scene.environment.write("servicetemplates/app/service.hrd", "service.word = 'hello'\n");
    scene.environment.write("servicetemplates/app/actions.py", &actions);
}

const CONFIGURE: &str = r#"
    def prepare(self, serviceObj):
        j.system.fs.createDir('/opt/app/conf.d')
        j.system.platform.ubuntu.createUser('keeper')

    def configure(self, serviceObj):
        config = '/opt/app/app.conf'
        j.system.fs.writeFile(config, 'word=%s\n' % serviceObj.hrd.get('service.word'))
        for number in range(3):
            j.do.writeFile('/opt/app/conf.d/%d.conf' % number, 'password=$(secret.app)')
        j.do.copyFile('/opt/app/conf.d/1.conf', '/opt/app/copy')
        j.do.copyTree('/opt/app/conf.d', '/opt/app/tree')
        j.system.fs.symlink(config, '/opt/app/link')
        j.system.fs.chmod(config, 0600)
        j.system.fs.chown('/opt/app/copy', 'keeper')
        # What is there already.
        with open('/etc/hosts', 'a') as hosts:
            hosts.write('10.0.0.9 keeper\n')
        j.system.fs.remove('/etc/motd')
        j.system.fs.chmod('/etc/issue', 0600)
        code, out, err = j.do.execute('cd /opt/app && ls conf.d | wc -l; echo no >&2')
        if code == 0 and int(out) == 3:
            j.system.fs.writeFile('/opt/app/counted', ','.join(sorted(
                j.system.fs.getBaseName(path) for path in j.system.fs.listFilesInDir('/opt/app/conf.d'))))
        try:
            j.do.execute('exit 7')
        except RuntimeError as error:
            j.system.fs.writeFile('/opt/app/error', str(error))
        print 'configured %s' % j.system.net.getHostname()
        return j.system.fs.exists('/opt/app/link') and not j.system.fs.exists('/opt/nothing')

    def start(self, serviceObj):
        j.system.process.executeAsync('sleep 1000')
        return True

    def check_up_local(self, serviceObj):
        return len(j.system.process.getPidsByFilter('sleep 1000')) == 1

    def stop(self, serviceObj):
        for pid in j.system.process.getPidsByFilter('sleep 1000'):
            j.system.process.kill(pid)

    def check_down_local(self, serviceObj):
        return not j.system.process.checkProcessRunning('sleep 1000')
"#;

#[test]
fn what_methods_write_is_there_and_an_uninstall_brings_back_what_was() {
    let scene = Scene::new();
    scene.ays.feed(&["secret", "set", "app"], "hunter2\n");
    scene.ays.succeeds(&["secret", "allow", "app", &format!("ssh://{}:22", scene.node.address)]);
    for (path, text) in
        [("/etc/hosts", "127.0.0.1 localhost\n"), ("/etc/motd", "hello\n"), ("/etc/issue", "x\n")]
    {
        fs::write(scene.node.path(path), text).unwrap();
    }
    app(&scene, CONFIGURE);
    let before = scene.node.everything();
    let plan = scene.ays.succeeds(&[&["install", "-n", "app", "--dry-run"], &N1[..]].concat());
    for line in [
        "action    make directory /opt/app/conf.d",
        "action    write /opt/app/app.conf (11 bytes)",
        "action    run cd /opt/app && ls conf.d | wc -l; echo no >&2",
    ] {
        assert!(plan.contains(line), "{line}: {plan}");
    }
    assert_eq!(scene.node.everything(), before, "a plan changes nothing");

    for again in [false, true] {
        let install: &[&str] =
            if again { &["install", "-n", "app", "-r"] } else { &["install", "-n", "app"] };
        let done = scene.ays.succeeds(&[install, &N1[..]].concat());
        assert!(done.contains("app on n1: print: configured n1"), "{done}");
        assert!(done.contains("app on n1: action: run exit 7: exit code 7"), "{done}");
        assert!(!done.contains("hunter2"), "{done}");
        let read = |path: &str| fs::read_to_string(scene.node.path(path)).unwrap();
        assert_eq!(read("/opt/app/app.conf"), "word=hello\n");
        assert_eq!(read("/opt/app/tree/2.conf"), "password=hunter2");
        assert_eq!(read("/opt/app/counted"), "0.conf,1.conf,2.conf");
        assert_eq!(read("/opt/app/error"), "`exit 7` ended with exit code 7");
        assert_eq!(
            fs::read_link(scene.node.path("/opt/app/link")).unwrap().to_str(),
            Some("/opt/app/app.conf")
        );
        let mode = |path: &str| fs::metadata(scene.node.path(path)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode("/opt/app/app.conf"), mode("/opt/app/copy")), (0o600, 0o644));
        assert!(read("/etc/hosts").starts_with("127.0.0.1 localhost\n10.0.0.9 keeper\n"));
        assert!(!scene.node.path("/etc/motd").exists());
        assert_eq!(scene.node.exec("stat -c %U /opt/app/copy"), "keeper\n");
    }
    let status = scene.ays.run(&[&["status", "-n", "app"], &N1[..]].concat());
    assert_eq!(status.code, Some(0), "{status:#?}");

    scene.ays.succeeds(&[&["uninstall", "-n", "app"], &N1[..]].concat());
    // A user stays: what it has made by then is nobody's to remove.
    let of_accounts = ["passwd", "group", "shadow", "gshadow", "subuid", "subgid", ".pwd.lock"];
    let is_of_accounts = |path: &Path| {
        let name = path.strip_prefix("etc").ok().and_then(Path::to_str).unwrap_or_default();
        of_accounts.contains(&name.trim_end_matches('-'))
    };
    let (mut left, mut before) = (scene.node.everything(), before);
    left.retain(|path, _| !is_of_accounts(path));
    before.retain(|path, _| !is_of_accounts(path));
    let of_home = ["home", "home/keeper", "var/mail", "var/mail/keeper", "var/spool/mail/keeper"];
    left.retain(|path, _| !of_home.iter().any(|of_home| path == Path::new(of_home)));
    let differs: Vec<_> = left.iter().filter(|(path, what)| before.get(*path) != Some(what)).collect();
    assert!(differs.is_empty() && left.len() == before.len(), "{differs:#?}");
}

#[test]
fn a_method_that_fails_says_where_and_the_next_install_goes_on() {
    let scene = Scene::new();
    fs::create_dir(scene.node.path("/opt")).unwrap();
    app(
        &scene,
        "    def configure(self, serviceObj):\n        j.system.fs.writeFile('/opt/one', '1')\n        j.do.execute('test -e /opt/two || { echo not yet >&2; exit 3; }')\n",
    );
    let output = scene.ays.run(&[&["install", "-n", "app"], &N1[..]].concat());
    assert_eq!(output.code, Some(1), "{output:#?}");
    for part in ["servicetemplates/app/actions.py:7:9", "ended with exit code 3: not yet"] {
        assert!(output.stderr.contains(part), "{output:#?}");
    }
    fs::write(scene.node.path("/opt/two"), "").unwrap();
    scene.ays.succeeds(&[&["install", "-n", "app"], &N1[..]].concat());
    // What an operator has changed since is the operator's.
    fs::write(scene.node.path("/etc/motd"), "old\n").unwrap();
    app(
        &scene,
        "    def configure(self, serviceObj):\n        j.system.fs.writeFile('/etc/motd', 'new\\n')\n",
    );
    scene.ays.succeeds(&[&["install", "-n", "app"], &N1[..]].concat());
    fs::write(scene.node.path("/etc/motd"), "mine\n").unwrap();
    let done = scene.ays.run(&[&["uninstall", "-n", "app"], &N1[..]].concat());
    assert!(
        done.code == Some(0) && done.stderr.contains("/etc/motd stays: somebody has changed it"),
        "{done:#?}"
    );
    assert_eq!(fs::read_to_string(scene.node.path("/etc/motd")).unwrap(), "mine\n");
    assert!(!scene.node.path("/opt/one").exists());
}

#[test]
fn an_install_goes_on_after_the_method_that_failed_and_what_was_set_stays() {
    let scene = Scene::new();
    fs::create_dir(scene.node.path("/opt")).unwrap();
    let methods = "    def prepare(self, serviceObj):
        j.do.execute('echo prepared >> /opt/log')
        serviceObj.hrd.set('instance.port', 8080)
        serviceObj.hrd.set('instance.word', 'made')
        serviceObj.hrd.set('instance.password', 'hunter2')

    def configure(self, serviceObj):
        j.do.execute('echo configured >> /opt/log; test -e /opt/ready')

    def start(self, serviceObj):
        text = '%s %s' % (serviceObj.hrd.getInt('instance.port') + 1, serviceObj.hrd.get('instance.word'))
        j.system.fs.writeFile('/opt/started', text)
";
    app(&scene, methods);
    let log = || fs::read_to_string(scene.node.path("/opt/log")).unwrap();
    let on_n1 = |words: &[&str]| scene.ays.run(&[words, &["-n", "app"], &N1[..]].concat());
    assert_eq!(on_n1(&["install"]).code, Some(1));
    assert_eq!(log(), "prepared\nconfigured\n");
    fs::write(scene.node.path("/opt/ready"), "").unwrap();
    let done = on_n1(&["install"]);
    assert!(done.code == Some(0) && done.stdout.contains("prepare: was done before this run"), "{done:#?}");
    assert_eq!(log(), "prepared\nconfigured\nconfigured\n");
    assert_eq!(fs::read_to_string(scene.node.path("/opt/started")).unwrap(), "8081 made");
    // What is a secret is for the run alone.
    let kept = all_text(scene.ays.state());
    assert!(kept.contains("instance.word") && !kept.contains("hunter2"));

    // By another command, too; and one that does all of it again does.
    fs::remove_file(scene.node.path("/opt/started")).unwrap();
    assert_eq!(on_n1(&["start"]).code, Some(0));
    assert_eq!(fs::read_to_string(scene.node.path("/opt/started")).unwrap(), "8081 made");
    assert_eq!(on_n1(&["install", "-r"]).code, Some(0));
    assert_eq!(log(), "prepared\nconfigured\nconfigured\nprepared\nconfigured\n");

    // Another recipe, what was forgotten, and what was done in between begins at the beginning.
    fs::remove_file(scene.node.path("/opt/ready")).unwrap();
    let others: [&dyn Fn(); 4] = [
        &|| app(&scene, &methods.replace("8080", "8090")),
        &|| _ = on_n1(&["resetstate"]),
        &|| _ = on_n1(&["configure"]),
        &|| {
            app(&scene, &methods.replace("8080", "8091"));
            on_n1(&["install"]);
            app(&scene, &methods.replace("8080", "8090"));
        },
    ];
    for (number, other) in others.into_iter().enumerate() {
        assert_eq!(on_n1(&["install", "-r"]).code, Some(1));
        other();
        fs::write(scene.node.path("/opt/log"), "").unwrap();
        assert_eq!(on_n1(&["install"]).code, Some(1));
        assert_eq!(log(), "prepared\nconfigured\n", "{number}");
        // And that is gone on with.
        assert_eq!(on_n1(&["install"]).code, Some(1));
        assert_eq!(log(), "prepared\nconfigured\nconfigured\n", "{number}");
    }
    // With a secret in it nobody knows whether it is the same.
    scene.ays.feed(&["secret", "set", "db"], "hunter3\n");
    scene.ays.succeeds(&["secret", "allow", "db", &format!("ssh://{}:22", scene.node.address)]);
    app(&scene, &methods.replace("'made'", "'$(secret.db)'"));
    fs::write(scene.node.path("/opt/log"), "").unwrap();
    for _ in 0..2 {
        assert_eq!(on_n1(&["install"]).code, Some(1));
    }
    assert_eq!(log(), "prepared\nconfigured\n".repeat(2));
    assert!(!all_text(scene.ays.state()).contains("hunter3"));
}

/// What is in all files of a directory.
fn all_text(directory: &Path) -> String {
    let files = WalkDir::new(directory).into_iter().flatten().filter(|entry| entry.file_type().is_file());
    files.map(|file| String::from_utf8_lossy(&fs::read(file.path()).unwrap()).into_owned()).collect()
}

#[test]
fn archives_downloads_ports_and_processes() {
    let scene = Scene::new();
    fs::write(scene.origin.file("part.txt"), "part\n").unwrap();
    let md5 = md5(&scene.origin.file("part.txt"));
    let url = format!("http://{}/part.txt", Lab::SOURCE);
    fs::create_dir(scene.node.path("/opt")).unwrap();
    fs::write(scene.node.path("/opt/there"), "there\n").unwrap();
    let before = scene.node.everything();
    app(
        &scene,
        &format!(
            "    def configure(self, serviceObj):
        fs = j.system.fs
        fs.createDir('/opt/app/from/sub')
        fs.writeFile('/opt/app/from/b\u{e4}r', 'x' * 300000)
        fs.writeFile('/opt/app/from/sub/y', 'y')
        fs.targzCompress('/opt/app/from', '/opt/app/all.tgz')
        fs.targzUncompress('/opt/app/all.tgz', '/opt/app/to')
        fs.moveFile('/opt/app/to/sub/y', '/opt/app/moved')
        fs.moveDir('/opt/app/from', '/opt/app/from2')
        fs.writeFile('/opt/there', 'mine\\n', append=True)
        j.system.net.download('{url}', '/opt/app/part.txt')
        j.system.net.downloadIfNonExistent('{url}', '/opt/app/checked', md5_checksum='{md5}')
        try:
            j.system.net.downloadIfNonExistent('{url}', '/opt/app/wrong', md5_checksum='0' * 32)
        except RuntimeError:
            fs.writeFile('/opt/app/refused', 'yes')
        seen = [fs.exists('/opt/app/from'), fs.exists('/opt/app/wrong'), fs.fileSize('/opt/app/from2/b\u{e4}r')]
        j.system.process.executeAsync('busybox httpd -f -p 8099 -h /opt/app')
        seen.append(j.system.net.waitConnectionTest('127.0.0.1', 8099, 10))
        seen.append(len(j.system.process.getPidsByPort(8099)))
        j.system.process.killProcessByPort(8099)
        seen.append(j.system.net.waitConnectionTestStopped('127.0.0.1', 8099, 10))
        seen.append(j.system.net.tcpPortConnectionTest('127.0.0.1', 8099))
        long = j.do.execute('head -c 1000000 /dev/zero')[1]
        seen.append(len(long) < 300000)
        seen.append(j.system.unix.executeAsUser('id -un', 'nobody')[1].strip())
        fs.writeFile('/opt/app/seen', str(seen))
        return True
"
        ),
    );
    scene.ays.succeeds(&[&["install", "-n", "app"], &N1[..]].concat());
    let read = |path: &str| fs::read_to_string(scene.node.path(path)).unwrap();
    assert_eq!(read("/opt/app/seen"), "[False, False, 300000, True, 1, True, False, True, 'nobody']");
    assert_eq!(fs::metadata(scene.node.path("/opt/app/to/b\u{e4}r")).unwrap().len(), 300_000);
    assert_eq!((read("/opt/app/moved"), read("/opt/app/from2/b\u{e4}r").len()), ("y".to_owned(), 300_000));
    assert_eq!(
        (read("/opt/app/part.txt"), read("/opt/app/checked")),
        ("part\n".to_owned(), "part\n".to_owned())
    );
    assert_eq!(
        (read("/opt/there"), read("/opt/app/refused")),
        ("there\nmine\n".to_owned(), "yes".to_owned())
    );
    scene.ays.succeeds(&[&["uninstall", "-n", "app"], &N1[..]].concat());
    assert_eq!(scene.node.everything(), before);
}

/// Whatever a node repeats of a secret is none where people see it.
#[test]
fn a_secret_that_comes_back_from_the_node_is_hidden() {
    let scene = Scene::new();
    scene.ays.feed(&["secret", "set", "app"], "hunter2\n");
    scene.ays.succeeds(&["secret", "allow", "app", &format!("ssh://{}:22", scene.node.address)]);
    fs::create_dir(scene.node.path("/opt")).unwrap();
    app(
        &scene,
        "    def configure(self, serviceObj):
        print j.do.execute('echo said $(secret.app)')[1]
        j.system.fs.writeFile('/opt/a', '$(secret.app)')
        again = j.do.readFile('/opt/a')
        print again, again == '$(secret.app)'
        j.system.fs.writeFile('/opt/b', again)
        j.do.execute('echo it was $(secret.app) >&2; exit 5')
",
    );
    let output = scene.ays.run(&[&["install", "-n", "app"], &N1[..]].concat());
    assert_eq!(output.code, Some(1), "{output:#?}");
    let said = format!("{}{}", output.stdout, output.stderr);
    for part in ["print: said ***", "print: *** True", "ended with exit code 5: it was $(secret.app)"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("hunter2"), "{said}");
    assert_eq!(fs::read_to_string(scene.node.path("/opt/b")).unwrap(), "hunter2");
    let logs = scene.ays.succeeds(&["runs", "--json"]);
    let log =
        serde_json::from_str::<serde_json::Value>(&logs).unwrap()[0]["log"].as_str().unwrap().to_owned();
    assert!(!fs::read_to_string(log).unwrap().contains("hunter2"));
    // An uninstall needs no method, and the same of a missing program.
    app(
        &scene,
        "    def configure(self, serviceObj):\n        j.system.process.run('/no/such/$(secret.app)')\n",
    );
    let output = scene.ays.run(&[&["install", "-n", "app"], &N1[..]].concat());
    assert!(output.code == Some(1) && !format!("{output:?}").contains("hunter2"), "{output:#?}");
}

#[test]
fn what_is_asked_of_a_node_is_checked() {
    let scene = Scene::new();
    fs::create_dir(scene.node.path("/opt")).unwrap();
    for (line, said) in [
        ("j.system.fs.writeFile('relative', '')", "the path is not absolute"),
        ("j.system.fs.writeFile('/opt/../etc/x', '')", "the path goes up with `..`"),
        (
            "j.system.fs.removeDirTree('/etc')",
            "a recipe must not remove a directory that the node itself needs",
        ),
        ("j.system.fs.removeDirTree('/')", "a recipe must not remove a directory that the node itself needs"),
        ("j.do.readFile('/dev/zero')", "it is no file"),
        ("j.system.platform.ubuntu.createUser('-x')", "it is no name of a user or group"),
        ("j.system.platform.ubuntu.startService('a;b')", "it is no name of a service"),
        ("j.do.copyTree('/opt', '/opt/a')", "a directory cannot be copied into itself"),
        ("j.system.process.run('sleep 100', maxSeconds=1)", "999"),
        (
            "j.do.symlink('/opt', '/opt/loop')\n        j.do.copyTree('/opt', '/srv/copy')",
            "a directory that it lies in",
        ),
        ("j.do.writeFile('/opt/big', 'x' * 3000000)", "are more than a method may send to a node at once"),
        (
            "j.system.fs.writeFile('/opt/half', 'x' * 1500000)\n        j.do.readFile('/opt/half')",
            "reads at most",
        ),
    ] {
        app(&scene, &format!("    def configure(self, serviceObj):\n        {line}\n"));
        let output = scene.ays.run(&[&["install", "-n", "app"], &N1[..]].concat());
        assert_eq!(output.code, Some(1), "{line}: {output:#?}");
        assert!(output.stderr.contains(said), "{line}: {output:#?}");
    }
}

#[test]
fn a_method_reads_the_values_of_other_services() {
    let scene = Scene::new();
    fs::create_dir(scene.node.path("/opt")).unwrap();
    let write = |path: &str, text: &str| scene.environment.write(path, text);
    write("servicetemplates/base/service.hrd", "base.port = 8080\n");
    write("servicetemplates/base/instance.hrd", "param.host = @ASK type:str\n");
    write("services/jumpscale__base__one/service.hrd", "instance.param.host = 'a.example'\n");
    write("services/jumpscale__base__two/service.hrd", "instance.param.host = 'b.example'\n");
    app(
        &scene,
        "    def configure(self, serviceObj):
        hrd = j.application.getAppInstanceHRD(name='base', instance='one', domain='jumpscale')
        hosts = [base.hrd.get('instance.param.host') for base in j.atyourservice.findServices(name='base')]
        serviceObj.hrd.set('service.seen', ','.join(hosts))
        j.system.fs.writeFile('/opt/app', '%s:%s %s' % (hrd.get('instance.param.host'), hrd.getInt('base.port'), hosts))

    def start(self, serviceObj):
        j.system.fs.writeFile('/opt/seen', serviceObj.hrd.get('service.seen'))
",
    );
    scene.ays.succeeds(&[&["install", "-n", "app"], &N1[..]].concat());
    let read = |path: &str| fs::read_to_string(scene.node.path(path)).unwrap();
    assert_eq!(read("/opt/app"), "a.example:8080 ['a.example', 'b.example']");
    assert_eq!(read("/opt/seen"), "a.example,b.example");
}

#[test]
fn stopped_anywhere_the_next_install_comes_to_the_same_end() {
    let mut scene = Scene::new();
    for (path, text) in
        [("/etc/hosts", "127.0.0.1 localhost\n"), ("/etc/motd", "hello\n"), ("/etc/issue", "x\n")]
    {
        fs::write(scene.node.path(path), text).unwrap();
    }
    let write = |number: u32| format!("        j.system.fs.writeFile('/opt/app/{number}', '{number}')\n");
    let writes: String = (0..20).map(write).collect();
    app(
        &scene,
        &format!(
            "    def configure(self, serviceObj):
        j.system.fs.createDir('/opt/app')
        j.system.fs.writeFile('/etc/motd', 'mine')
{writes}        j.system.fs.copyDirTree('/opt/app', '/opt/copy')
        j.system.fs.remove('/etc/issue')
"
        ),
    );
    scene.ays.set("AYS_SSH_KEEP", "1h");
    let before = scene.node.everything();
    let install = || scene.ays.succeeds(&[&["install", "-n", "app", "-r"], &N1[..]].concat());
    install();
    let expected = installed(&scene);
    for turn in 0..10 {
        scene.ays.succeeds(&[&["uninstall", "-n", "app"], &N1[..]].concat());
        assert_eq!(scene.node.everything(), before, "turn {turn}");
        let running = scene.ays.spawn(&[&["install", "-n", "app"], &N1[..]].concat());
        thread::sleep(Duration::from_millis(150 + 30 * turn));
        running.signal(Signal::SIGINT);
        running.signal(Signal::SIGINT);
        running.wait();
        for _ in 0..2 {
            install();
            assert_eq!(installed(&scene), expected, "turn {turn}");
        }
    }
}

/// What lies on the node, but for what says what was written.
fn installed(scene: &Scene) -> BTreeMap<PathBuf, String> {
    let mut all = scene.node.everything();
    all.retain(|path, _| !path.starts_with("var/lib/ays"));
    all
}
