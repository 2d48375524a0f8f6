//! A form that somebody sent from one of these pages.

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};

use crate::failure::Failure;
use crate::fields::Fields;
use crate::portal::Portal;
use crate::protection::{FIELD, is_same};
use crate::visitor::Visitor;

/// The longest form: the check boxes of some thousand stacks.
const LONGEST: usize = 1024 * 1024;

/// What somebody sent who is signed in, from one of these pages.
pub(crate) struct Form {
    pub visitor: Visitor,
    pub fields: Fields,
}

impl FromRequest<Portal> for Form {
    type Rejection = Failure;

    async fn from_request(request: Request, portal: &Portal) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, portal).await?;
        let fields = read(body).await?;
        if !fields.one(FIELD).is_some_and(|given| is_same(given, &visitor.proof())) {
            return Err(Failure::forbidden(
                "this form is of another session: load its page again, and send it then",
            ));
        }
        Ok(Self { visitor, fields })
    }
}

/// The fields of a body.
pub(crate) async fn read(body: axum::body::Body) -> Result<Fields, Failure> {
    let bytes = to_bytes(body, LONGEST).await.map_err(|_| Failure::usage("the form could not be read"))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Failure::usage("the form is no text"))?;
    Ok(Fields::parse(text))
}
