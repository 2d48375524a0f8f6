use std::path::PathBuf;

use ays_protocol::{Failure, Outcome, Step};

use crate::disk::on_thread;
use crate::libvirt::Libvirt;
use crate::remove_service::remove_service;
use crate::report::Report;
use crate::share::{Listeners, Talk};
use crate::unpack::Unpackings;
use crate::{
    Limits, act, check_copy, digest, examine, fetch, index, inspect, list_pool, owner, packages, processes,
    read_pieces, remove, remove_copies, requirements, service, share, store, tree,
};

/// Does one step to its end.
pub(crate) async fn run(
    step: Step,
    limits: Limits,
    report: Report,
    talk: Talk,
    listeners: Listeners,
    unpackings: Unpackings,
    libvirt: Libvirt,
) -> Result<Outcome, Failure> {
    match step {
        Step::CheckOwner(claim) => on_thread(move || owner::check(&claim)).await.map(|()| Outcome::Ready),
        Step::LookAtPool(pool) => on_thread(move || owner::look(&pool)).await.map(Outcome::Pool),
        Step::ListPool(order) => {
            on_thread(move || list_pool::list(&order)).await.map(|found| Outcome::Listed(Box::new(found)))
        }
        Step::AdoptPool(order) => on_thread(move || owner::adopt(&order)).await.map(Outcome::Pool),
        Step::CheckRequirements(needed) => requirements::check(needed).await.map(|()| Outcome::Ready),
        Step::Look(looks) => Ok(Outcome::Looked(fetch::look(looks, &limits).await)),
        Step::Examine(order) => Ok(Outcome::Examined(Box::new(examine::examine(order).await))),
        Step::Fetch(order) => match &order.share {
            None => fetch::fetch(&order, &limits, &report, &unpackings).await,
            Some(with) => share::fetch(&order, with, &limits, &report, talk, &listeners, &unpackings).await,
        }
        .map(Outcome::Fetched),
        Step::GiveCopy(order) => share::give(&order, &report, talk, &listeners).await.map(Outcome::Passed),
        Step::TakeCopy(order) => {
            share::take(&order, &limits, &report, talk, &listeners).await.map(Outcome::Passed)
        }
        Step::StoreImage(order) => store::store(&order, &unpackings, &report).await.map(Outcome::Stored),
        Step::CheckCopy(copy) => check_copy::check(copy, report).await.map(Outcome::Checked),
        Step::Inspect(order) => inspect::inspect(&order, &report).await.map(Outcome::Inspected),
        Step::Digest(order) => digest::digest(order, &report).await.map(Outcome::Digested),
        Step::ReadPieces(order) => {
            read_pieces::read_pieces(order, &report, talk).await.map(Outcome::Digested)
        }
        Step::WriteIndex(index) => index::write(index, &libvirt, &limits).await.map(Outcome::Written),
        Step::Remove(path) => remove::remove(path).await.map(|()| Outcome::Removed),
        Step::RemoveCopies(order) => {
            remove_copies::remove_copies(order, &libvirt, &limits).await.map(Outcome::RemovedCopies)
        }
        Step::Note(note) => on_thread(move || {
            let mut service = service::Service::open(&note.service)?;
            service.note(note.paths.iter().map(PathBuf::as_path))
        })
        .await
        .map(|()| Outcome::Ready),
        Step::Act(order) => act::act(order).await.map(Outcome::Acted),
        Step::Processes(order) => processes::act(order).await.map(Outcome::Processes),
        Step::CompareTree(order) => on_thread(move || tree::compare(&order)).await.map(Outcome::Lacking),
        Step::WritePart(order) => on_thread(move || tree::write(&order)).await.map(|()| Outcome::Ready),
        Step::InstallPackages(order) => packages::install(order).await.map(Outcome::Packages),
        Step::RemoveService(name) => remove_service(name).await.map(Outcome::RemovedService),
    }
}
