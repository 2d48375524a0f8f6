//! `ays user`

mod add;
mod list;
mod password;
mod remove;
mod revoke;
mod role;
mod token;
mod tokens;

use std::path::Path;

use clap::Subcommand;

use crate::failure::Failure;

/// Users of a server, and the tokens of their programs
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Add(add::Args),
    List(list::Args),
    Role(role::Args),
    Password(password::Args),
    Remove(remove::Args),
    Token(token::Args),
    Tokens(tokens::Args),
    Revoke(revoke::Args),
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    match args.verb {
        Verb::Add(args) => add::run(args, repo).await,
        Verb::List(args) => list::run(&args, repo).await,
        Verb::Role(args) => role::run(args, repo).await,
        Verb::Password(args) => password::run(args, repo).await,
        Verb::Remove(args) => remove::run(args, repo).await,
        Verb::Token(args) => token::run(args, repo).await,
        Verb::Tokens(args) => tokens::run(args, repo).await,
        Verb::Revoke(args) => revoke::run(&args, repo).await,
    }
}
