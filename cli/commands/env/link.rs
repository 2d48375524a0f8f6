//! What reaching a remote takes from the terminal and the surroundings.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ays_model::{HostKey, NewHostKeys};
use ays_operations::Error;
use ays_repository::{Access, Ask, Progress, Question};
use indicatif::{ProgressBar, ProgressStyle};
use secrecy::SecretString;

use crate::failure::{Failure, eprint_line};
use crate::render::units;
use crate::{context, prompt};

/// How the remote is reached.
#[derive(clap::Args)]
pub struct Options {
    /// Learn the remote's host key when it has never been seen
    #[arg(long)]
    accept_new_host_key: bool,
}

/// A bar that shows how far a transfer is, and what a transfer takes from the terminal.
pub struct Link {
    bar: ProgressBar,
}

impl Link {
    /// What reaching a remote takes. Questions are asked on the terminal; who interrupts one interrupts all.
    pub fn new(options: &Options) -> Result<(Self, Access), Failure> {
        let bar = ProgressBar::no_length();
        let access = access(options, &Arc::new(AtomicBool::new(false)), &bar)?;
        Ok((Self { bar }, access))
    }

    /// What the work came to, when the bar is gone.
    pub async fn end<T>(self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
        let done = work.await;
        self.bar.finish_and_clear();
        Ok(done?)
    }
}

fn access(options: &Options, stop: &Arc<AtomicBool>, bar: &ProgressBar) -> Result<Access, Failure> {
    let new_host_keys = if options.accept_new_host_key {
        NewHostKeys::Accept
    } else if prompt::possible() {
        let stop = Arc::clone(stop);
        NewHostKeys::Ask(Arc::new(move |key| answer(&stop, is_right(key)).unwrap_or(false)))
    } else {
        NewHostKeys::Refuse
    };
    let ask = prompt::possible().then(|| -> Ask {
        let stop = Arc::clone(stop);
        Box::new(move |question| answer(&stop, asked(question)))
    });
    let bar = bar.clone();
    Ok(Access {
        home: context::home()?,
        ssh_agent: std::env::var_os("SSH_AUTH_SOCK").is_some_and(|socket| !socket.is_empty()),
        token: std::env::var("AYS_GIT_TOKEN").ok().filter(|token| !token.is_empty()).map(SecretString::from),
        ask,
        new_host_keys,
        stop: Arc::clone(stop),
        progress: Box::new(move |progress| show(&bar, progress)),
    })
}

/// Whoever interrupts a question interrupts all of it.
fn answer<T>(stop: &AtomicBool, answer: Result<T, Failure>) -> Option<T> {
    if let Err(Failure::Interrupted) = answer {
        stop.store(true, Ordering::Relaxed);
    }
    answer.ok()
}

fn is_right(key: &HostKey) -> Result<bool, Failure> {
    eprint_line(&format!("The host key of {key} is not known."));
    prompt::confirm("Is this fingerprint right? It will be remembered.", Some(false))
}

fn asked(question: &Question) -> Result<SecretString, Failure> {
    match question {
        Question::Passphrase { file } => prompt::secret(&format!("Passphrase of {}:", file.display())),
        Question::User { host } => {
            let is_name =
                |name: &str| if name.is_empty() { Err("A name is needed.".to_owned()) } else { Ok(()) };
            prompt::text(&format!("User at {host}:"), None, is_name).map(SecretString::from)
        }
        Question::Password { user, host } => {
            prompt::secret(&format!("Password or token of {user} at {host}:"))
        }
    }
}

/// The bar is there from the first bytes on, after all questions.
fn show(bar: &ProgressBar, Progress { objects, total, bytes }: Progress) {
    if bar.length().is_none() {
        // The template is a constant; were it wrong, the bar would look otherwise.
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {msg}") {
            bar.set_style(style);
        }
    }
    bar.set_length(total as u64);
    bar.set_position(objects as u64);
    bar.set_message(format!("{objects} of {total} objects, {}", units::bytes(bytes as u64)));
}
