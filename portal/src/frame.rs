//! What stands around each page: its title, the way to it, where else one can go.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use ays_catalogue::Role;

use crate::failure::Failure;
use crate::visitor::Visitor;

/// A step of the way to a page.
pub(crate) struct Crumb {
    pub title: String,
    pub href: String,
}

/// A place that one can go to from each page.
pub(crate) struct Place {
    pub title: &'static str,
    pub href: &'static str,
    pub icon: &'static str,
    pub is_here: bool,
}

/// What stands around a page.
pub(crate) struct Frame {
    pub title: String,
    pub crumbs: Vec<Crumb>,
    pub places: Vec<Place>,
    pub user: String,
    pub role: &'static str,
    pub may_operate: bool,
    pub proof: String,
    pub environment: String,
}

const PLACES: [(&str, &str, &str); 13] = [
    ("Overview", "/", "home"),
    ("Images", "/images", "disc"),
    ("Matrix", "/matrix", "layout-grid"),
    ("Publications", "/publications", "cloud"),
    ("Stacks", "/stacks", "stack-2"),
    ("Nodes", "/nodes", "server-2"),
    ("Recipes", "/recipes", "file-code"),
    ("Services", "/services", "list"),
    ("Jobs", "/jobs", "activity"),
    ("Schedules", "/schedules", "calendar-time"),
    ("Recycle bin", "/bin", "trash"),
    ("Audit", "/audit", "history"),
    ("Users", "/users", "users"),
];

impl Frame {
    /// Of a page that lies below these, each with its title and path.
    pub async fn new(
        visitor: &Visitor,
        title: impl Into<String>,
        above: &[(&str, &str)],
    ) -> Result<Self, Failure> {
        let section = above.first().map_or(visitor.path.as_str(), |(_, href)| href);
        let is_offered = |href: &str| href != "/users" || visitor.may_admin();
        let places = PLACES.iter().filter(|(_, href, _)| is_offered(href));
        let environment = visitor.controller().await?.environment;
        Ok(Self {
            title: title.into(),
            crumbs: above
                .iter()
                .map(|&(title, href)| Crumb { title: title.to_owned(), href: href.to_owned() })
                .collect(),
            places: places
                .map(|&(title, href, icon)| Place { title, href, icon, is_here: href == section })
                .collect(),
            user: visitor.session.user.clone(),
            role: role(visitor.session.role),
            may_operate: visitor.may_operate(),
            proof: visitor.proof(),
            environment: environment.name().to_owned(),
        })
    }
}

/// A role's word.
pub(crate) fn role(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Operator => "operator",
        Role::Admin => "admin",
    }
}

/// A page as it is sent.
pub(crate) fn shown(page: &impl Template) -> Result<Response, Failure> {
    Ok(Html(page.render()?).into_response())
}
