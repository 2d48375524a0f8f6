//! What all pages share.

use std::sync::Arc;

use ays_catalogue::Catalogue;
use ays_operations::{Actor, Controller, Error};
use ays_server::{CookieRules, Server};

use crate::Reached;
use crate::live::Feeds;

/// What all pages share. Clones share it.
#[derive(Clone)]
pub(crate) struct Portal(Arc<Inner>);

struct Inner {
    server: Server,
    reached: Reached,
    feeds: Feeds,
}

impl Portal {
    pub fn new(server: Server, reached: Reached) -> Self {
        let feeds = Feeds::default();
        Self(Arc::new(Inner { server, reached, feeds }))
    }

    /// The server whose pages these are.
    pub fn server(&self) -> &Server {
        &self.0.server
    }

    pub fn catalogue(&self) -> Catalogue {
        self.0.server.catalogue()
    }

    /// What an operation has at hand, for a user.
    pub async fn controller(&self, user: &str) -> Result<Controller, Error> {
        self.0.server.controller(Actor(user.to_owned())).await
    }

    /// How the cookie of a password's session is kept.
    pub fn cookie_rules(&self) -> CookieRules {
        CookieRules { secure: self.0.reached.secure, from_elsewhere: false }
    }

    /// Whether a provider can say who somebody is.
    pub fn has_provider(&self) -> bool {
        self.0.reached.provider
    }

    /// The jobs that somebody follows.
    pub fn feeds(&self) -> &Feeds {
        &self.0.feeds
    }
}
