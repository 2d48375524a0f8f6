//! Users and their tokens: for admins.

use std::time::Duration;

use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};
use ays_catalogue::{Account, Role, SESSION, Token, TokenId};
use ays_operations as operations;
use secrecy::{ExposeSecret, SecretString};

use crate::failure::Failure;
use crate::fields::Fields;
use crate::form::Form;
use crate::frame::{Frame, role, shown};
use crate::table::{Button, Cell, Column, Row, Rows, Table, TableView, acting, column, view};
use crate::visitor::Visitor;
use crate::words::{State, Tone};

#[derive(Template)]
#[template(path = "users.html")]
struct Page {
    frame: Frame,
    tables: Vec<TableView>,
    users: Vec<String>,
    token: Option<String>,
    problem: Option<String>,
}

pub(crate) async fn page(visitor: Visitor) -> Result<Response, Failure> {
    show(visitor, None, None).await
}

async fn show(visitor: Visitor, token: Option<String>, problem: Option<String>) -> Result<Response, Failure> {
    visitor.must_admin()?;
    let visitor = Visitor { path: "/users".to_owned(), ..visitor };
    let controller = visitor.controller().await?;
    let users = operations::users(controller.clone()).await?;
    let tables =
        vec![accounts(&users, &visitor.session.user), tokens(&operations::tokens(controller, None).await?)];
    if let Some(file) = tables.iter().find_map(|table| table.export(&visitor.query)) {
        return file;
    }
    let page = Page {
        frame: Frame::new(&visitor, "Users", &[]).await?,
        tables: tables.into_iter().map(|table| view(&visitor, table)).collect(),
        users: users.into_iter().map(|user| user.name).collect(),
        token,
        problem,
    };
    shown(&page)
}

fn accounts(users: &[Account], own: &str) -> Table {
    const COLUMNS: &[Column] = &[
        column("name", "Name"),
        column("role", "Role"),
        column("password", "Password"),
        column("createdAt", "Since"),
        column("createdBy", "Made by"),
        acting("remove", "Remove"),
    ];
    let row = |user: &Account| -> Row {
        let remove = Button {
            title: "Remove".to_owned(),
            label: format!("Remove user {}", user.name),
            action: "/users/remove".to_owned(),
            fields: vec![("user".to_owned(), user.name.clone())],
        };
        vec![
            Cell::text(&user.name),
            Cell::text(role(user.role)),
            Cell::text(if user.has_password { "yes" } else { "only tokens" }),
            Cell::time(Some(&user.created_at)),
            Cell::text(&user.created_by),
            // Nobody locks themselves out.
            if user.name == own { Cell::nothing() } else { Cell::button(remove) },
        ]
    };
    let rows = Rows::All(users.iter().map(row).collect());
    Table { id: "users", title: "Users", columns: COLUMNS, rows, empty: "There is no user." }
}

fn tokens(tokens: &[Token]) -> Table {
    const COLUMNS: &[Column] = &[
        column("id", "Token"),
        column("account", "User"),
        column("name", "For what"),
        column("role", "Role"),
        column("state", "State"),
        column("createdAt", "Since"),
        column("expiresAt", "Until"),
        acting("revoke", "Revoke"),
    ];
    let now = ays_catalogue::Timestamp::now();
    let row = |token: &Token| -> Row {
        let is_over = token.expires_at.as_ref().is_some_and(|until| *until <= now);
        let state = match (&token.revoked_at, is_over) {
            (Some(_), _) => State::new(Tone::Off, "revoked"),
            (None, true) => State::new(Tone::Off, "expired"),
            (None, false) => State::new(Tone::Good, "lets in"),
        };
        let revoke = Button {
            title: "Revoke".to_owned(),
            label: format!("Revoke token {} of {}", token.id.0, token.account),
            action: "/users/revoke".to_owned(),
            fields: vec![("token".to_owned(), token.id.0.to_string())],
        };
        let lets_in = state.tone == Tone::Good;
        let name = if token.name == SESSION { "portal: a session of a browser" } else { &token.name };
        vec![
            Cell::number(token.id.0),
            Cell::text(&token.account),
            Cell::text(name),
            Cell::text(role(token.role)),
            Cell::state(state),
            Cell::time(Some(&token.created_at)),
            Cell::time(token.expires_at.as_ref()),
            if lets_in { Cell::button(revoke) } else { Cell::nothing() },
        ]
    };
    let empty = "There is no token yet: a program that calls the API needs one.";
    Table {
        id: "tokens",
        title: "Tokens",
        columns: COLUMNS,
        rows: Rows::All(tokens.iter().map(row).collect()),
        empty,
    }
}

