//! Users and tokens: for whoever says who may what.

use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use ays_catalogue::{Account, Role, Token, TokenId};
use ays_operations as operations;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::answer::Answer;
use crate::caller::{Admin, Caller};
use crate::described;
use crate::query::{Body, Path, Query};

/// A user.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it says what the shape is")]
pub(crate) struct User {
    /// Its name.
    name: String,
    /// What it may do: viewer, operator, admin.
    role: String,
    /// Whether a password lets it in; else only tokens do.
    has_password: bool,
    /// Since when it is known.
    created_at: String,
    /// Who made it.
    created_by: String,
}

/// A user that is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    /// Its name.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")]
    name: String,
    /// What it may do: viewer, operator, admin.
    #[schema(value_type = String, pattern = "^(viewer|operator|admin)$")]
    role: Role,
    /// At least 12 characters; none: only its tokens let it in.
    #[schema(value_type = Option<String>, min_length = 12)]
    password: Option<SecretString>,
}

/// What becomes of a user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserChange {
    /// What it may do from now on.
    #[schema(value_type = Option<String>, pattern = "^(viewer|operator|admin)$")]
    role: Option<Role>,
    /// Its password from now on.
    #[schema(value_type = Option<String>, min_length = 12)]
    password: Option<SecretString>,
}

/// All users
#[utoipa::path(get, path = "/api/v1/users", responses(
    (status = 200, description = "The users", body = Vec<User>),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn users(caller: Caller<Admin>) -> Result<Json<Vec<Account>>, Answer> {
    Ok(Json(operations::users(caller.controller().await?).await?))
}

/// Makes a user
#[utoipa::path(post, path = "/api/v1/users", request_body = NewUser, responses(
    (status = 201, description = "It is there"),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn add_user(
    caller: Caller<Admin>,
    Body(NewUser { name, role, password }): Body<NewUser>,
) -> Result<StatusCode, Answer> {
    operations::add_user(caller.controller().await?, name, role, password).await?;
    Ok(StatusCode::CREATED)
}

/// Gives a user another role or password
#[utoipa::path(patch, path = "/api/v1/users/{user}", params(("user" = String, Path, description = "Its name")), request_body = UserChange, responses(
    (status = 204, description = "It is so"),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn change_user(
    caller: Caller<Admin>,
    Path(user): Path<String>,
    Body(UserChange { role, password }): Body<UserChange>,
) -> Result<StatusCode, Answer> {
    let controller = caller.controller().await?;
    // The one that may be refused comes first.
    if let Some(role) = role {
        operations::set_role(controller.clone(), user.clone(), role).await?;
    }
    if let Some(password) = password {
        operations::set_password(controller, user, password).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Forgets a user, and with it its tokens and schedules
#[utoipa::path(delete, path = "/api/v1/users/{user}", params(("user" = String, Path, description = "Its name")), responses(
    (status = 204, description = "It is gone"),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn remove_user(
    caller: Caller<Admin>,
    Path(user): Path<String>,
) -> Result<StatusCode, Answer> {
    operations::remove_user(caller.controller().await?, user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A token, which is not shown any more.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it says what the shape is")]
pub(crate) struct TokenShown {
    /// Its number.
    id: i64,
    /// Its user.
    account: String,
    /// What it is for.
    name: String,
    /// What it may do, and never more than its user.
    role: String,
    /// Since when it is known.
    created_at: String,
    /// Until when it lets in; null: until it is revoked.
    expires_at: Option<String>,
    /// When it was revoked.
    revoked_at: Option<String>,
}

/// Whose tokens.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TokensQuery {
    /// Only of this user
    #[serde(default)]
    user: Option<String>,
}

/// A token that is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// Its user.
    user: String,
    /// What it is for.
    name: String,
    /// What it may do: viewer, operator, admin; never more than its user.
    #[schema(value_type = String, pattern = "^(viewer|operator|admin)$")]
    role: Role,
    /// For how many days it lets in; none: until it is revoked.
    #[schema(minimum = 1, maximum = 3650)]
    days: Option<u16>,
}

/// A new token: it is shown now, and never again.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenMade {
    /// Its number.
    id: i64,
    /// The token itself.
    token: String,
}

/// Tokens
#[utoipa::path(get, path = "/api/v1/tokens", params(TokensQuery), responses(
    (status = 200, description = "The tokens, without what lets in", body = Vec<TokenShown>),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn tokens(
    caller: Caller<Admin>,
    Query(TokensQuery { user }): Query<TokensQuery>,
) -> Result<Json<Vec<Token>>, Answer> {
    Ok(Json(operations::tokens(caller.controller().await?, user).await?))
}

/// Makes a token
#[utoipa::path(post, path = "/api/v1/tokens", request_body = NewToken, responses(
    (status = 201, description = "The token", body = TokenMade),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn add_token(
    caller: Caller<Admin>,
    Body(NewToken { user, name, role, days }): Body<NewToken>,
) -> Result<(StatusCode, Json<TokenMade>), Answer> {
    let lasts = days.map(|days| Duration::from_secs(u64::from(days) * 86_400));
    let (made, token) = operations::add_token(caller.controller().await?, user, name, role, lasts).await?;
    let token = token.expose_secret().to_owned();
    Ok((StatusCode::CREATED, Json(TokenMade { id: made.id.0, token })))
}

/// Takes a token back: it lets in no more
#[utoipa::path(delete, path = "/api/v1/tokens/{token}", params(("token" = i64, Path, description = "Its number")), responses(
    (status = 204, description = "It lets nobody in"),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn revoke_token(
    caller: Caller<Admin>,
    Path(token): Path<i64>,
) -> Result<StatusCode, Answer> {
    operations::revoke_token(caller.controller().await?, TokenId(token)).await?;
    Ok(StatusCode::NO_CONTENT)
}
