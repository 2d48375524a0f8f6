//! Values, calls and expressions that lie deep in each other: the stack grows with them, wherever in it they begin.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a test")]

use ays_actions::{Outcome, Progress, Run, Script, Value};
use ays_grammar::Diagnostic;
use ays_model::Words;

/// As much as a thread of an async runtime has.
const STACK: usize = 2 * 1024 * 1024;

/// Begins a method with this body, on a stack of a known size, and looks at its run.
fn with_run<T: Send + 'static>(body: &str, look: impl FnOnce(Run) -> T + Send + 'static) -> T {
    let lines: String = body.lines().map(|line| format!("        {line}\n")).collect();
    let text = format!(
        "from JumpScale import j\nimport json, re\nclass Actions(j.atyourservice.getActionsBaseClass()):\n    \
         def configure(self, serviceObj):\n{lines}"
    );
    let script = Script::parse("actions.py", &text, &|_| None, Words::default(), Vec::new()).unwrap();
    let thread = std::thread::Builder::new().stack_size(STACK);
    thread.spawn(move || look(script.run("configure"))).unwrap().join().unwrap()
}

fn returned(mut run: Run) -> Result<Value, Diagnostic> {
    let mut outcome = Outcome::Done;
    loop {
        match run.resume(outcome)? {
            Progress::Action(_) => outcome = Outcome::Unknown,
            Progress::Returned(value) => return Ok(value),
        }
    }
}

/// `n` so many brackets deep.
fn bracketed(value: &str, depth: usize) -> String {
    format!("{}{value}{}", "[".repeat(depth), "][0]".repeat(depth))
}

#[test]
fn a_run_that_waits_deep_in_calls_and_expressions_drops_well() {
    let call = bracketed("f(n - 1)", 10);
    let body = format!("def f(n):\n    if n == 0: j.do.createDir('/a')\n    else: return {call}\nf(190)");
    with_run(&body, |mut run| {
        assert!(matches!(run.resume(Outcome::Done).unwrap(), Progress::Action(_)));
        let small = std::thread::Builder::new().stack_size(STACK / 8);
        small.spawn(move || drop(run)).unwrap().join().unwrap();
    });
}

#[test]
fn walks_over_deep_values_begin_anywhere_on_the_stack() {
    for (make, walk) in [
        ("x = [x]", "repr(x)"),
        ("x = [x]", "json.dumps(x)"),
        ("x, y = [x], [y]", "x == y"),
        ("x, y = [x], [y]", "x < y"),
        ("x = (x,)", "{x: x}[x]"),
        ("x = frozenset([x])", "{x: x}[x]"),
        ("x = ValueError(x)", "str(x)"),
    ] {
        let body = format!(
            "x = y = ()\nfor i in range(190):\n    {make}\n\
             def f(n):\n    {walk}\n    if n: f(n - 1)\nf(180)\nreturn 1"
        );
        assert_eq!(with_run(&body, returned), Ok(Value::Int(1)), "{make}: {walk}");
    }
}

#[test]
fn functions_of_the_node_are_called_anywhere_on_the_stack() {
    let body = "import os\nclass A(object):\n    def __str__(self): return str(1)\n\
                def f(n):\n    j.do.execute('x')\n    j.system.fs.listFilesInDir('/a')\n    os.path.join('a', 'b')\n    \
                re.match('(((((a{1,3}){1,3}){1,3})|b*)+)+', 'aaa')\n    re.sub('a', lambda m: 'b', 'aaa')\n    \
                re.compile('(' * 200 + str(n) + ')' * 200)\n    json.loads('[' * 120 + ']' * 120)\n    \
                sorted([2, 1], key=lambda x: '%s' % A())\n    serviceObj.hrd.get('a.b')\n    \
                [x for x in map(str, range(2)) if x]\n    if n: f(n - 1)\nf(180)\nreturn 1";
    assert_eq!(with_run(body, returned), Ok(Value::Int(1)));
}

#[test]
fn calls_in_expressions_in_calls_do_not_fill_the_memory() {
    let body = format!("def f(n): return {}\nf(1)", bracketed("f(n + 1)", 48));
    let error = with_run(&body, returned).unwrap_err();
    assert_eq!(error.message(), "RuntimeError: maximum recursion depth exceeded");
}
