//! The OpenAPI document: paths from the handlers, shapes from `docs/schemas/`.

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use crate::described::SCHEMAS;
use crate::state::Server;

#[derive(OpenApi)]
#[openapi(info(
    title = "ays",
    description = "Images of a private cloud: where they are, what offers them, and the jobs that bring them there.",
    license(name = "Apache-2.0", identifier = "Apache-2.0")
))]
struct Base;

pub(crate) fn base() -> utoipa::openapi::OpenApi {
    Base::openapi()
}

/// The whole document as JSON.
pub(crate) fn document(document: utoipa::openapi::OpenApi) -> String {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    let mut schemas = Map::new();
    for (name, text) in SCHEMAS {
        let Ok(Value::Object(mut schema)) = serde_json::from_str(text) else { continue };
        schema.remove("$schema");
        if let Some(Value::Object(parts)) = schema.remove("$defs") {
            for (part, value) in parts {
                schemas.insert(format!("{name}-{part}"), moved(value, name));
            }
        }
        schemas.insert((*name).to_owned(), moved(Value::Object(schema), name));
    }
    // The shapes that handlers have themselves stay.
    if let Some(Value::Object(own)) = document.pointer("/components/schemas").cloned() {
        schemas.extend(own.into_iter().filter(|(name, _)| !SCHEMAS.iter().any(|(known, _)| known == name)));
    }
    document["components"]["schemas"] = Value::Object(schemas);
    document["components"]["securitySchemes"] = json!({"token": {"type": "http", "scheme": "bearer"}, "password": {"type": "http", "scheme": "basic"}});
    document["security"] = json!([{"token": []}, {"password": []}]);
    document.to_string()
}

/// A schema whose parts are components of the document now.
fn moved(mut schema: Value, name: &str) -> Value {
    match &mut schema {
        Value::Object(fields) => {
            for (key, value) in fields.iter_mut() {
                let part = value.as_str().and_then(|text| text.strip_prefix("#/$defs/"));
                *value = match part {
                    Some(part) if key == "$ref" => format!("#/components/schemas/{name}-{part}").into(),
                    _ => moved(value.take(), name),
                };
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| *value = moved(value.take(), name)),
        _ => {}
    }
    schema
}

pub(crate) fn routes(document: String) -> Router<Server> {
    let document: Arc<str> = document.into();
    let answer = move || async move {
        ([(header::CONTENT_TYPE, "application/json")], document.to_string()).into_response()
    };
    Router::new().route("/api/v1/openapi.json", get(answer))
}
