//! Images.

use axum::Json;
use ays_catalogue::{Image, ImageColumn, ImageDetail, ImageQuery, Page};
use ays_operations::{self as operations, Error, Kind};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::answer::Answer;
use crate::caller::{Caller, Viewer};
use crate::described;
use crate::query::{Limit, Path, Query};

/// Which images.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImagesQuery {
    /// Only those whose name, category, description or source has this text
    #[serde(default)]
    search: Option<String>,
    /// Those that are destroyed too
    #[serde(default)]
    all: bool,
    /// By what they are sorted: id, name, type, size, status, gid, lastModified; with a `-` before it, the last first
    #[serde(default)]
    #[param(pattern = "^-?(id|name|type|size|status|gid|lastModified)$")]
    sort: Option<String>,
    /// How many are left out at the beginning
    #[serde(default)]
    skip: u32,
    /// How many at the most
    #[serde(default = "Limit::usual")]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Limit,
}

/// A part of the images.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it says what the shape is")]
pub(crate) struct ImagePage {
    /// The images.
    #[schema(value_type = described::Images)]
    items: Vec<()>,
    /// How many there are in all.
    total: u64,
}

impl TryFrom<ImagesQuery> for ImageQuery {
    type Error = Error;

    fn try_from(ImagesQuery { search, all, sort, skip, limit }: ImagesQuery) -> Result<Self, Error> {
        let (descending, sort) = match sort.as_deref() {
            None => (false, ImageColumn::default()),
            Some(column) => {
                let (descending, column) =
                    column.strip_prefix('-').map_or((false, column), |column| (true, column));
                (descending, column.parse().map_err(|error| Error::new(Kind::Usage, error))?)
            }
        };
        let search = search.filter(|text| !text.is_empty());
        Ok(Self { search, columns: Vec::new(), destroyed: all, sort, descending, skip, limit: limit.0 })
    }
}

/// Images, page by page
#[utoipa::path(get, path = "/api/v1/images", params(ImagesQuery), responses(
    (status = 200, description = "A part of the images", body = ImagePage),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn images(
    caller: Caller<Viewer>,
    Query(query): Query<ImagesQuery>,
) -> Result<Json<Page<Image>>, Answer> {
    let query = ImageQuery::try_from(query)?;
    Ok(Json(operations::image_page(caller.controller().await?, query).await?))
}

/// An image with its generations and stacks, by its name or id
#[utoipa::path(get, path = "/api/v1/images/{image}", params(("image" = String, Path, description = "Its name or id")), responses(
    (status = 200, description = "The image", body = described::ImageDetail),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn image(
    caller: Caller<Viewer>,
    Path(image): Path<String>,
) -> Result<Json<ImageDetail>, Answer> {
    Ok(Json(operations::image(caller.controller().await?, image).await?))
}

/// What an image's name or id, or the first 8 digits or more of a checksum, lead to
#[utoipa::path(get, path = "/api/v1/where/{asked}", params(("asked" = String, Path, description = "A name, an id or a checksum")), responses(
    (status = 200, description = "Generations, where they are and who offers them", body = described::Found),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn find(
    caller: Caller<Viewer>,
    Path(asked): Path<String>,
) -> Result<Json<Vec<ays_catalogue::Found>>, Answer> {
    Ok(Json(operations::find(caller.controller().await?, asked).await?))
}
