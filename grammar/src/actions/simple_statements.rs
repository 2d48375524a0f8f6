//! Statements of one line.

use super::expressions::augmented;
use super::parser::Parser;
use super::tokens::Kind;
use super::{Alias, Expr, ExprKind, StmtKind};
use crate::{Diagnostic, Span};

impl Parser<'_> {
    pub(super) fn simple(&mut self) -> Result<StmtKind, Diagnostic> {
        match self.word() {
            "import" => self.import(),
            "from" => self.import_from(),
            "pass" => self.alone(StmtKind::Pass),
            "break" => self.alone(StmtKind::Break),
            "continue" => self.alone(StmtKind::Continue),
            "return" => {
                self.advance();
                let value = if self.ends_statement() { None } else { Some(self.expression_list()?) };
                Ok(StmtKind::Return(value))
            }
            "print" if !self.print_is_name && !self.calls_print() => self.print(),
            "print" => {
                // Nothing but the `print` function takes named arguments.
                let before = std::mem::replace(&mut self.print_is_name, true);
                let value = self.expression_list();
                self.print_is_name = before;
                Ok(StmtKind::Expr(value?))
            }
            "raise" => self.raise(),
            "del" => self.delete(),
            "assert" => {
                self.advance();
                let condition = self.expression()?;
                let message = if self.take(",") { Some(self.expression()?) } else { None };
                Ok(StmtKind::Assert { condition, message })
            }
            "global" => self.global(),
            "exec" => {
                self.advance();
                self.target()?;
                if self.take("in") {
                    self.expression()?;
                    if self.take(",") {
                        self.expression()?;
                    }
                }
                Ok(StmtKind::Unsupported { construct: "`exec`".to_owned() })
            }
            "nonlocal" if self.ahead(1).kind == Kind::Name => {
                self.advance();
                self.global()?;
                Ok(StmtKind::Unsupported { construct: "`nonlocal`".to_owned() })
            }
            "yield" => Ok(StmtKind::Expr(self.yielded()?)),
            _ => self.assignment(),
        }
    }

    fn alone(&mut self, kind: StmtKind) -> Result<StmtKind, Diagnostic> {
        self.advance();
        Ok(kind)
    }

    /// Whether a `print` is called as the function of Python 3, with arguments that the statement cannot have.
    fn calls_print(&self) -> bool {
        if self.word_ahead(1) != "(" {
            return false;
        }
        let (mut open, mut named, mut at) = (0_usize, false, 1);
        loop {
            match self.word_ahead(at) {
                "(" | "[" | "{" => open += 1,
                ")" | "]" | "}" => open = open.saturating_sub(1),
                "=" => named |= open == 1,
                "*" | "**" => named |= open == 1 && matches!(self.word_ahead(at - 1), "(" | ","),
                _ => {}
            }
            if open == 0 || self.ahead(at).kind == Kind::End {
                break;
            }
            at += 1;
        }
        named && (self.ahead(at + 1).kind == Kind::Newline || self.word_ahead(at + 1) == ";")
    }

    fn print(&mut self) -> Result<StmtKind, Diagnostic> {
        self.advance();
        let mut file = None;
        if self.take(">>") {
            file = Some(self.expression()?);
            if !self.take(",") {
                return Ok(StmtKind::Print { file, values: Vec::new(), newline: true });
            }
        }
        let (mut values, mut newline) = (Vec::new(), true);
        while !self.ends_statement() {
            values.push(self.expression()?);
            newline = !self.take(",");
            if newline {
                break;
            }
        }
        Ok(StmtKind::Print { file, values, newline })
    }

    fn raise(&mut self) -> Result<StmtKind, Diagnostic> {
        self.advance();
        if self.ends_statement() {
            return Ok(StmtKind::Raise { exception: None, value: None });
        }
        let exception = Some(self.expression()?);
        // Python 3 says what an exception came from; that is not shown.
        if self.take("from") {
            self.expression()?;
            return Ok(StmtKind::Raise { exception, value: None });
        }
        let value = if self.take(",") { Some(self.expression()?) } else { None };
        if value.is_some() && self.take(",") {
            self.expression()?;
        }
        Ok(StmtKind::Raise { exception, value })
    }

    fn delete(&mut self) -> Result<StmtKind, Diagnostic> {
        self.advance();
        let targets = self.targets()?;
        Ok(StmtKind::Delete(match targets {
            Expr { kind: ExprKind::Tuple(items), .. } => items,
            target => vec![target],
        }))
    }

    fn global(&mut self) -> Result<StmtKind, Diagnostic> {
        self.advance();
        let mut names = vec![self.name("a name")?];
        while self.take(",") {
            names.push(self.name("a name")?);
        }
        Ok(StmtKind::Global(names))
    }

    fn assignment(&mut self) -> Result<StmtKind, Diagnostic> {
        let target = self.expression_list()?;
        if let Some(operator) = augmented(self.word()) {
            let is_tuple = matches!(target.kind, ExprKind::Tuple(_) | ExprKind::List(_));
            if is_tuple {
                return Err(self.error(target.span, "only one name, attribute or subscript can be changed"));
            }
            self.must_take_values(&target)?;
            self.advance();
            return Ok(StmtKind::Augment { target, operator, value: self.value()? });
        }
        if self.word() != "=" {
            return Ok(StmtKind::Expr(target));
        }
        let mut targets = Vec::new();
        let mut value = target;
        while self.take("=") {
            self.must_take_values(&value)?;
            targets.push(value);
            value = self.value()?;
        }
        Ok(StmtKind::Assign { targets, value })
    }

    /// What stands behind an `=`.
    fn value(&mut self) -> Result<Expr, Diagnostic> {
        if self.word() == "yield" { self.yielded() } else { self.expression_list() }
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
            let name = if module == "__future__" { self.future()? } else { self.name("a name to import")? };
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

    /// A feature of later Pythons, which may change how the text behind it is read.
    fn future(&mut self) -> Result<String, Diagnostic> {
        let name = self.name("the name of a feature")?;
        self.print_is_name |= name == "print_function";
        self.unicode_literals |= name == "unicode_literals";
        Ok(name)
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
}
