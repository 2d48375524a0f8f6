//! Hostile input: a value or an error, soon, whatever is given.

#![expect(clippy::expect_used, reason = "a test")]

use std::time::Duration;

use ays_grammar::{actions, hrd};
use proptest::prelude::*;

const MEGABYTE: usize = 1024 * 1024;

/// What one text may take of a processor. A debug build is some twenty times slower than what a user has;
/// processors that are shared with others are some times slower too.
const LONGEST: Duration = Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 5 });

/// How large the texts are; a debug build is not given all of it.
const LARGE: usize = if cfg!(debug_assertions) { MEGABYTE / 2 } else { 10 * MEGABYTE };

/// How large the texts are that hold nothing but tokens: pest takes about half a microsecond for each.
const DENSE: usize = LARGE / 8;

/// The time that this thread had a processor for: a busy machine does not count.
fn on_processor() -> Duration {
    let schedule =
        std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux counts a thread's time");
    let nanoseconds = schedule.split(' ').next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanoseconds.expect("the first number is the time on a processor"))
}

fn time(read: impl FnOnce()) -> Duration {
    let start = on_processor();
    read();
    on_processor() - start
}

fn shapes(size: usize, units: &[(&str, &str, &str)]) -> Vec<String> {
    let filled = |unit: &str| unit.repeat(size / unit.len());
    units.iter().map(|(before, unit, after)| format!("{before}{}{after}", filled(unit))).collect()
}

fn quick(name: &str, read: impl FnOnce()) {
    let took = time(read);
    assert!(took < LONGEST, "{name:?} took {took:?}");
}

fn begin(text: &str) -> &str {
    text.get(..24).unwrap_or(text)
}

#[test]
fn large_hrd_is_read_or_refused_soon() {
    let mut texts = shapes(
        LARGE,
        &[
            ("a = ", "x", ""),
            ("a = '", "x", "'"),
            ("a = '", "x, y: ", "'"),
            ("", "#", ""),
            ("", " ", ""),
            ("", "x", ""),
            ("", "some.key.1 = 'a text of some words'\n", ""),
            ("", "some.key.1 =\n    url:'http://host/path',\n    dest:'/opt/x',\n", ""),
            ("key =\n", "    a line of a text of some words\n", ""),
            ("a = b\n", "x", "\n#BINARYEND#########\n"),
            ("a = bqp\n", "=00", "\n#BINARYEND#########\n"),
        ],
    );
    texts.extend(shapes(
        DENSE,
        &[
            ("a = ", "'", ""),
            ("a = ", "\"'", ""),
            ("a = ", "a'", ""),
            ("a = ", ",", ""),
            ("a = ", "x,", ""),
            ("a = ", "'x',", ""),
            ("a = ", "k:v,", ""),
            ("a = ", ":", ""),
            ("a = ", "[", ""),
            ("a = ", "[", ","),
            ("a = '", "[", "]',"),
            ("a = ", "[],", ""),
            ("a = [", "'x',", "],"),
            ("a = ", "$(", ""),
            ("a = ", "$(a)", ""),
            ("a = ", "@ASK ", ""),
            ("a = @ASK ", "x:y ", ""),
            ("a = ", "{{", ""),
            ("a = ", "é", ""),
            ("", "#x\n", "a = 1"),
            ("", "\n", ""),
            ("", "\r\n", ""),
            ("", "x\n", ""),
            ("", "a=b\n", ""),
            ("", "a=\n", ""),
            ("", "a=b\n x=\n", ""),
            ("a =\n", " x,\n", ""),
            ("a =\n", " x:y,\n", ""),
            ("a =\n", " text\n", ""),
            ("a =\n", " 'x'\n", ""),
            ("", "a = b\n#BINARYEND#########\n", ""),
            ("", "a = b\n", ""),
        ],
    ));
    for text in texts {
        quick(begin(&text), || {
            let read = hrd::parse("limits", text.as_bytes());
            drop(
                read.and_then(|hrd| hrd.resolve("limits", text.as_bytes()))
                    .map_err(|error| error.to_string()),
            );
        });
    }
}

