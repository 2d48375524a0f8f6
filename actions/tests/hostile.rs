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

#[test]
fn a_runaway_ends_by_its_budget() {
    let mut wrong = Vec::new();
    for (body, said) in [
        // Values in values in values.
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
        // The same value, twice in each.
        ("a = []\nfor i in range(100):\n    a = [a, a]\nreturn repr(a)", BUDGET),
        ("a = []\nfor i in range(100):\n    a = [a, a]\nreturn json.dumps(a)", BUDGET),
        ("a = ()\nfor i in range(100):\n    a = (a, a)\nreturn hash(a) if False else {a: 1}", BUDGET),
        ("a, b = [], []\nfor i in range(100):\n    a, b = [a, a], [b, b]\nreturn a == b", STEPS),
        ("a, b = [], []\nfor i in range(100):\n    a, b = [a, a], [b, b]\nreturn a < b", STEPS),
        ("a = []\nfor i in range(30):\n    a = [a, a]\nserviceObj.hrd.set('x', a)\nreturn a", BUDGET),
        ("a = []\nfor i in range(100):\n    a = [a, a]\nreturn '%s' % (a,)", BUDGET),
        ("a = []\nfor i in range(100):\n    a = [a, a]\nreturn '{}'.format(a)", BUDGET),
        // More than there is room for.
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
        ("return [re.compile('a{%d}{%d}' % (i, i)) for i in range(1, 1000)]", ""),
        ("a = 0\nfor i in range(10000):\n    a = bool(re.match('[a-z]{1,100}', 'abc'))\nreturn a", ""),
        // What takes longer than it looks.
        ("a = 'a' * 10 ** 6\nreturn [a.find('a' * 10 ** 5 + 'b') for i in range(1000)]", STEPS),
        ("a = 'ab' * 10 ** 6\nreturn len(a.split('b' * 1000 + 'a'))", ""),
        ("a = 'a' * 10 ** 6\nb = ''.join(chr(i) for i in range(97, 120))\nreturn len(a.strip(b * 1000))", ""),
        ("a = range(300000)\nwhile a:\n    del a[0]\nreturn 1", ""),
        ("a = range(300000)\ndel a[::2]\nreturn len(a)", "Int(150000)"),
        ("a = 'x' * 10 ** 6\nn = 0\nwhile True:\n    n += 'y' in a", STEPS),
        ("f = [open('/f%d' % i, 'w') for i in range(20000)]\nfor i in range(20000):\n    print i", ""),
        ("return sorted(range(100000), cmp=lambda a, b: 1)[0]", ""),
        ("return len(sorted([float('nan'), 1, float('nan'), 0] * 10000))", "Int(40000)"),
        ("return len(sorted([{}, 1, 'a', None, (), [], 2.5, {1: 2}] * 5000))", "Int(40000)"),
        // Numbers that end somewhere.
        ("return '%.70000f' % 1.5", "digits"),
        ("return '{:.70000f}'.format(1.5)", "digits"),
        ("return '%.60000f' % 1.5", "Str("),
        ("return '%*d' % (-9223372036854775807 - 1, 1)", "wider"),
        ("return '%.999999d' % 1", "Str("),
        ("return -9223372036854775808 / -1", ""),
        ("return -9223372036854775808 % -1", ""),
        ("return abs(-9223372036854775808)", ""),
        ("return range(-9223372036854775808, 9223372036854775807, 9223372036854775807)", ""),
        ("return 'abc'[-9223372036854775808:9223372036854775807:-9223372036854775808]", ""),
        ("return 'abc'[::-9223372036854775808]", ""),
        ("return 'a' * -9223372036854775808", "Str(\"\")"),
        ("return round(1.5, 400), round(1.5, -400)", ""),
        ("return int('9' * 100000)", ""),
        ("return chr(-1)", "chr()"),
        ("return unichr(0xd800)", ""),
        ("return 1 >> 10 ** 30, 0 << 10 ** 30", ""),
    ] {
        let end = ends(body);
        if !end.contains(said) {
            wrong.push(format!("{body}\n=> {end}\nand not {said}\n"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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
