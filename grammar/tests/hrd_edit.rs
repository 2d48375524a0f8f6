//! One entry is set, and every other byte stays.

use ays_grammar::hrd::edit::{EditError, set};
use ays_grammar::hrd::{self, Value};
use proptest::prelude::*;

const NODE: &str = "\
# the node of the lab
service.category               = 'node'
instance.ip = 10.0.0.11        # moved in May
instance.login=
instance.roles =
    'a',
    'b',

instance.ssh.port = '22'
";

#[test]
fn the_value_alone_is_replaced() {
    for (key, value, old, new) in [
        ("instance.ip", "10.0.0.12", "10.0.0.11 ", "'10.0.0.12' "),
        ("INSTANCE.IP", "n1.example.org", "10.0.0.11 ", "'n1.example.org' "),
        ("instance.login", "admin", "login=", "login= 'admin'"),
        ("instance.roles", "x, y", " =\n    'a',\n    'b',", " = 'x, y'"),
        ("instance.ssh.port", "it's", "'22'", "\"it's\""),
        ("instance.ssh.port", "one\ntwo", "'22'", "'one\\ntwo'"),
        ("instance.ssh.port", "", "'22'", "''"),
    ] {
        let edited = set(NODE, key, value).expect("it can be written");
        assert_eq!(edited, NODE.replacen(old, new, 1), "{key}");
    }
}

#[test]
fn what_is_missing_is_appended() {
    let line = "instance.gid                   = '2'";
    assert_eq!(set(NODE, "instance.gid", "2"), Ok(format!("{NODE}{line}\n")));
    assert_eq!(set("", "instance.gid", "2"), Ok(format!("{line}\n")));
    assert_eq!(set("a = 1", "instance.gid", "2"), Ok(format!("a = 1\n{line}\n")));
    assert_eq!(set("a = 1\r\n", "instance.gid", "2"), Ok(format!("a = 1\r\n{line}\r\n")));
}

#[test]
fn of_a_key_given_twice_the_one_that_counts_is_set() {
    assert_eq!(set("a = 1\nA = 2\n", "a", "3").as_deref(), Ok("a = 1\nA = '3'\n"));
}

#[test]
fn what_hrd_cannot_say_is_refused_without_the_value() {
    for (key, value) in [
        ("a", "{{hunter2}}"),
        ("a", "'\" hunter2,"),
        ("a", "@ASK hunter2"),
        ("a b = c", "x"),
        ("", "x"),
        ("a", "\\n"),
    ] {
        assert_eq!(set("", key, value), Err(EditError::Unwritable { key: key.to_owned() }), "{key} {value}");
    }
    let commented = "a =\n    # why\n    x,\nb = 1\n";
    assert_eq!(set(commented, "a", "y"), Err(EditError::Unwritable { key: "a".to_owned() }));
    let bytes = "a = b\nx\n#BINARYEND#########\n";
    assert_eq!(set(bytes, "a", "y"), Err(EditError::Unwritable { key: "a".to_owned() }));
}

proptest! {
    #[test]
    fn what_was_set_is_read(value in "[ -~äé\n]{0,30}", key in prop::sample::select(vec!["instance.ip", "instance.x"])) {
        if let Ok(edited) = set(NODE, key, &value) {
            let read = hrd::parse("edited", edited.as_bytes()).expect("it is HRD");
            prop_assert_eq!(read.get(key).map(|entry| &entry.value), Some(&Value::String(value)));
            prop_assert_eq!(read.get("instance.ssh.port").map(|entry| entry.value.clone()), Some(Value::String("22".to_owned())));
        } else {
            let plain = |c: char| !matches!(c, '\'' | '"' | '\\' | '{' | '@');
            prop_assert!(!value.chars().all(plain), "{:?} can be written", value);
        }
    }
}
