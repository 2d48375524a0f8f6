//! What the shapes in `fixtures/hrd` do not show: places, comments, questions, look-ups, and errors' own layout.

#![expect(clippy::expect_used, clippy::panic, reason = "a test")]

use ays_grammar::hrd::{self, Ask, AskKind, Hrd, Value};
use ays_grammar::{Diagnostic, Span};

fn parse(text: &str) -> Hrd {
    hrd::parse("test", text.as_bytes()).expect("the text is HRD")
}

fn ask(text: &str) -> Ask {
    match parse(&format!("key = {text}\n")).entries.pop().map(|entry| entry.value) {
        Some(Value::Ask(ask)) => ask,
        other => panic!("not a question: {other:?}"),
    }
}

#[test]
fn a_question_has_its_tags_in_any_order() {
    let text = "@ASK retry:3 default:'a, b: c' type:'int' descr:'line\\ntwo' name:port regex:\"^\\d+$\" minValue:1 \
                maxValue:9.5 decr:typo dropdownvals:a,b,,c";
    assert_eq!(
        ask(text),
        Ask {
            prefix: String::new(),
            text: text.to_owned(),
            name: Some("port".to_owned()),
            kind: AskKind::Int,
            description: Some("line\ntwo".to_owned()),
            default: Some("a, b: c".to_owned()),
            regex: Some("^\\d+$".to_owned()),
            retry: Some(3),
            min_value: Some(1.0),
            max_value: Some(9.5),
            choices: vec!["a".to_owned(), "b".to_owned(), "c".to_owned()],
        }
    );
}

#[test]
fn words_without_quotes_belong_to_the_tag_before() {
    let ask = ask("http://@ASK descr:the address http://x or none default:");
    assert_eq!(ask.prefix, "http://");
    assert_eq!(ask.description.as_deref(), Some("the address http://x or none"));
    assert_eq!(ask.default.as_deref(), Some(""));
}

#[test]
fn every_kind_of_question() {
    let kinds = [
        ("str", AskKind::String),
        ("string", AskKind::String),
        ("int", AskKind::Int),
        ("float", AskKind::Float),
        ("bool", AskKind::Bool),
        ("password", AskKind::Password),
        ("list", AskKind::List),
        ("dict", AskKind::Dict),
        ("multiline", AskKind::Multiline),
        ("dropdown", AskKind::Dropdown),
        ("nonsense", AskKind::String),
    ];
    for (name, kind) in kinds {
        assert_eq!(ask(&format!("@ASK type:{name}")).kind, kind, "{name}");
    }
}

#[test]
fn comments_belong_to_the_entry_below_and_on_the_line() {
    let hrd = parse("# one\n\n#two\na = 1 # three\nb =\n    x, # four\n# five\n    y,\n# six\nc = 2\n");
    let comments: Vec<(&str, Vec<&str>)> = hrd
        .entries
        .iter()
        .map(|entry| (entry.key.as_str(), entry.comments.iter().map(String::as_str).collect()))
        .collect();
    assert_eq!(
        comments,
        [("a", vec!["one", "two", "three"]), ("b", vec!["four", "five"]), ("c", vec!["six"])]
    );
}

#[test]
fn places_are_those_of_the_file() {
    let text = "\u{feff}é = 'ü'\r\nraw = b\nxy\n#BINARYEND#########\nlist =\n    a,\n    b,\nempty =\n";
    let places: Vec<(&str, &str)> = parse(text)
        .entries
        .iter()
        .map(|entry| {
            (
                &text[entry.key_span.start..entry.key_span.end],
                &text[entry.value_span.start..entry.value_span.end],
            )
        })
        .collect();
    assert_eq!(places, [("é", "'ü'"), ("raw", "xy"), ("list", "a,\n    b,"), ("empty", "")]);
}

#[test]
fn keys_are_found_in_any_case_and_the_last_counts() {
    let hrd = parse("Key.A = 1\nKEY.a = 2\n");
    assert_eq!(hrd.get("key.a").map(|entry| &entry.key), Some(&"KEY.a".to_owned()));
    assert_eq!(hrd.get("key"), None);
    assert_eq!(hrd.entries.len(), 2);
}

#[test]
fn numbered_entries_come_in_the_order_of_their_numbers() {
    let text = "web.export.10 = a\nweb.export.2 = two\nWeb.Export.1 = c\nweb.export.2 = d\nweb.export.x = e\nweb.export. = f\n\
                web.export.1.y = g\nweb.export.99999999999999999999 = h\n";
    let hrd = parse(text);
    let found: Vec<(u64, &Value)> =
        hrd.numbered("web.export").into_iter().map(|(number, entry)| (number, &entry.value)).collect();
    let value = |text: &str| Value::String(text.to_owned());
    assert_eq!(found, [(1, &value("c")), (2, &value("d")), (10, &value("a"))]);
}

#[test]
fn substitution_looks_keys_up_in_lower_case_and_once() {
    let lookup = |key: &str| match key {
        "instance.size" => Some("$(other)".to_owned()),
        _ => None,
    };
    assert_eq!(
        hrd::substitute("a=$(Instance.Size) $(other) $(instance.size", &lookup),
        "a=$(other) $(other) $(instance.size"
    );
}

#[test]
fn a_diagnostic_counts_characters_and_shows_no_controls() {
    let text = "one\n\té\u{1b}[31mx = 'y'\r\nthree";
    let start = text.find('x').expect("it is there");
    let error = Diagnostic::new("dir/file", text, Span::new(start, start + 20), "no").with_help("do");
    assert_eq!((error.file(), error.line(), error.column()), ("dir/file", 2, 8));
    assert_eq!((error.message(), error.help()), ("no", Some("do")));
    assert_eq!(
        error.to_string(),
        "dir/file:2:8: no\n  |\n2 |  é␛[31mx = 'y'\n  |        ^^^^^^^\n  = help: do"
    );
}

#[test]
fn a_diagnostic_takes_any_span() {
    for (start, end) in [(0, 0), (2, 1), (1, 2), (9, 99)] {
        assert_eq!(Diagnostic::new("f", "aé", Span::new(start, end), "no").line(), 1);
    }
    let beyond = Diagnostic::new("f", "a\n", Span::new(2, 2), "no");
    assert_eq!(beyond.to_string(), "f:2:1: no\n  |\n2 | \n  | ^");
}

#[test]
fn an_error_shows_no_login_of_an_address() {
    let text = "a = 1\nurl = 'ftp://pub:p@ss1234@h/x', {{1}} http://u@h2/@y\n";
    let error = hrd::parse("f", text.as_bytes()).expect_err("Python is refused");
    assert_eq!(
        error.to_string().lines().nth(2),
        Some("2 | url = 'ftp://************@h/x', {{1}} http://*@h2/@y"),
        "{error}"
    );
}

#[test]
fn an_error_shows_no_value_of_what_is_called_a_secret() {
    let text = "instance.password = 'hunter2 {{x}}'\n";
    let error = hrd::parse("f", text.as_bytes()).expect_err("Python is refused");
    assert_eq!(error.to_string().lines().nth(2), Some("1 | instance.password = ******** ******"), "{error}");
}
