//! The leader of a shared fetch: it reads the source, and says what it reads.

use ays_protocol::{Failure, Fetched, News, Supplier};

use super::lead::Lead;
use super::{Ended, Shared, Turn};
use crate::fetch::{Partial, bring};

/// Reads the source from where the pieces that are here end; until the file has its name, or another node leads.
pub(super) async fn lead(shared: &mut Shared<'_>, partial: &mut Partial) -> Result<Turn, Failure> {
    let (order, limits, report) = (shared.order, shared.limits, shared.report);
    let lead = Lead::new(shared.stock.clone(), shared.teller.voice());
    let told = tokio::select! {
        brought = bring(order, limits, report, partial, Some(&lead)) => return brought.map(ended),
        told = other_leader(shared) => told,
    };
    partial.settle().await;
    match told {
        Ok(supplier) => Ok(Turn::Follow(supplier)),
        Err(failure) => {
            partial.give_up();
            Err(failure)
        }
    }
}

fn ended(fetched: Fetched) -> Turn {
    Turn::Ended(Ended::Fetched(Box::new(fetched)))
}

/// Another node is to lead, or nobody. When all is here, nothing changes that any more: the file may be getting its name.
async fn other_leader(shared: &mut Shared<'_>) -> Result<Supplier, Failure> {
    loop {
        match shared.news().await {
            _ if shared.stock.borrow().is_whole => {}
            News::From(Supplier::Source) | News::Opened(_) | News::Pieces(_) | News::Whole(_) => {}
            News::From(supplier) => return Ok(supplier),
            News::Failed(failure) => return Err(failure),
        }
    }
}
