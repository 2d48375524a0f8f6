//! A generation of an image comes to pools of its grid that lack it.

use ays_catalogue::{GenerationId, NewCopy, Timestamp};
use ays_engine::{Arrived, BringError, Brought, NotBrought, Recorder, Recording, Stop, ToBring};
use ays_model::PoolKey;

use crate::controller::{Controller, Tell};
use crate::error::{Error, Kind};
use crate::pools::Pools;

/// Brings it, and records each copy: on its way, then verified. What came of each pool, in their order.
pub(crate) async fn bring_generation(
    controller: &Controller,
    pools: &Pools,
    generation: GenerationId,
    what: &ToBring,
    stop: &Stop,
    tell: &Tell,
) -> Result<Brought, Error> {
    let catalogue = &controller.catalogue;
    let Some(giver) = what.copies.first().filter(|_| !what.pools.is_empty()).cloned() else {
        let mut none = Brought::new();
        for _ in &what.pools {
            none.push(Err(NotBrought::NoGiver { reason: "no pool has a verified copy".to_owned() }));
        }
        return Ok(none);
    };
    let on_its_way = |pool: &PoolKey| NewCopy {
        generation,
        pool: pool.clone(),
        file: giver.file.clone(),
        format: giver.format,
        digest: giver.digest,
        size: giver.size,
    };
    catalogue.set_arriving(&what.pools.iter().map(on_its_way).collect::<Vec<_>>()).await?;
    let copy = |Arrived { pool, file, format, digest, size, .. }: Arrived| NewCopy {
        generation,
        pool,
        file,
        format,
        digest,
        size,
    };
    let rehearse = |arrived: Arrived| -> Recording<'_, _> {
        Box::pin(async move { catalogue.rehearse_arrived(&copy(arrived), &Timestamp::now()).await })
    };
    let record = |arrived: Arrived| -> Recording<'_, _> {
        Box::pin(async move { catalogue.set_arrived(&copy(arrived), &Timestamp::now()).await })
    };
    let recorder = Recorder { rehearse: &rehearse, record: &record };
    let brought = pools.bring(controller).run(what, &recorder, stop, &**tell).await;
    // Of those that came, nothing is on its way any more.
    catalogue.forget_arriving(generation, &what.pools).await?;
    brought.map_err(not_at_all)
}

/// Why nothing was brought.
pub(crate) fn not_at_all(error: BringError) -> Error {
    match error {
        BringError::Interrupted => Error::interrupted(),
        error => Error::new(Kind::Failed, error),
    }
}
