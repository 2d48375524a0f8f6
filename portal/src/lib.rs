//! The Cloud Broker portal: the pages of a browser, over the operations.
//!
//! Each page can be read, and its forms used, without JavaScript; with it, tables answer while one types, and a job is
//! followed live. What takes time is a job: its page is what a form leads to.
//!
//! It must not know the terminal, SSH or SQL.

mod address;
mod assets;
mod failure;
mod fields;
mod form;
mod frame;
mod headers;
mod live;
mod markup;
mod pages;
mod portal;
mod protection;
mod table;
mod visitor;
mod words;

use axum::Router;
use ays_server::Server;

use crate::portal::Portal;

/// How browsers reach the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// By TLS alone.
    pub secure: bool,
    /// An OpenID Connect provider can say who somebody is.
    pub provider: bool,
}

/// All pages of a server.
pub fn router(server: Server, reached: Reached) -> Router {
    pages::routes()
        .merge(assets::routes())
        .layer(axum::middleware::from_fn(headers::strict))
        .with_state(Portal::new(server, reached))
}
