//! The shapes of answers: those of `docs/schemas/`, which the commands' `--json` has too.

use std::borrow::Cow;

use utoipa::openapi::schema::Schema;
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// Makes a type that stands for a schema of `docs/schemas/` in the OpenAPI document.
macro_rules! described {
    ($($(#[$doc:meta])* $name:ident => $file:literal,)+) => {
        $(
            $(#[$doc])*
            pub(crate) struct $name;

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    RefOr::Ref(Ref::from_schema_name(stringify!($name)))
                }
            }

            impl ToSchema for $name {
                fn name() -> Cow<'static, str> {
                    Cow::Borrowed(stringify!($name))
                }
            }
        )+

        /// Each with its schema.
        pub(crate) const SCHEMAS: &[(&str, &str)] = &[
            $((stringify!($name), include_str!(concat!("../../docs/schemas/", $file, ".schema.json"))),)+
        ];
    };
}

described! {
    /// An image with its generations and stacks.
    ImageDetail => "image-show",
    /// What a name or a checksum leads to.
    Found => "where",
    /// Stacks.
    Stacks => "stack-list",
    /// A stack.
    Stack => "stack-show",
    /// Jobs.
    Jobs => "job-list",
    /// A job.
    Job => "job-show",
    /// Schedules.
    Schedules => "schedule-list",
    /// A schedule.
    Schedule => "schedule-add",
    /// Accounts at clouds.
    CloudAccounts => "account-list",
    /// Publications.
    Publications => "publication-list",
    /// What publications would do.
    PublicationPlans => "publish-plan",
    /// A publication and its ledger.
    Publication => "publication-show",
    /// Changes.
    Audit => "audit",
    /// Runs.
    Runs => "runs",
    /// Images.
    Images => "image-list",
    /// An operation that is asked for.
    Operation => "operation",
    /// What a stack offers.
    Offers => "offers",
    /// Why it did not go well.
    ProblemDetails => "problem",
}
