//! Recipes that want more than they get: each ends with a value or an error, soon, and nothing is broken by it.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test")]

use std::time::{Duration, Instant};

use ays_actions::{Outcome, Progress, Script};
use ays_model::Words;

/// How long a method may take until a budget ends it; debug builds are slow.
const LIMIT: Duration = Duration::from_secs(60);

/// What a method with this body comes to: what it returns, or its error's first line.
fn ends(body: &str) -> String {
    let lines: String = body.lines().map(|line| format!("        {line}\n")).collect();
    let text = format!(
        "from JumpScale import j\nimport re, json, os\nclass Actions(j.atyourservice.getActionsBaseClass()):\n    \
         def configure(self, serviceObj):\n{lines}"
    );
    let script = match Script::parse("actions.py", &text, &|_| None, Words::default(), Vec::new()) {
        Ok(script) => script,
        Err(error) => return error.message().to_owned(),
    };
    let begun = Instant::now();
    let (mut run, mut outcome) = (script.run("configure"), Outcome::Done);
    let end = loop {
        outcome = match run.resume(outcome) {
            Ok(Progress::Action(_)) => Outcome::Unknown,
            Ok(Progress::Returned(value)) => break format!("{value:?}"),
            Err(error) => break error.message().to_owned(),
        };
    };
    assert!(begun.elapsed() < LIMIT, "{:?}: {body}", begun.elapsed());
    end.chars().take(200).collect()
}

const DEEP: &str = "maximum recursion depth exceeded";
const STEPS: &str = "steps";
const MEMORY: &str = "MiB of memory";
const BUDGET: &str = "this method";

