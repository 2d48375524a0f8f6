use super::report::Report;
use super::{Limits, check_copy, fetch, index, remove, requirements, store};
use crate::{Failure, Outcome, Step};

/// Does one step to its end.
pub(crate) async fn run(step: Step, limits: Limits, report: Report) -> Result<Outcome, Failure> {
    match step {
        Step::CheckRequirements(needed) => requirements::check(needed).await.map(|()| Outcome::Ready),
        Step::Probe { url, network: _ } => fetch::probe(&url, &limits).await.map(Outcome::Probed),
        Step::Fetch(order) => fetch::fetch(&order, &limits, &report).await.map(Outcome::Fetched),
        Step::StoreImage(order) => store::store(&order, &report).await.map(Outcome::Stored),
        Step::CheckCopy(copy) => check_copy::check(copy, report).await.map(Outcome::Checked),
        Step::WriteIndex(index) => index::write(index).await.map(|changed| Outcome::Written { changed }),
        Step::Remove(path) => remove::remove(path).await.map(|()| Outcome::Removed),
    }
}
