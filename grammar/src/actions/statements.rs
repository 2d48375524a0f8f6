//! Statements and their blocks.

use super::parser::Parser;
use super::tokens::Kind;
use super::{Alias, Class, Def, ExprKind, Module, Param, Stmt, StmtKind};
use crate::{Diagnostic, Span};

impl Parser<'_> {
    /// The whole file.
    pub(super) fn module(&mut self) -> Result<Module, Diagnostic> {
        let mut body = Vec::new();
        while self.token().kind != Kind::End {
            self.statement(&mut body)?;
        }
        Ok(Module { body })
    }

    fn statement(&mut self, body: &mut Vec<Stmt>) -> Result<(), Diagnostic> {
        if self.token().kind == Kind::Indent {
            return Err(
                self.error(self.token().span, "this line is indented, but no line before it begins a block")
            );
        }
        let start = self.token().span;
        let kind = match self.word() {
            "class" => self.class()?,
            "def" => self.def()?,
            "@" => self.decorated()?,
            "if" => self.skip_compound("an `if` statement", &["elif", "else"])?,
            "for" => self.skip_compound("a `for` loop", &["else"])?,
            "while" => self.skip_compound("a `while` loop", &["else"])?,
            "try" => self.skip_compound("a `try` statement", &["except", "else", "finally"])?,
            "with" => self.skip_compound("a `with` statement", &[])?,
            word @ ("elif" | "else" | "except" | "finally") => {
                return Err(self.error(start, format!("`{word}` continues no statement")));
            }
            _ => return self.simple_line(body),
        };
        body.push(Stmt { kind, span: self.line_span(start) });
        Ok(())
    }

    /// Statements on one line, with `;` between them.
    fn simple_line(&mut self, body: &mut Vec<Stmt>) -> Result<(), Diagnostic> {
        loop {
            let start = self.token().span;
            let kind = self.simple()?;
            body.push(Stmt { kind, span: Span::new(start.start, self.last_end()) });
            if self.take(";") {
                if self.take_kind(Kind::Newline) {
                    return Ok(());
                }
            } else if self.take_kind(Kind::Newline) {
                return Ok(());
            } else {
                return Err(self.unexpected("the end of the statement"));
            }
        }
    }

    fn simple(&mut self) -> Result<StmtKind, Diagnostic> {
        let construct = match self.word() {
            "import" => return self.import(),
            "from" => return self.import_from(),
            "pass" => {
                self.advance();
                return Ok(StmtKind::Pass);
            }
            "return" => {
                self.advance();
                let value = if self.ends_statement() { None } else { Some(self.expression_list()?) };
                return Ok(StmtKind::Return(value));
            }
            "print" => "`print`",
            "exec" => "`exec`",
            "global" => "a `global` statement",
            "del" => "a `del` statement",
            "raise" => "a `raise` statement",
            "assert" => "an `assert` statement",
            "yield" => "`yield`",
            "break" => "`break`",
            "continue" => "`continue`",
            _ => return self.assignment(),
        };
        while !self.ends_statement() {
            self.skip_bracketed();
        }
        Ok(unsupported(construct))
    }

    fn assignment(&mut self) -> Result<StmtKind, Diagnostic> {
        let target = self.expression_list()?;
        let operator = self.word();
        if super::expressions::is_augmented(operator) {
            let construct = format!("the assignment `{operator}`");
            self.advance();
            self.expression_list()?;
            return Ok(StmtKind::Unsupported { construct });
        }
        if !self.take("=") {
            return Ok(StmtKind::Expr(target));
        }
        let value = self.expression_list()?;
        match &target.kind {
            ExprKind::Name(_) | ExprKind::Attribute { .. } => {}
            ExprKind::Unsupported { construct } => {
                let construct = format!("an assignment to {construct}");
                while self.take("=") {
                    self.expression_list()?;
                }
                return Ok(StmtKind::Unsupported { construct });
            }
            _ => return Err(self.error(target.span, "only a name or an attribute can be given a value")),
        }
        if self.word() != "=" {
            return Ok(StmtKind::Assign { target, value });
        }
        while self.take("=") {
            self.expression_list()?;
        }
        Ok(unsupported("a chain of assignments"))
    }

    fn import(&mut self) -> Result<StmtKind, Diagnostic> {
        self.advance();
        let mut names = Vec::new();
        loop {
            let start = self.token().span;
            let name = self.dotted_name()?;
            names.push(self.alias(name, start)?);
            if !self.take(",") {
                return Ok(StmtKind::Import(names));
            }
        }
    }

    fn import_from(&mut self) -> Result<StmtKind, Diagnostic> {
        self.advance();
        let mut module = String::new();
        while self.take(".") {
            module.push('.');
        }
        if module.is_empty() || self.word() != "import" {
            module.push_str(&self.dotted_name()?);
        }
        self.expect("import")?;
        let start = self.token().span;
        if self.take("*") {
            let names = vec![Alias { name: "*".to_owned(), alias: None, span: start }];
            return Ok(StmtKind::FromImport { module, names });
        }
        let bracket = self.take("(");
        let mut names = Vec::new();
        loop {
            let start = self.token().span;
            let name = self.name("a name to import")?;
            names.push(self.alias(name, start)?);
            if !self.take(",") || (bracket && self.word() == ")") {
                break;
            }
        }
        if bracket {
            self.expect(")")?;
        }
        Ok(StmtKind::FromImport { module, names })
    }

    fn alias(&mut self, name: String, start: Span) -> Result<Alias, Diagnostic> {
        let alias = if self.take("as") { Some(self.name("a name after `as`")?) } else { None };
        Ok(Alias { name, alias, span: Span::new(start.start, self.last_end()) })
    }

    fn dotted_name(&mut self) -> Result<String, Diagnostic> {
        let mut name = self.name("the name of a module")?;
        while self.take(".") {
            name.push('.');
            name.push_str(&self.name("a name after the dot")?);
        }
        Ok(name)
    }

    fn class(&mut self) -> Result<StmtKind, Diagnostic> {
        self.advance();
        let name = self.name("the class's name")?;
        let mut bases = Vec::new();
        if self.take("(") {
            while self.word() != ")" {
                bases.push(self.expression()?);
                if !self.take(",") {
                    break;
                }
            }
            self.expect(")")?;
        }
        let body = self.block()?;
        Ok(StmtKind::Class(Class { name, bases, body }))
    }

    fn def(&mut self) -> Result<StmtKind, Diagnostic> {
        self.advance();
        let name = self.name("the function's name")?;
        self.expect("(")?;
        let (params, unreadable) = self.params()?;
        self.expect(")")?;
        let body = match unreadable {
            // Known by its name, so that it is an error only where it is called.
            Some(stmt) => {
                self.skip_block()?;
                vec![stmt]
            }
            None => self.block()?,
        };
        Ok(StmtKind::Def(Def { name, params, body }))
    }

    /// The parameters, up to one that is not supported.
    fn params(&mut self) -> Result<(Vec<Param>, Option<Stmt>), Diagnostic> {
        let mut params = Vec::new();
        while self.word() != ")" {
            let span = self.token().span;
            let construct = match self.word() {
                "*" => "a `*` parameter",
                "**" => "a `**` parameter",
                "(" => "a tuple as a parameter",
                _ => {
                    let name = self.name("a parameter's name")?;
                    let default = if self.take("=") { Some(self.expression()?) } else { None };
                    params.push(Param { name, default });
                    if !self.take(",") {
                        break;
                    }
                    continue;
                }
            };
            while self.word() != ")" {
                self.skip_bracketed();
            }
            return Ok((params, Some(Stmt { kind: unsupported(construct), span })));
        }
        Ok((params, None))
    }

    /// `@name` lines, and the function or class under them.
    fn decorated(&mut self) -> Result<StmtKind, Diagnostic> {
        let span = self.token().span;
        while self.take("@") {
            self.expression()?;
            if !self.take_kind(Kind::Newline) {
                return Err(self.unexpected("the end of the line"));
            }
        }
        let decorator = StmtKind::Unsupported { construct: "a decorator".to_owned() };
        match self.word() {
            "def" => {
                let StmtKind::Def(def) = self.def()? else { return Ok(decorator) };
                // Known by its name, so that it is an error only where it is called.
                Ok(StmtKind::Def(Def { body: vec![Stmt { kind: decorator, span }], ..def }))
            }
            "class" => {
                self.class()?;
                Ok(decorator)
            }
            _ => Err(self.unexpected("`def` or `class` after a decorator")),
        }
    }

    /// `:` and what belongs to it: an indented block, or statements on the same line.
    fn block(&mut self) -> Result<Vec<Stmt>, Diagnostic> {
        self.expect(":")?;
        let mut body = Vec::new();
        if !self.take_kind(Kind::Newline) {
            self.simple_line(&mut body)?;
            return Ok(body);
        }
        self.expect_indent()?;
        while !self.take_kind(Kind::Dedent) {
            self.statement(&mut body)?;
        }
        Ok(body)
    }

    fn skip_compound(&mut self, construct: &str, clauses: &[&str]) -> Result<StmtKind, Diagnostic> {
        loop {
            self.advance();
            while !matches!(self.word(), ":") && self.token().kind != Kind::Newline {
                self.skip_bracketed();
            }
            self.skip_block()?;
            if !clauses.contains(&self.word()) {
                return Ok(unsupported(construct));
            }
        }
    }

    fn skip_block(&mut self) -> Result<(), Diagnostic> {
        self.expect(":")?;
        // A `lambda` in the header has a colon of its own, so the line's end says where the block is.
        let bare = self.token().kind == Kind::Newline;
        while self.token().kind != Kind::Newline {
            self.advance();
        }
        let colon_last = bare || self.previous_is(":");
        self.advance();
        if !colon_last {
            return Ok(());
        }
        self.expect_indent()?;
        let mut open = 1;
        while open > 0 {
            match self.token().kind {
                Kind::Indent => open += 1,
                Kind::Dedent => open -= 1,
                _ => {}
            }
            self.advance();
        }
        Ok(())
    }

    fn expect_indent(&mut self) -> Result<(), Diagnostic> {
        if self.take_kind(Kind::Indent) {
            return Ok(());
        }
        let place = self.token().span;
        Err(self
            .error(Span::new(place.start, place.start), "an indented block is expected here")
            .with_help("the line before ends with `:`; a block that does nothing holds `pass`"))
    }

    /// From `start` to the end of its line: the header, for a block.
    fn line_span(&self, start: Span) -> Span {
        let line = self.rest(start).split(['\n', '\r']).next().unwrap_or_default();
        Span::new(start.start, start.start + line.trim_end().len())
    }
}

fn unsupported(construct: &str) -> StmtKind {
    StmtKind::Unsupported { construct: construct.to_owned() }
}