#[test]
fn large_actions_are_read_or_refused_soon() {
    let mut texts = shapes(
        LARGE,
        &[
            ("x = '", "a", "'"),
            ("def f():\n    '''", "a line of a docstring\n", "'''"),
            ("x", "x", ""),
            ("", "# some comment of a few words\n", ""),
            ("", " ", ""),
        ],
    );
    texts.extend(shapes(
        DENSE,
        &[
            ("", "register(service, 'a name of an image', 'Linux', 10)\n", ""),
            ("", "(", ""),
            ("x = ", "[", ""),
            ("x = ", "{", ""),
            ("x = ", "f(", ""),
            ("x = ", "-", "1"),
            ("x = ", "not ", "1"),
            ("x = a", ".a", ""),
            ("x = a", "()", ""),
            ("x = a", "[0]", ""),
            ("x = a", "+a", ""),
            ("x = a", " if a else a", ""),
            ("x = ", "lambda: ", "1"),
            ("x = ", "'a' ", ""),
            ("x = '", "\\n", "'"),
            ("x = ", "'", ""),
            ("x = '''", "'", ""),
            ("x = ", "1", ""),
            ("", "x = 1\n", ""),
            ("", "x = ", "1"),
            ("", "a, ", ""),
            ("f(", "a, ", ")"),
            ("f(", "a=1, ", ")"),
            ("", "\n", ""),
            ("", "#\n", ""),
            ("", ";", ""),
            ("", "x;", ""),
            ("", "\\\n", ""),
            ("", "if x:\n pass\n", ""),
            ("", "if x: ", ""),
            ("", "def f(): pass\n", ""),
            ("def f(", "a, ", "): pass"),
            ("", "@x\n", ""),
            ("", "import a\n", ""),
            ("import a", ".a", ""),
            ("try: pass\n", "except: pass\n", ""),
            ("", "`", ""),
            ("", "$", ""),
            ("", "\r", ""),
            ("", ")", ""),
        ],
    ));
    for text in texts {
        quick(begin(&text), || drop(actions::parse("limits", &text).map_err(|error| error.to_string())));
    }
}

#[test]
fn a_million_brackets() {
    let count = if cfg!(debug_assertions) { 50_000 } else { 1_000_000 };
    let nested = format!("{}{}", "[".repeat(count), "]".repeat(count));
    let error = hrd::parse("deep", format!("a = {nested},").as_bytes()).expect_err("a stack has an end");
    assert_eq!(error.message(), "lists lie more than 32 deep in each other");
    let called = format!("{}{}", "(".repeat(count), ")".repeat(count));
    let error = actions::parse("deep", &called).expect_err("a stack has an end");
    assert_eq!(error.message(), "expressions lie more than 100 deep in each other");
    let error = actions::parse("deep", &format!("x = {nested}")).expect_err("a stack has an end");
    assert_eq!(error.message(), "expressions lie more than 100 deep in each other");
}

#[test]
fn blocks_in_blocks() {
    let deep = |levels: usize| -> String {
        (0..levels).map(|level| format!("{}class A:\n", " ".repeat(level))).collect::<String>()
            + &" ".repeat(levels)
            + "pass\n"
    };
    actions::parse("deep", &deep(100)).expect("as deep as Python goes");
    let error = actions::parse("deep", &deep(101)).expect_err("deeper than Python goes");
    assert_eq!((error.line(), error.message()), (102, "blocks lie more than 100 deep in each other"));
}

#[test]
fn calls_in_calls_end_before_the_stack_does() {
    let chained = |inner: &str| format!("f({inner}){}", ".a".repeat(375));
    let error = actions::parse("deep", &chained(&chained("x"))).expect_err("750 in each other");
    assert_eq!(error.message(), "more than 500 calls, attributes and operators hold each other");
    actions::parse("deep", &chained("x")).expect("375 in each other");
}

#[test]
fn a_long_chain_of_references() {
    let mut text = "a0 = x\n".to_owned();
    for number in 1..100_000 {
        text += &format!("a{number} = $(a{})\n", number - 1);
    }
    quick("chain", || {
        let read = hrd::parse("chain", text.as_bytes()).and_then(|hrd| hrd.resolve("chain", text.as_bytes()));
        let last = read.expect("a chain is no circle").get("a99999").map(|entry| entry.value.clone());
        assert_eq!(last, Some(hrd::Value::String("x".to_owned())));
    });
}

