//! Who looks at a page, and what they may.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use ays_catalogue::Role;
use ays_operations::Controller;
use ays_server::Session;

use crate::failure::Failure;
use crate::fields::Fields;
use crate::portal::Portal;
use crate::protection::proof;

/// Somebody who is signed in, and what they ask for.
pub(crate) struct Visitor {
    pub portal: Portal,
    pub session: Session,
    /// What stands behind the `?`.
    pub query: Fields,
    /// The path that they are at.
    pub path: String,
}

impl Visitor {
    /// What an operation has at hand, for them.
    pub async fn controller(&self) -> Result<Controller, Failure> {
        Ok(self.portal.controller(&self.session.user).await?)
    }

    pub fn may_operate(&self) -> bool {
        self.session.role >= Role::Operator
    }

    pub fn may_admin(&self) -> bool {
        self.session.role >= Role::Admin
    }

    /// Refuses what only operators may.
    pub fn must_operate(&self) -> Result<(), Failure> {
        self.must(self.may_operate(), "an operator")
    }

    /// Refuses what only admins may.
    pub fn must_admin(&self) -> Result<(), Failure> {
        self.must(self.may_admin(), "an admin")
    }

    fn must(&self, may: bool, who: &str) -> Result<(), Failure> {
        if may { Ok(()) } else { Err(Failure::forbidden(format!("only {who} may do this"))) }
    }

    /// What their forms prove themselves by.
    pub fn proof(&self) -> String {
        proof(&self.session.token)
    }
}

impl FromRequestParts<Portal> for Visitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> Result<Self, Failure> {
        let session = ays_server::session(portal.server(), &parts.headers, portal.cookie_rules()).await?;
        let asked = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let session = session.ok_or_else(|| {
            let can_come_back = parts.method == axum::http::Method::GET;
            Failure::SignIn(if can_come_back { asked.to_owned() } else { "/".to_owned() })
        })?;
        let query = Fields::parse(parts.uri.query().unwrap_or(""));
        Ok(Self { portal: portal.clone(), session, query, path: parts.uri.path().to_owned() })
    }
}
