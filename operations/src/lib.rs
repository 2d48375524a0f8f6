//! The use cases that the command line and a server share, a file each.
//!
//! Each takes what it works on by value, so that it can be a task of its own, says what happens as
//! [`Event`](ays_model::Event)s, ends when it is told to, and fails with one [`Error`]. Work that blocks (files, git, a
//! command that gives secrets) is done off the runtime.
//!
//! It must not know the terminal or HTTP: whoever calls it asks, renders, and picks exit codes.

mod act_on_services;
mod add_image;
mod adopt_pools;
mod availability;
mod bring_generation;
mod canary;
mod change_image;
mod change_stack;
mod check_catalogue;
mod check_image;
mod check_nodes;
mod cloud_accounts;
mod compare_images;
mod consume;
mod controller;
mod copy_image;
mod copy_to;
mod debug_method;
mod destroy_image;
mod edit_image;
mod error;
mod every;
mod export_image;
mod feed;
mod feed_texts;
mod generations;
mod git;
mod git_trees;
mod https;
mod install;
mod install_outdated;
mod jobs;
mod licence;
mod lint;
mod make_local;
mod method_calls;
mod move_catalogue;
mod new_image;
mod off_runtime;
mod open_catalogue;
mod operation;
mod outdated;
mod pool_problem;
mod pools;
mod problem;
mod prove_image;
mod prune;
mod publication_work;
mod publications;
mod publish_image;
mod published_generations;
mod queries;
mod registered_by;
mod rehearse;
mod remove_files;
mod roll_out;
mod scrub;
mod selection;
mod service_graph;
mod uploads;
mod users;
mod webhooks;

pub use act_on_services::{ActOnServices, ServiceOn, reset_state};
pub use add_image::{AddImage, AddedFrom, AddedImage};
pub use adopt_pools::{AdoptPools, Adopted};
pub use availability::{Availability, SetAvailability, StackAvailability, Wanted};
pub use canary::{Canary, NoCanary};
pub use change_image::{ChangeImage, ChangedImage, ImageChange, Lagging};
pub use change_stack::{ChangeStack, ChangedStack};
pub use check_catalogue::{CheckCatalogue, CheckedCatalogue, Repair};
pub use check_image::{CheckImage, CheckedImage, check_file, digest};
pub use check_nodes::{CheckNodes, CheckedNode, NodeFinding, check_targets};
pub use cloud_accounts::{account, accounts, add_accounts, new_account, remove_account, test_account};
pub use compare_images::{CompareImages, ComparedGeneration, ComparedImages};
pub use consume::{Consume, Consumed};
pub use controller::{Actor, Controller, Tell};
pub use copy_image::{CopiedImage, CopiedTo, CopyImage, CopyResult};
pub use copy_to::CopyTo;
pub use debug_method::DebugMethod;
pub use destroy_image::{DestroyImage, DestroyResult, Destroyed};
pub use edit_image::{EditImage, EditedImage};
pub use error::{Cause, Error, Kind};
pub use every::{Every, NotEvery};
pub use export_image::{ExportImage, ExportedImage};
pub use feed::{Feed, NotInFeed};
pub use git::{clone, pull, save, status, unsaved};
pub use https::look_for_https;
pub use install::{Install, InstallReport, InstalledService, PlannedInstall, PlannedService};
pub use install_outdated::{BroughtUpToDate, InstallOutdated, InstalledAgain};
pub use jobs::{
    add_job, add_schedule, cancel_job, ended, follow_job, job, jobs, remove_schedule, retry_job, schedules,
};
pub use lint::{LintScope, lint, lint_sources};
pub use make_local::{MadeLocal, MakeLocal};
pub use method_calls::method_calls;
pub use move_catalogue::CatalogueAt;
pub use new_image::{LookAtImage, Proposal, write_image};
pub use open_catalogue::{catalogue_place, open_catalogue};
pub use operation::{Operation, Outcome};
pub use outdated::Outdated;
pub use pool_problem::{ChangedPool, PoolProblem};
pub use problem::Problem;
pub use prove_image::{ImageProof, key_of, prove_image, trust_key};
pub use prune::{Prune, PruneFiles};
pub use publication_work::publication;
pub use publications::{
    Recover, Recovered, RemovePublication, RemovedPublication, RetryPublication, Stray, cancel_publication,
    ledger, publications,
};
pub use publish_image::{PublicationPlan, PublishImage, PublishedTo, publication_defaults};
pub use published_generations::{PrunePublications, PrunedPublication, PublishOutdated};
pub use queries::{
    ListedTemplate, audit, find, holdings, image, image_page, images, installed_images, is_checksum, nodes,
    numbers, runs, services, stack, stack_index, stacks, templates,
};
pub use rehearse::Rehearse;
pub use remove_files::{RemovalResult, RemovedFile};
pub use roll_out::InstalledOn;
pub use scrub::{ScrubCopies, Scrubbed};
pub use selection::{Selected, Selection, all_nodes, local_pool};
pub use service_graph::{ServiceGraph, ServiceName, service_graph};
pub use uploads::{Upload, UploadError, UploadId, Uploads};
pub use users::{
    add_token, add_user, remove_user, revoke_token, set_password, set_role, tokens, users, whose_password,
    whose_token,
};
pub use webhooks::{add_webhook, remove_webhook, signing_key, webhooks};