/// Checks what each method with such a body comes to.
fn check(rows: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (body, said) in rows {
        let end = ends(body);
        if !end.contains(said) {
            wrong.push(format!("{body}\n=> {end}\nand not {said}\n"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn values_in_values_end_somewhere() {
    check(&[
        ("e = Exception(1)\ne.args = (e,)\nreturn str(e)", DEEP),
        ("e = Exception(1)\ne.args = (e, e)\nreturn repr(e)", "object>"),
        ("f = frozenset()\nfor i in range(100000):\n    f = frozenset([f])\nreturn 1", DEEP),
        ("t = ()\nfor i in range(100000):\n    t = (t,)\nreturn {t: 1}", DEEP),
        ("t = int\nfor i in range(100000):\n    t = (t,)\nreturn isinstance(1, t)", "Bool(true)"),
        ("t = ()\nfor i in range(100000):\n    t = (t, t)\nreturn isinstance(1, t)", STEPS),
        (
            "t = ()\nfor i in range(100000):\n    t = (t,)\ntry:\n    raise ValueError('x')\nexcept t:\n    pass",
            "ValueError: x",
        ),
        ("a = []\nfor i in range(100000):\n    a = [a]\nreturn a == [a]", DEEP),
        ("a, b = [], []\nfor i in range(300):\n    a, b = [a], [b]\nreturn a == b", DEEP),
        ("a = []\nfor i in range(300):\n    a = [a]\nreturn json.dumps(a)", DEEP),
        ("f = len\nfor i in range(10000):\n    f = staticmethod(f)\nreturn f('a')", DEEP),
        ("def f(n):\n    return f(n + 1)\nreturn f(0)", DEEP),
        ("class A(object):\n    def __init__(self):\n        A()\nreturn A()", DEEP),
        ("class A(object):\n    def __str__(self):\n        return str(self)\nreturn str(A())", DEEP),
        (
            "class A(object):\n    pass\nB = A\nfor i in range(1000):\n    class C(B):\n        pass\n    B = C\nreturn B()",
            "above it",
        ),
    ]);
}

#[test]
fn values_that_are_shared_are_paid_for_each_time() {
    check(&[
        ("a = []\nfor i in range(100):\n    a = [a, a]\nreturn repr(a)", BUDGET),
        ("a = []\nfor i in range(100):\n    a = [a, a]\nreturn json.dumps(a)", BUDGET),
        ("a = ()\nfor i in range(100):\n    a = (a, a)\nreturn hash(a) if False else {a: 1}", BUDGET),
        ("a, b = [], []\nfor i in range(100):\n    a, b = [a, a], [b, b]\nreturn a == b", STEPS),
        ("a, b = [], []\nfor i in range(100):\n    a, b = [a, a], [b, b]\nreturn a < b", STEPS),
        ("a = []\nfor i in range(30):\n    a = [a, a]\nserviceObj.hrd.set('x', a)\nreturn a", BUDGET),
        ("a = []\nfor i in range(100):\n    a = [a, a]\nreturn '%s' % (a,)", BUDGET),
        ("a = []\nfor i in range(100):\n    a = [a, a]\nreturn '{}'.format(a)", BUDGET),
    ]);
}

#[test]
fn what_needs_more_than_there_is_room_for_is_not_begun() {
    check(&[
        ("return ('\\t' * 1000).expandtabs(10 ** 9)", MEMORY),
        ("a = 'x' * 10 ** 8\nreturn '%s%s%s%s%s' % (a, a, a, a, a)", MEMORY),
        ("a = 'x' * 10 ** 8\nreturn '{0}{0}{0}{0}{0}'.format(a)", MEMORY),
        ("a = 'x' * 10 ** 7\nreturn a.join(['y'] * 100)", MEMORY),
        ("a = 'x' * 10 ** 7\nreturn os.path.join(*([a] * 100))", MEMORY),
        ("a = 'x' * 10 ** 6\nreturn re.sub('y', a, 'y' * 1000)", MEMORY),
        ("a = 'x' * 10 ** 6\nreturn re.sub('(x+)', '\\\\1' * 1000, a)", MEMORY),
        ("return re.sub('y', lambda m: 'x' * 10 ** 6, 'y' * 1000)", MEMORY),
        ("return list('a' * 10 ** 8)", MEMORY),
        ("return ('a ' * (5 * 10 ** 7)).split()", BUDGET),
        ("return re.findall('a', 'a' * 10 ** 8)", BUDGET),
        ("a = j.system.net.getHostname()\nfor i in range(60):\n    a = a + a\nreturn a", MEMORY),
        ("a = 'x' * 10 ** 7\nwhile True:\n    print a", MEMORY),
        ("a = 'x' * 10 ** 7\nreturn (a + 'y').replace('x', a)", MEMORY),
        ("return 'x'.replace('', 'y' * 10 ** 9)", MEMORY),
        ("return 2 ** 10 ** 9", "bits"),
        ("return (1 << 10 ** 9) - (1 << 10 ** 9)", "bits"),
        ("return [re.compile('a{%d}{%d}' % (i, i)) for i in range(1, 1000)]", "exceeds size limit"),
        (
            "a = 0\nfor i in range(10000):\n    a = bool(re.match('[a-z]{1,100}', 'abc'))\nreturn a",
            "Bool(true)",
        ),
    ]);
}

#[test]
fn what_takes_longer_than_it_looks_takes_steps() {
    check(&[
        ("a = 'a' * 10 ** 6\nreturn [a.find('a' * 10 ** 5 + 'b') for i in range(1000)]", BUDGET),
        ("a = 'ab' * 10 ** 6\nreturn len(a.split('b' * 1000 + 'a'))", "Int(1)"),
        (
            "a = 'a' * 10 ** 6\nb = ''.join(chr(i) for i in range(97, 120))\nreturn len(a.strip(b * 1000))",
            STEPS,
        ),
        ("a = range(300000)\nwhile a:\n    del a[0]\nreturn 1", STEPS),
        ("a = range(300000)\ndel a[::2]\nreturn len(a)", "Int(150000)"),
        ("a = 'x' * 10 ** 6\nn = 0\nwhile True:\n    n += 'y' in a", STEPS),
        ("f = [open('/f%d' % i, 'w') for i in range(20000)]\nfor i in range(20000):\n    print i", "None"),
        ("return sorted(range(100000), cmp=lambda a, b: 1)[0]", STEPS),
        ("return len(sorted([float('nan'), 1, float('nan'), 0] * 10000))", "Int(40000)"),
        ("return len(sorted([{}, 1, 'a', None, (), [], 2.5, {1: 2}] * 5000))", "Int(40000)"),
    ]);
}

#[test]
fn what_is_little_is_paid_for_all_the_same() {
    check(&[
        ("a = [1] * 60\nwhile True:\n    a.remove(1)\n    a.append(1)", STEPS),
        ("a = []\nfor i in xrange(100000):\n    a.append(i)\nreturn len(a)", "Int(100000)"),
        ("a = dict((i, i) for i in range(100000))\nwhile True:\n    a.items()", MEMORY),
        ("a = dict((i, i) for i in range(100000))\nwhile True:\n    set([1]).union(a)", BUDGET),
        ("a = set(range(200000))\nwhile True:\n    a.isdisjoint([1])\n    a.discard(2)", BUDGET),
        ("a = 2 ** 100000\nb = a + 1\nwhile True:\n    a == b", STEPS),
        ("a = 2 ** 100000\nwhile True:\n    str(a)", STEPS),
        ("a = 2 ** 100000\nwhile True:\n    '%d' % a", STEPS),
        ("a = 2 ** 100000\nwhile True:\n    '{:d}'.format(a)", STEPS),
        ("a = 2 ** 100000\nwhile True:\n    [a]\n    repr([a])", STEPS),
        ("a = u'x' * 10 ** 7\nwhile True:\n    len(a)", STEPS),
        ("a = u'x' * 10 ** 7\nwhile True:\n    a[9999999]", STEPS),
        ("a = u'\\xe9' * 10 ** 6\nwhile True:\n    a[999999]", STEPS),
        ("a = os\nwhile True:\n    a = a.abcdefghijklmnopqrstuvwxyz", MEMORY),
        ("a = Exception()\nb = 'x' * 10 ** 6\nfor i in range(1000):\n    setattr(a, b + str(i), 1)", MEMORY),
        ("a, b = [0] * 10000, [[]] * 10000\nreturn len(map(None, a, *b))", BUDGET),
        ("return len(json.loads('[' + '1,' * (10 ** 7) + '1]'))", MEMORY),
        ("a = range(100000)\nwhile True:\n    a[::-1]", MEMORY),
        ("a = range(300000)\nwhile True:\n    a[5:5] = []", STEPS),
        ("return json.dumps(range(100000), separators=('x' * 10 ** 7, ':'))", MEMORY),
        ("a = [range(100000)]\nfor i in range(150):\n    a = [a]\nreturn json.dumps(a, indent=64)", MEMORY),
        ("a = j.do.execute('x' * 10 ** 7)[1]\nwhile True:\n    'y' if a else 'z'", BUDGET),
        (
            "a = '<' * 10 ** 7 + j.do.execute('x')[1]\nfor i in xrange(10 ** 9):\n    'y' if a else 'z'",
            BUDGET,
        ),
        ("def f(**d):\n    return len(d)\nreturn f(**dict((str(i), i) for i in range(50000)))", STEPS),
        ("j.system.platform.ubuntu.install('a ' * (5 * 10 ** 7))", MEMORY),
        ("return os.path.normpath('/a' * (3 * 10 ** 7))", MEMORY),
        ("a = 'x' * (4 * 10 ** 7)\nreturn a.upper()", MEMORY),
        ("return len(('a ' * (10 ** 7)).split())", MEMORY),
        ("return len(('a' * 10 ** 7).split('a'))", MEMORY),
        ("return len(('a\\n' * 10 ** 7).splitlines())", MEMORY),
        ("a = (int,) * 10 ** 6\nb = (a,) * 10 ** 6\nreturn isinstance('', b)", BUDGET),
        (
            "class A: pass\nB = A\nfor i in range(60):\n    class C(B): pass\n    B = C\nb = B()\nfor i in range(10000):\n    b == 1\nreturn 1",
            "Int(1)",
        ),
        ("a = 'a' * 10 ** 6\nreturn len(re.findall('.*[^a]|[a]', a))", STEPS),
        ("return len(re.findall('()' * 1000, 'a' * 100000))", BUDGET),
        ("a = '01' * (5 * 10 ** 5)\nwhile True:\n    re.search('[01]*1[01]{200}x', a)", STEPS),
    ]);
}

#[test]
fn numbers_that_are_too_large_are_errors_or_values() {
    check(&[
        ("return '%.70000f' % 1.5", "digits"),
        ("return '{:.70000f}'.format(1.5)", "digits"),
        ("return '%.60000f' % 1.5", "Str("),
        ("return '%*d' % (-9223372036854775807 - 1, 1)", "wider"),
        ("return '%.999999d' % 1", "Str("),
        ("return -9223372036854775808 / -1", "Other(\"9223372036854775808L\")"),
        ("return -9223372036854775808 % -1", "Int(0)"),
        ("return abs(-9223372036854775808)", "Other(\"9223372036854775808L\")"),
        (
            "return range(-9223372036854775808, 9223372036854775807, 9223372036854775807)",
            "[Int(-9223372036854775808), Int(-1), Int(9223372036854775806)]",
        ),
        ("return 'abc'[-9223372036854775808:9223372036854775807:-9223372036854775808]", "Str(\"\")"),
        ("return 'abc'[::-9223372036854775808]", "Str(\"c\")"),
        ("return 'a' * -9223372036854775808", "Str(\"\")"),
        ("return round(1.5, 400), round(1.5, -400)", "[Float(1.5), Float(0.0)]"),
        ("return int('9' * 100000)", STEPS),
        ("return chr(-1)", "chr()"),
        ("return unichr(0xd800)", "unichr() arg"),
        ("return 1 >> 10 ** 30, 0 << 10 ** 30, (-1) ** 10 ** 30", "[Int(0), Int(0), Int(1)]"),
    ]);
}

/// Numbers that one seed decides.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}

/// Values that are made of each other, and what is done with them.
#[test]
fn values_of_any_shape_are_shown_compared_and_sorted() {
    let seed = std::env::var("AYS_SEED").map_or(1, |seed| seed.parse().unwrap());
    println!("AYS_SEED={seed}");
    let mut random = Random(seed);
    for _ in 0..25 {
        let mut body = String::from("a = b = c = 1\n");
        let repeat = random.one(&["1", "3", "40", "150", "400"]);
        let made: Vec<_> = (0..3)
            .map(|_| {
                let name = random.one(&["a", "b", "c"]);
                let value = random.one(&[
                    "[a, b]",
                    "(a, b, c)",
                    "{1: a, 'x': b}",
                    "[c]",
                    "(a,)",
                    "Exception(a, b)",
                    "frozenset([b])",
                    "[a] * 3",
                    "{b: a}",
                    "'%s' % (a,)",
                    "repr(b)",
                    "str(c) + 'x'",
                    "sorted([a, b, c])",
                    "set([a])",
                    "a == b",
                    "[a, a]",
                ]);
                format!("    try:\n        {name} = {value}\n    except TypeError:\n        pass\n")
            })
            .collect();
        body += &format!("for i in range({repeat}):\n{}", made.concat());
        let end = random.one(&[
            "repr(a)",
            "json.dumps(b)",
            "a == b",
            "a < c",
            "sorted([a, b, c, a])",
            "'%s %r' % (a, b)",
            "'{0} {1}'.format(a, c)",
            "a in [b, c]",
            "{repr(a): b}",
            "max(a, b, c)",
            "str(a)",
            "[a, b, c]",
        ]);
        body += &format!("return {end}\n");
        let _ = ends(&body);
    }
}
