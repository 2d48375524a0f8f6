//! Programs by chance that Python 2 and 3 agree about: no `/`, no order between kinds, one argument for `print`.

use std::fmt::Write;

/// The program of a number.
pub(crate) fn program(number: u64) -> String {
    let mut made =
        Made { state: number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, out: String::new(), depth: 0 };
    for (name, value) in
        [("a", "3"), ("b", "7"), ("s", "'abc'"), ("t", "'x,y,z'"), ("l", "[5, 1, 4]"), ("d", "{'k': 1}")]
    {
        made.line(&format!("{name} = {value}"));
    }
    made.block(8);
    for name in ["a", "b", "s", "t", "l"] {
        made.line(&format!("print(repr({name}))"));
    }
    made.line("print(repr(sorted(d.items())))");
    made.out
}

struct Made {
    state: u64,
    out: String,
    depth: usize,
}

impl Made {
    fn next(&mut self, below: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 11) % below
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "{}{text}", "    ".repeat(self.depth));
    }

    fn block(&mut self, most: u64) {
        for _ in 0..=self.next(most) {
            self.statement();
        }
    }

    fn inner(&mut self, head: &str) {
        self.line(head);
        self.depth += 1;
        self.block(2);
        self.depth -= 1;
    }

    fn statement(&mut self) {
        let simple = self.depth > 3;
        match self.next(if simple { 9 } else { 16 }) {
            0 => {
                let value = self.number(2);
                self.line(&format!("a = {value}"));
            }
            1 => {
                let value = self.number(2);
                self.line(&format!("b = {value}"));
            }
            2 => {
                let value = self.text(2);
                self.line(&format!("s = ({value})[:40]"));
            }
            3 => {
                let value = self.list(2);
                self.line(&format!("l = ({value})[:20]"));
            }
            4 => {
                let (key, value) = (self.text(1), self.number(1));
                self.line(&format!("d[({key})[:5]] = {value}"));
            }
            5 => {
                let operator = ["+=", "-=", "*=", "//=", "%=", "&=", "|=", "^="][self.index(8)];
                let value = self.number(1);
                self.line(&format!("a {operator} {value}"));
                self.line("a %= 100003");
            }
            6 => {
                let value = self.value(2);
                self.line(&format!("print(repr({value}))"));
            }
            7 => {
                let (place, value) = (self.number(1), self.number(1));
                self.line(&format!("l[({place}) % len(l)] = {value}"));
            }
            8 => {
                let value = self.number(1);
                let call =
                    ["append({})", "insert(0, {})", "remove({})", "extend([{}])", "count({})"][self.index(5)];
                self.line(&format!("l.{}", call.replace("{}", &value)));
            }
            9 | 10 => {
                let condition = self.truth(2);
                self.inner(&format!("if {condition}:"));
                if self.next(2) == 0 {
                    let condition = self.truth(1);
                    self.inner(&format!("elif {condition}:"));
                }
                if self.next(2) == 0 {
                    self.inner("else:");
                }
            }
            11 => {
                let values = self.list(1);
                self.line(&format!("for i in ({values})[:4]:"));
                self.depth += 1;
                let condition = self.truth(1);
                let word = ["break", "continue", "a = i", "b = b + 1"][self.index(4)];
                self.line(&format!("if {condition}: {word}"));
                self.block(2);
                self.depth -= 1;
                if self.next(2) == 0 {
                    self.inner("else:");
                }
            }
            12 => {
                let name = format!("n{}", self.depth);
                self.line(&format!("{name} = 0"));
                self.line(&format!("while {name} < {}:", self.depth + 2));
                self.depth += 1;
                self.line(&format!("{name} += 1"));
                self.block(2);
                self.depth -= 1;
            }
            13 => {
                self.inner("try:");
                let kind =
                    ["ValueError", "ZeroDivisionError", "(IndexError, KeyError)", "Exception"][self.index(4)];
                self.line(&format!("except {kind} as e:"));
                self.depth += 1;
                self.line("print(type(e).__name__)");
                self.block(1);
                self.depth -= 1;
                if self.next(2) == 0 {
                    self.inner("else:");
                }
                if self.next(2) == 0 {
                    self.inner("finally:");
                }
            }
            14 => {
                let name = format!("f{}", self.depth);
                self.line(&format!("def {name}(x, y=2, *more):"));
                self.depth += 1;
                self.line("z = [x]");
                let condition = self.truth_of("x > y");
                self.line(&format!("if {condition}: return (y, x, more)"));
                self.line("def g(w): return w + len(z) + x");
                self.line("return g(y) * 2");
                self.depth -= 1;
                let (one, other) = (self.number(1), self.number(1));
                let call = ["({1})", "({1}, {2})", "(y={1}, x={2})", "({1}, {2}, 9, 8)", "(*[{1}, {2}])"]
                    [self.index(5)];
                let call = call.replace("{1}", &one).replace("{2}", &other);
                self.line(&format!("print(repr({name}{call}))"));
            }
            _ => {
                let value = self.number(1);
                let place = self.index(4);
                let raised =
                    ["ValueError('v')", "KeyError('k')", "IndexError('i')", "RuntimeError('r', 1)"][place];
                self.line(&format!("if ({value}) % 3 == 0: raise {raised}"));
            }
        }
    }

    fn index(&mut self, below: u64) -> usize {
        usize::try_from(self.next(below)).unwrap()
    }

    fn value(&mut self, depth: u64) -> String {
        match self.next(5) {
            0 => self.number(depth),
            1 => self.text(depth),
            2 => self.list(depth),
            3 => format!("({}, {})", self.number(depth), self.text(depth)),
            _ => self.truth(depth),
        }
    }

    fn number(&mut self, depth: u64) -> String {
        if depth == 0 {
            return ["a", "b", "1", "2", "-3", "10", "0", "len(s)", "len(l)"][self.index(9)].to_owned();
        }
        let (one, other) = (self.number(depth - 1), self.number(depth - 1));
        match self.next(14) {
            0 => format!("({one} + {other})"),
            1 => format!("({one} - {other})"),
            2 => format!("({one} * {other}) % 100003"),
            3 => format!("({one} // {other})"),
            4 => format!("({one} % {other})"),
            5 => format!("({one} if {} else {other})", self.truth(depth - 1)),
            6 => format!("abs({one})"),
            7 => format!("max({one}, {other})"),
            8 => format!("sum({})", self.list(depth - 1)),
            9 => format!("len({})", self.text(depth - 1)),
            10 => format!("({})[({one}) % 3]", self.list(depth - 1)),
            11 => format!("int(str({one}))"),
            12 => format!("(lambda x: x + {one})({other})"),
            _ => format!("({one} & {other} | 5 ^ 2)"),
        }
    }

    fn text(&mut self, depth: u64) -> String {
        if depth == 0 {
            return ["s", "t", "'q'", "''", "'Hello World'", "\"it's\"", "' pad '"][self.index(7)].to_owned();
        }
        let (one, other) = (self.text(depth - 1), self.text(depth - 1));
        match self.next(16) {
            0 => format!("({one} + {other})"),
            1 => format!(
                "({one})[{}:{}]",
                ["", "1", "-2", "5"][self.index(4)],
                ["", "3", "-1", "100"][self.index(4)]
            ),
            2 => format!("({one})[::{}]", ["-1", "2", "1"][self.index(3)]),
            3 => format!("'%s-%d' % ({one}, {})", self.number(depth - 1)),
            4 => format!("'{{}}:{{:>4}}|{{!r}}'.format({one}, {}, {other})", self.number(depth - 1)),
            5 => format!(
                "({one}).{}()",
                ["upper", "lower", "title", "strip", "swapcase", "capitalize"][self.index(6)]
            ),
            6 => format!("({one}).replace('a', {other})"),
            7 => format!("','.join(({one}).split())"),
            8 => format!("repr({})", self.list(depth - 1)),
            9 => format!("'%5s|%-6s|%05d' % ({one}, {other}, {})", self.number(depth - 1)),
            10 => format!("({one}).{}(8, '.')", ["center", "ljust", "rjust"][self.index(3)]),
            11 => format!("'+'.join(sorted({one}))"),
            12 => format!("repr(({one}).partition(','))"),
            13 => format!("({one} or {other})"),
            14 => format!("str({})", self.number(depth - 1)),
            _ => format!("({one}) * 2"),
        }
    }

    fn list(&mut self, depth: u64) -> String {
        if depth == 0 {
            return ["l", "[1, 2, 3]", "list(range(4))", "[a, b, 0]"][self.index(4)].to_owned();
        }
        let (one, other) = (self.list(depth - 1), self.list(depth - 1));
        match self.next(10) {
            0 => format!("({one} + {other})"),
            1 => format!("[x * 2 for x in {one}]"),
            2 => format!("[x for x in {one} if {}]", self.truth_of("x > 1")),
            3 => format!("sorted({one}, reverse={})", ["True", "False"][self.index(2)]),
            4 => format!("({one})[{}:]", ["0", "1", "-2"][self.index(3)]),
            5 => format!("list(map(lambda x: x + 1, {one}))"),
            6 => format!("[x + y for x, y in zip({one}, {other})]"),
            7 => format!("list(reversed({one}))"),
            8 => format!("sorted(set({one}))"),
            _ => format!("[i for i, x in enumerate({one})]"),
        }
    }

    fn truth(&mut self, depth: u64) -> String {
        let (one, other) = (self.number(depth.min(1)), self.number(depth.min(1)));
        let base = match self.next(6) {
            0 => format!("{one} < {other}"),
            1 => format!("{one} == {other}"),
            2 => format!("{one} <= {other} < 9"),
            3 => format!("({one}) in {}", self.list(0)),
            4 => format!("'a' in {}", self.text(0)),
            _ => format!("bool({})", self.text(0)),
        };
        self.truth_of(&base)
    }

    fn truth_of(&mut self, base: &str) -> String {
        match self.next(4) {
            0 => format!("not ({base})"),
            1 => format!("({base}) and b > 2"),
            2 => format!("({base}) or a == 3"),
            _ => format!("({base})"),
        }
    }
}