fn user(fields: &Fields) -> String {
    fields.one("user").unwrap_or("").to_owned()
}

fn said_role(fields: &Fields) -> Result<Option<Role>, Failure> {
    fields
        .one("role")
        .map(str::parse)
        .transpose()
        .map_err(|error: ays_catalogue::NoRole| Failure::usage(error.to_string()))
}

fn password(fields: &Fields) -> Option<SecretString> {
    let said = fields.all("password").last().filter(|text| !text.is_empty());
    said.map(SecretString::from)
}

/// What went wrong is said on the page; what went well leads back to it.
async fn done(visitor: Visitor, done: Result<(), operations::Error>) -> Result<Response, Failure> {
    match done {
        Ok(()) => Ok(Redirect::to("/users").into_response()),
        Err(error) => show(visitor, None, Some(error.to_string())).await,
    }
}

pub(crate) async fn add(Form { visitor, fields }: Form) -> Result<Response, Failure> {
    visitor.must_admin()?;
    let role = said_role(&fields)?.unwrap_or(Role::Viewer);
    let controller = visitor.controller().await?;
    done(visitor, operations::add_user(controller, user(&fields), role, password(&fields)).await).await
}

pub(crate) async fn change(Form { visitor, fields }: Form) -> Result<Response, Failure> {
    visitor.must_admin()?;
    let controller = visitor.controller().await?;
    let role = said_role(&fields)?;
    if role.is_some_and(|role| role < Role::Admin) && user(&fields) == visitor.session.user {
        let problem = "Nobody takes their own admin role away: another admin can.".to_owned();
        return show(visitor, None, Some(problem)).await;
    }
    if let Some(password) = password(&fields)
        && let Err(error) = operations::set_password(controller.clone(), user(&fields), password).await
    {
        return done(visitor, Err(error)).await;
    }
    let changed = match role {
        Some(role) => operations::set_role(controller, user(&fields), role).await,
        None => Ok(()),
    };
    done(visitor, changed).await
}

pub(crate) async fn remove(Form { visitor, fields }: Form) -> Result<Response, Failure> {
    visitor.must_admin()?;
    if user(&fields) == visitor.session.user {
        return Err(Failure::usage("nobody removes themselves: another admin can"));
    }
    let controller = visitor.controller().await?;
    done(visitor, operations::remove_user(controller, user(&fields)).await).await
}

pub(crate) async fn add_token(Form { visitor, fields }: Form) -> Result<Response, Failure> {
    visitor.must_admin()?;
    let role = said_role(&fields)?.unwrap_or(Role::Viewer);
    let days = match fields.one("days").map(str::parse::<u16>) {
        Some(Ok(days)) if (1..=3650).contains(&days) => Some(days),
        Some(_) => return show(visitor, None, Some("Days are from 1 to 3650.".to_owned())).await,
        None => None,
    };
    let lasts = days.map(|days| Duration::from_hours(24 * u64::from(days)));
    let name = fields.one("name").unwrap_or("").to_owned();
    if name.is_empty() || name == SESSION {
        return show(visitor, None, Some("Say what the token is for.".to_owned())).await;
    }
    let controller = visitor.controller().await?;
    match operations::add_token(controller, user(&fields), name, role, lasts).await {
        Ok((_, token)) => show(visitor, Some(token.expose_secret().to_owned()), None).await,
        Err(error) => show(visitor, None, Some(error.to_string())).await,
    }
}

pub(crate) async fn revoke(Form { visitor, fields }: Form) -> Result<Response, Failure> {
    visitor.must_admin()?;
    let id = fields.one("token").and_then(|id| id.parse().ok()).map(TokenId);
    let id = id.ok_or_else(|| Failure::usage("which token?"))?;
    let controller = visitor.controller().await?;
    done(visitor, operations::revoke_token(controller, id).await).await
}
