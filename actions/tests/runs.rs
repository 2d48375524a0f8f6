//! Methods of recipes: what they ask for, what they make of the outcomes, and what ends them.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use ays_actions::{Action, Outcome, Progress, Run, Script, Service, ServiceKey, Value};
use ays_grammar::Diagnostic;
use ays_model::{FileAction, FileKind, Found, NodeAction, Words};

const IMAGE: &str = "
from JumpScale import j
ActionsBase=j.atyourservice.getActionsBaseClass()
class Actions(ActionsBase):
    '''
    process for install
    '''
    def prepare(self, serviceObj):
        exec 'x'
    def configure(self, serviceObj):
        from CloudscalerLibcloud.imageutil import registerImage
        for name in ['Wily', 'Wily 2']:
            last = registerImage(serviceObj, name=name, type='Linux', disksize=10)
        return last
";

fn parse(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Script, Diagnostic> {
    Script::parse("actions.py", text, lookup, Words::default(), vec![PathBuf::from("/t/wily.img")])
}

fn script(text: &str) -> Script {
    parse(text, &|_| None).unwrap()
}

/// A recipe whose `configure` has these lines.
fn configure(lines: &str) -> String {
    let body: String = lines.lines().map(|line| format!("        {line}\n")).collect();
    format!(
        "from JumpScale import j\nimport os\nActionsBase=j.atyourservice.getActionsBaseClass()\n\
         class Actions(ActionsBase):\n    def configure(self, serviceObj):\n{body}"
    )
}

fn service(values: &[(&str, Value)]) -> Service {
    Service {
        domain: "mine".to_owned(),
        name: "web".to_owned(),
        instance: "main".to_owned(),
        values: values.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect(),
    }
}

/// Each action as a plan shows it, with what it depends on, and what the method returned.
fn walk(run: &mut Run, answer: impl Fn(&Action) -> Outcome) -> (Vec<String>, Result<Value, Diagnostic>) {
    let (mut shown, mut outcome) = (Vec::new(), Outcome::Done);
    loop {
        match run.resume(outcome) {
            Ok(Progress::Action(action)) => {
                let depends = run.depends_on().map(|on| format!(" [depends on {on}]")).unwrap_or_default();
                shown.push(format!("{}{depends}", run.shown()));
                outcome = answer(&action);
            }
            Ok(Progress::Returned(value)) => return (shown, Ok(value)),
            Err(error) => return (shown, Err(error)),
        }
    }
}

fn plan(lines: &str) -> Vec<String> {
    let (shown, result) = walk(&mut script(&configure(lines)).run("configure"), |_| Outcome::Unknown);
    result.unwrap();
    shown
}

fn error(lines: &str) -> String {
    let (_, result) = walk(&mut script(&configure(lines)).run("configure"), |_| Outcome::Unknown);
    result.unwrap_err().message().to_owned()
}

#[test]
fn one_action_after_the_other_is_yielded_and_its_outcome_taken() {
    let mut run = script(IMAGE).run("configure");
    for expected in ["Wily", "Wily 2"] {
        match run.resume(Outcome::REGISTERED).unwrap() {
            Progress::Action(Action::RegisterImage(image)) => assert_eq!(image.name.as_ref(), expected),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(run.resume(Outcome::REGISTERED).unwrap(), Progress::Returned(Value::Bool(true)));
}

#[test]
fn what_is_not_supported_is_an_error_only_where_it_is_reached() {
    let script = script(IMAGE);
    let error = script.run("prepare").resume(Outcome::Done).unwrap_err();
    assert_eq!((error.line(), error.message()), (9, "`exec` is not supported in actions"));
    assert_eq!(script.run("stop").resume(Outcome::Done).unwrap(), Progress::Returned(Value::None));
    let found: Vec<_> =
        script.unsupported("prepare").iter().map(|left_out| left_out.error().line()).collect();
    assert_eq!((found, script.unsupported("configure")), (vec![9], vec![]));
}

#[test]
fn a_function_that_is_not_in_the_table_is_named_with_near_ones() {
    let text = configure("j.system.fs.createDirs('/a')\nself.helper()\n").replace(
        "    def configure",
        "    def helper(self):\n        os.fork()\n    def never(self):\n        os.fork()\n    def configure",
    );
    let script = script(&text);
    let found: Vec<_> = script
        .unsupported("configure")
        .iter()
        .map(|left_out| (left_out.error().line(), left_out.error().message().to_owned()))
        .collect();
    let expected = [(6, "os.fork"), (10, "j.system.fs.createDirs")]
        .map(|(line, name)| (line, format!("`{name}` is no function that a recipe may call")));
    assert_eq!(found, expected);
    let error = script.run("configure").resume(Outcome::Done).unwrap_err();
    assert!(error.help().unwrap().contains("`j.system.fs.createDir`"), "{error}");
}

#[test]
fn what_is_not_supported_is_found_wherever_it_stands() {
    let text = configure(
        "f = lambda x=os.fork(): x\ng = lambda: os.fork()\nx = [os.fork() for y in os.fork() if os.fork()]\n\
         def h(x=os.fork()): return os.fork()\nwith os.fork() as x: exec 'y'\n",
    );
    let found: Vec<_> = script(&text)
        .unsupported("configure")
        .iter()
        .map(|left_out| (left_out.error().line(), left_out.error().column()))
        .collect();
    let expected = [(6, 22), (7, 21), (8, 14), (8, 33), (8, 46), (9, 17), (9, 36), (10, 14), (10, 30)];
    assert_eq!(found, expected);
}

#[test]
fn nothing_of_the_controller_can_be_reached() {
    assert_eq!(
        plan("os.system('rm -rf /')\nopen('/etc/passwd').read()"),
        ["run rm -rf /", "read /etc/passwd"]
    );
    assert_eq!(error("return os.environ['HOME']"), "KeyError: 'HOME'");
    for (lines, named) in [
        ("import socket\nsocket.socket()", "`socket.socket` is no function that a recipe may call"),
        ("import ctypes\nctypes.CDLL('x')", "`ctypes.CDLL` is no function that a recipe may call"),
        ("eval('1')", "`eval` is not supported in actions"),
        ("__import__('os')", "`__import__` is not supported in actions"),
        ("().__class__.__bases__", "AttributeError: 'tuple' object has no attribute '__class__'"),
        ("(lambda: 0).func_globals", "AttributeError: 'function' object has no attribute 'func_globals'"),
    ] {
        assert_eq!(error(lines), named, "{lines}");
    }
}

#[test]
fn errors_show_the_file_as_it_is_written_and_never_what_was_put_in() {
    let text = "class Actions():\n  def configure(self, s):\n    x = '$(a)'; y = $(password); z($(b))\n";
    let lookup = |key: &str| match key {
        "a" => Some("two'\n    more = '".to_owned()),
        "password" => Some("hunter2".to_owned()),
        _ => None,
    };
    let error = match parse(text, &lookup) {
        Ok(script) => script.run("configure").resume(Outcome::Done).unwrap_err(),
        Err(error) => error,
    };
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    assert_eq!(error.line(), 3, "{error}");
    let text = "class Actions():\n  def configure(self, s):\n    y = $(password)\n";
    let error = parse(text, &lookup).unwrap().run("configure").resume(Outcome::Done).unwrap_err();
    assert_eq!(
        error.to_string(),
        "actions.py:3:9: NameError: global name '$(password)' is not defined\n  |\n\
         3 |     y = $(password)\n  |         ^^^^^^^^^^^"
    );
}

#[test]
fn a_secret_in_a_command_is_shown_as_stars() {
    let text = configure("j.do.execute('login -p $(instance.param.rootpasswd) -u $(instance.login)')");
    let lookup = |key: &str| match key {
        "instance.param.rootpasswd" => Some("hunter2".to_owned()),
        "instance.login" => Some("admin".to_owned()),
        _ => None,
    };
    let mut run = parse(&text, &lookup).unwrap().run("configure");
    let (shown, _) = walk(&mut run, |_| Outcome::Unknown);
    assert_eq!(shown, ["run login -p *** -u admin"]);
}

#[test]
fn an_image_is_registered_in_configure_only() {
    let text = IMAGE.replace("def configure", "def start");
    let error = script(&text).run("start").resume(Outcome::Done).unwrap_err();
    assert_eq!(error.line(), 13, "{error}");
}

#[test]
fn many_names_come_to_a_few_actions() {
    let shown = plan(
        "j.do.createDir('/a'); j.system.fs.createDir('/b')\n\
         if not j.system.fs.exists(path='/c'): j.do.writeFile('/c', 'x')\n\
         j.system.fs.chmod('/c', 0640)\n\
         j.system.fs.symlink('/c', '/d', overwriteTarget=True)\n\
         j.do.delete('/e'); j.system.fs.removeDirTree('/f')\n\
         j.system.platform.ubuntu.install('nginx')\n\
         j.system.process.killProcessByPort(80)\n\
         j.system.process.getPidsByFilter(filterstr='nginx: master')\n\
         with open('/g', 'w') as f:\n    f.write('one\\n')\n    f.write('two\\n')\n\
         j.system.process.run('sync', showOutput=True)\n\
         serviceObj.hrd.set('instance.x', 5)\n\
         self.start(serviceObj)\n\
         print 'done'",
    );
    assert_eq!(
        shown,
        [
            "make directory /a",
            "make directory /b",
            "look at /c",
            "write /c (1 bytes) [depends on <what is at /c>]",
            "set permissions of /c to 640",
            "link /d to /c",
            "remove /e",
            "remove /f",
            "install packages nginx",
            "end processes on port 80 by signal 9",
            "look for processes like `nginx: master`",
            "write /g (8 bytes)",
            "run sync",
            "set instance.x of this service",
            "start the service's processes",
            "print done",
        ]
    );
}

#[test]
fn a_plan_marks_what_depends_on_a_node_and_guesses_nothing() {
    let shown = plan(
        "rc, out, err = j.do.execute('uptime', dieOnNonZeroExitCode=False)\n\
         port = 80\n\
         if rc > 0:\n    port = 81\n    j.do.createDir('/failed')\nelif out:\n    j.do.createDir('/said')\n\
         else:\n    j.do.createDir('/quiet')\n\
         j.do.execute('listen %s' % port)\n\
         for line in out.splitlines():\n    j.do.execute('echo ' + line)\n\
         def early():\n    if rc: return\n    j.do.createDir('/late')\n\
         early()\n\
         j.do.createDir('/certain')",
    );
    assert_eq!(
        shown,
        [
            "run uptime",
            "make directory /failed [depends on <exit code of uptime>]",
            "make directory /said [depends on <exit code of uptime>]",
            "make directory /quiet [depends on <exit code of uptime>]",
            "run listen <exit code of uptime> [depends on <exit code of uptime>]",
            "run echo <output of uptime> [depends on <output of uptime>]",
            "make directory /late [depends on <exit code of uptime>]",
            "make directory /certain",
        ]
    );
}

#[test]
fn outcomes_are_values() {
    let text = configure(
        "rc, out, err = j.do.execute('x', dieOnNonZeroExitCode=False)\n\
         names = [p.split('/')[-1] for p in j.system.fs.listFilesInDir('/d')]\n\
         try:\n    j.do.execute('y')\nexcept RuntimeError as e:\n    failed = str(e)\n\
         return rc, out.strip(), names, j.system.fs.isDir('/d'), j.do.readFile('/f'), failed",
    );
    let answer = |action: &Action| match action {
        Action::Node(NodeAction::Execute(_)) => {
            Outcome::Ran { code: 3, stdout: b"said\n".to_vec(), stderr: b"no\nwhy\n".to_vec() }
        }
        Action::Node(NodeAction::File(FileAction::List { .. })) => {
            Outcome::Paths(vec!["/d/a".to_owned(), "/d/b".to_owned()])
        }
        Action::Node(NodeAction::File(FileAction::Look { .. })) => {
            Outcome::Found(Some(Found { kind: FileKind::Directory, size: 0, mode: 0o755 }))
        }
        Action::Node(NodeAction::File(FileAction::Read { .. })) => Outcome::Bytes(b"inside".to_vec()),
        other => panic!("{other:?}"),
    };
    let (_, result) = walk(&mut script(&text).run("configure"), answer);
    let text = |text: &str| Value::Str(text.to_owned());
    let expected = vec![
        Value::Int(3),
        text("said"),
        Value::List(vec![text("a"), text("b")]),
        Value::Bool(true),
        text("inside"),
        text("`y` ended with exit code 3: why"),
    ];
    assert_eq!(result.unwrap(), Value::List(expected));
}

#[test]
fn a_failed_action_is_an_exception_of_the_recipe() {
    let text = configure("try:\n    j.do.createDir('/a')\nexcept Exception, e:\n    return str(e)\n");
    let (_, result) = walk(&mut script(&text).run("configure"), |_| Outcome::Failed("disk full".to_owned()));
    assert_eq!(result.unwrap(), Value::Str("disk full".to_owned()));
    let text = configure("j.do.createDir('/a')");
    let (_, result) = walk(&mut script(&text).run("configure"), |_| Outcome::Failed("disk full".to_owned()));
    let error = result.unwrap_err();
    assert_eq!((error.line(), error.message()), (6, "RuntimeError: disk full"));
}

#[test]
fn values_of_the_service_are_known_and_those_of_others_are_asked_for() {
    let text = configure(
        "hrd = serviceObj.hrd\nhrd.set('instance.port', hrd.getInt('instance.port') + 1)\n\
         other = j.atyourservice.get(name='db', instance='one')\n\
         return hrd.get('instance.port'), hrd.getBool('instance.on'), hrd.getList('instance.names'), \
         hrd.get('instance.none', 'default'), hrd.exists('instance.none'), serviceObj.name, \
         hrd.getDictFromPrefix('service.process')['1']['cmd'], other.hrd.get('instance.ip'), \
         hrd.applyOnContent('p=$(instance.port)')",
    );
    let text_of = |text: &str| Value::Str(text.to_owned());
    let process = Value::Dict(vec![(text_of("cmd"), text_of("run"))]);
    let own = service(&[
        ("instance.port", text_of("80")),
        ("instance.on", text_of("True")),
        ("instance.names", text_of("a, b")),
        ("service.process.1", process),
    ]);
    let mut run = script(&text).with_service(own).run("configure");
    let (shown, result) = walk(&mut run, |action| match action {
        Action::ReadHrd { service: ServiceKey::Other { .. }, .. } => {
            Outcome::Value(Some(Value::Str("10.0.0.1".to_owned())))
        }
        _ => Outcome::Done,
    });
    assert_eq!(shown, ["set instance.port of this service", "read instance.ip of db:one"]);
    let names = Value::List(vec![text_of("a"), text_of("b")]);
    let expected = vec![
        Value::Int(81),
        Value::Bool(true),
        names,
        text_of("default"),
        Value::Bool(false),
        text_of("web"),
        text_of("run"),
        text_of("10.0.0.1"),
        text_of("p=81"),
    ];
    assert_eq!(result.unwrap(), Value::List(expected));
}

#[test]
fn a_runaway_ends_soon_and_says_why() {
    for (lines, named) in [
        ("while True: pass", "steps"),
        ("x = 1\nwhile x: x = x * 3", "steps"),
        ("x = 2 ** 10000000", "bits"),
        ("x = 'a' * 10 ** 12", "memory"),
        ("x = 'ab'\nwhile True: x += x", "memory"),
        ("x = []\nwhile True: x.append(x)", "steps"),
        ("x = range(10 ** 10)", "memory"),
        ("x = '%1000000000d' % 1", "wider"),
        ("x = {}\nfor i in xrange(10 ** 9): x[i] = [i]", "steps"),
        ("def f(): return f()\nf()", "recursion"),
        ("f = lambda g: g(g)\nf(f)", "recursion"),
        ("x = ()\nfor i in range(100000): x = (x,)\nprint x", "recursion"),
        ("while True: j.do.createDir('/a')", "things"),
        ("import re\nraise ValueError(str(re.match('(a*)*(a*)*b', 'a' * 100000)))", "ValueError: None"),
        ("x = 1\nwhile True: x = int(str(x) * 10)", "steps"),
    ] {
        let start = Instant::now();
        let message = error(lines);
        assert!(message.contains(named), "{lines}: {message}");
        let limit = if cfg!(debug_assertions) { 60 } else { 10 };
        assert!(start.elapsed() < Duration::from_secs(limit), "{lines} took {:?}", start.elapsed());
    }
}

#[test]
fn a_run_that_is_dropped_deep_in_calls_drops_well() {
    let text = configure("def f(n):\n    if n == 0: j.do.createDir('/a')\n    else: f(n - 1)\nf(150)");
    let mut run = script(&text).run("configure");
    assert!(matches!(run.resume(Outcome::Done).unwrap(), Progress::Action(_)));
    drop(run);
}

#[test]
fn a_secret_is_in_no_error_and_no_condition() {
    let text_of = |text: &str| Value::Str(text.to_owned());
    let nested = Value::List(vec![Value::Dict(vec![(text_of("db_passwd"), text_of("nested12"))])]);
    let own = service(&[("instance.passwd", text_of("hunter22")), ("service.list", nested)]);
    for (body, shown) in [
        ("raise RuntimeError(serviceObj.hrd.get('instance.passwd'))", "RuntimeError: ***"),
        (
            "raise RuntimeError(str(serviceObj.hrd.get('service.list')))",
            "RuntimeError: [{'db_passwd': '***'}]",
        ),
        ("{}[serviceObj.hrd.get('instance.passwd')]", "KeyError: '***'"),
    ] {
        let mut run = script(&configure(body)).with_service(own.clone()).run("configure");
        let (_, result) = walk(&mut run, |_| Outcome::Done);
        assert_eq!(result.unwrap_err().message(), shown, "{body}");
    }
    let body = "if j.do.execute('x ' + serviceObj.hrd.get('instance.passwd'))[1]:\n    j.do.createDir('/a')";
    let mut run = script(&configure(body)).with_service(own).run("configure");
    let (actions, _) = walk(&mut run, |_| Outcome::Unknown);
    assert!(actions.iter().any(|action| action.contains("depends on")), "{actions:?}");
    assert!(!actions.concat().contains("hunter22"), "{actions:?}");
}
