//! Commands and programs that the node runs.

use std::time::Duration;

use ays_grammar::Span;
use ays_model::{Command, Execute, FileAction, NodeAction};

use crate::action::Outcome;
use crate::interpreter::compare::as_float;
use crate::interpreter::functions::Bound;
use crate::interpreter::heap::{Fault, Val};
use crate::interpreter::text::bytes_of;
use crate::interpreter::{Interpreter, Stop};
use crate::table::Answer;

impl Interpreter {
    pub(super) fn command(&mut self, bound: &Bound) -> Result<Execute, Fault> {
        let names = ["command", "commandline", "cmd", "cmdstr", "content", "args"];
        let value = bound.get(&names);
        let command = match &value {
            Val::Ref(_) => {
                let items = self.heap.items(&value)?;
                let words = items.iter().map(|item| self.heap.display(item));
                let words = words.map(|word| word.map(|word| String::from_utf8_lossy(&word).into_owned()));
                Command::Arguments(words.collect::<Result<_, _>>()?)
            }
            _ => match bound
                .text_or_none(&self.heap, &["path"])?
                .filter(|_| bound.function == "j.do.executeBashScript")
            {
                Some(path) => Command::Arguments(vec!["bash".to_owned(), path]),
                None => Command::Shell(bound.text(&self.heap, &names)?),
            },
        };
        let mut env = Vec::new();
        if !matches!(bound.get(&["env"]), Val::None) {
            for (name, value) in self.heap.pairs_of(&bound.get(&["env"]))? {
                let text = |value: &Val| {
                    self.heap.display(value).map(|text| String::from_utf8_lossy(&text).into_owned())
                };
                env.push((text(&name)?, text(&value)?));
            }
        }
        let seconds = as_float(&bound.get(&["timeout", "maxSeconds"])).filter(|seconds| *seconds > 0.0);
        Ok(Execute {
            command,
            cwd: bound.text_or_none(&self.heap, &["cwd"])?,
            env,
            user: bound.text_or_none(&self.heap, &["user"])?,
            timeout: seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
            background: false,
        })
    }

    pub(super) async fn execute(
        &mut self,
        execute: Execute,
        answer: Answer,
        bound: &Bound,
        span: Span,
    ) -> Result<Val, Stop> {
        let shown = execute.command.to_string();
        let what = shown.lines().next().unwrap_or_default().to_owned();
        let (code, stdout, stderr) = match self.perform(NodeAction::Execute(execute), span).await? {
            Outcome::Ran { code, stdout, stderr } => {
                let charged = self.heap.charge(stdout.len() + stderr.len());
                self.at(charged, span)?;
                let (stdout, stderr) = (self.heap.bytes(&stdout), self.heap.bytes(&stderr));
                (Val::Int(i64::from(code)), self.at(stdout, span)?, self.at(stderr, span)?)
            }
            // A plan shows what goes well: a command that must not fail does not.
            _ => {
                let may_fail = self.may_fail(answer, bound);
                let code = if may_fail { self.unknown(format!("exit code of {what}")) } else { Val::Int(0) };
                (code, self.unknown(format!("output of {what}")), self.unknown(format!("errors of {what}")))
            }
        };
        if let Val::Int(code) = code
            && code != 0
            && !self.may_fail(answer, bound)
        {
            let text =
                |value: &Val| String::from_utf8_lossy(bytes_of(value).unwrap_or_default()).into_owned();
            let errors = text(&stderr);
            let said = if errors.trim().is_empty() { text(&stdout) } else { errors };
            let last = said.trim().lines().last().map(|line| format!(": {line}")).unwrap_or_default();
            let message = format!("`{what}` ended with exit code {code}{last}");
            return Err(self.raise("RuntimeError", &message, span));
        }
        let values = match answer {
            Answer::Code => return Ok(code),
            Answer::Output => return Ok(stdout),
            Answer::CodeAndOutput => vec![code, stdout],
            Answer::CodeOutputErrors => vec![code, stdout, stderr],
        };
        let tuple = self.heap.tuple(values);
        self.at(tuple, span)
    }

    /// Whether a command's exit code may be another than 0.
    pub(super) fn may_fail(&self, answer: Answer, bound: &Bound) -> bool {
        if bound.is_false(&self.heap, &["dieOnNonZeroExitCode", "die", "stopOnError", "dieOnError"]) {
            return true;
        }
        let only_code = ["j.do.executeInteractive", "subprocess.call"].contains(&bound.function);
        answer == Answer::Code && only_code
    }

    /// Runs a program; its exit code and output, none in a plan.
    pub(super) async fn run_program(
        &mut self,
        arguments: &[&str],
        span: Span,
    ) -> Result<Option<(i32, String)>, Stop> {
        let execute = Execute {
            command: Command::Arguments(arguments.iter().map(|word| (*word).to_owned()).collect()),
            cwd: None,
            env: Vec::new(),
            user: None,
            timeout: None,
            background: false,
        };
        Ok(match self.perform(NodeAction::Execute(execute), span).await? {
            Outcome::Ran { code, stdout, .. } => Some((code, String::from_utf8_lossy(&stdout).into_owned())),
            _ => None,
        })
    }

    pub(super) async fn key_pair(&mut self, bound: &Bound, span: Span) -> Result<Val, Stop> {
        let path = self.text(bound, &["path"], span)?;
        let (kind, phrase) = (self.text(bound, &["type"], span)?, self.text(bound, &["passphrase"], span)?);
        let look = NodeAction::File(FileAction::Look { path: path.clone(), follow: true });
        let is_there = matches!(self.perform(look, span).await?, Outcome::Found(Some(_)));
        if is_there && !bound.is_true(&self.heap, &["overwrite"]) {
            return Ok(Val::None);
        }
        if is_there {
            self.file_done(FileAction::Remove { path: path.clone(), only_empty: false }, span).await?;
        }
        let arguments = ["ssh-keygen", "-q", "-t", &kind, "-N", &phrase, "-f", &path];
        match self.run_program(&arguments, span).await? {
            Some((0, _)) | None => Ok(Val::None),
            Some((code, _)) => {
                Err(self.raise("RuntimeError", &format!("ssh-keygen ended with exit code {code}"), span))
            }
        }
    }

    pub(super) async fn git_clone(&mut self, bound: &Bound, span: Span) -> Result<Val, Stop> {
        let url = self.text(bound, &["url"], span)?;
        let name =
            url.trim_end_matches('/').trim_end_matches(".git").rsplit(['/', ':']).next().unwrap_or_default();
        let dest =
            self.text_or_none(bound, &["dest"], span)?.unwrap_or_else(|| format!("/opt/code/git/{name}"));
        let branch = self.text_or_none(bound, &["branch"], span)?;
        let look = NodeAction::File(FileAction::Look { path: format!("{dest}/.git"), follow: true });
        let is_there = matches!(self.perform(look, span).await?, Outcome::Found(Some(_)));
        let mut arguments = if is_there {
            vec!["git", "-C", &dest, "pull", "--ff-only"]
        } else {
            vec!["git", "clone", "--depth", "1"]
        };
        if let (Some(branch), false) = (&branch, is_there) {
            arguments.extend(["--branch", branch]);
        }
        if !is_there {
            arguments.extend(["--", &url, &dest]);
        }
        match self.run_program(&arguments, span).await? {
            Some((0, _)) | None => {
                let text = self.heap.str(&dest);
                self.at(text, span)
            }
            Some((code, _)) => {
                let message = format!("git ended with exit code {code} for {url}");
                Err(self.raise("RuntimeError", &message, span))
            }
        }
    }
}