#[test]
fn an_error_in_a_long_line_is_short() {
    let text = format!("a = {}{{{{x}}}}{}", "x".repeat(LARGE), "y".repeat(LARGE));
    let error = hrd::parse("long", text.as_bytes()).expect_err("code is refused");
    let column = 5 + LARGE;
    let expected = format!(
        "long:1:{column}: `{{{{ }}}}` is Python that AYS would run, and is never run here\n  |\n\
         1 | ...{}{{{{x}}}}{}...\n  |    {}^^^^^\n  \
         = help: write the value itself, or refer to another key with `$(key)`",
        "x".repeat(60),
        "y".repeat(55),
        " ".repeat(60),
    );
    assert_eq!(error.to_string(), expected);
}

/// Eight times the input takes about eight times the time; 64 times would be quadratic. The bound lies far from both, and
/// the best of several tries counts: other tests share the processor and its caches.
#[test]
fn time_grows_with_the_input() {
    let best = |read: &dyn Fn()| (0..3).map(|_| time(read)).min().unwrap_or_default();
    type Case = (&'static str, fn(&str));
    let cases: [Case; 6] = [
        ("key = 'v', $(key)\n", |text| {
            drop(hrd::parse("t", text.as_bytes()).and_then(|h| h.resolve("t", text.as_bytes())))
        }),
        ("key =\n    a:'b',\n    c:[1, 2],\n", |text| drop(hrd::parse("t", text.as_bytes()))),
        ("'[", |text| drop(hrd::parse("t", format!("a = {text}").as_bytes()))),
        ("f(a, b=1).c\n", |text| drop(actions::parse("t", text))),
        ("x = [1, {2: (3)}]\n", |text| drop(actions::parse("t", text))),
        ("if x:\n\ty('''z''')\n", |text| drop(actions::parse("t", text))),
    ];
    for (unit, read) in cases {
        let size = if cfg!(debug_assertions) { 16 * 1024 } else { MEGABYTE / 4 };
        let once = unit.repeat(size / unit.len());
        let eightfold = unit.repeat(8 * size / unit.len());
        let (small, large) = (best(&|| read(&once)), best(&|| read(&eightfold)));
        assert!(large < small * 24, "{unit:?}: {small:?}, and eight times as much {large:?}");
    }
}

fn hrd_like() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "a",
        "b.1",
        " = ",
        "=",
        "'",
        "\"",
        ",",
        ":",
        "[",
        "]",
        "#",
        "\n",
        "\n    ",
        "\t",
        "\r\n",
        "@ASK ",
        "type:int ",
        "default:",
        "$(a)",
        "$(",
        ")",
        "{{",
        "}}",
        "b\n",
        "bqp\n",
        "#BINARYEND#########\n",
        "é",
        "\u{feff}",
        "1",
        "-2.5",
        " ",
    ]);
    prop::collection::vec(part, 0..60).prop_map(|parts| parts.concat())
}

fn actions_like() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "a",
        "b",
        " = ",
        "=",
        "'",
        "\"",
        "'''",
        ",",
        ":",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "#",
        "\n",
        "\n    ",
        "\n\t",
        "\r\n",
        "def f(",
        "class A",
        "if ",
        "else",
        "lambda ",
        " for ",
        " in ",
        "import ",
        "from ",
        "return ",
        "print ",
        "not ",
        "-",
        "+",
        "+=",
        "*",
        "**",
        "@",
        "`",
        "0777",
        "1.5e3",
        "0x",
        "1l",
        "\\",
        "\\x4",
        "u'\\u12'",
        ".",
        ";",
        "é",
        "$",
        " ",
        "try:",
        "except E, e:",
        "yield",
        "pass",
    ]);
    prop::collection::vec(part, 0..60).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn hrd_of_any_bytes_does_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(hrd) = hrd::parse("any", &bytes) {
            drop(hrd.resolve("any", &bytes));
        }
    }

    #[test]
    fn hrd_like_text_does_not_panic(text in hrd_like()) {
        if let Ok(hrd) = hrd::parse("any", text.as_bytes()) {
            for entry in &hrd.entries {
                prop_assert_eq!(&text[entry.key_span.start..entry.key_span.end], entry.key.as_str());
                prop_assert!(text.get(entry.value_span.start..entry.value_span.end).is_some());
            }
            drop(hrd.resolve("any", text.as_bytes()));
        }
    }

    #[test]
    fn actions_of_any_text_do_not_panic(text in "\\PC*") {
        drop(actions::parse("any", &text));
    }

    #[test]
    fn actions_like_text_does_not_panic(text in actions_like()) {
        if let Err(error) = actions::parse("any", &text) {
            prop_assert!(error.line() <= text.lines().count() + 1);
        }
    }
}
