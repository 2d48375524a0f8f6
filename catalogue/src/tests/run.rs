//! Runs: begun, ended, taken for dead, listed.

use std::path::Path;

use ays_model::RunAction;

use super::support::{Fixture, at, debian_on};
use crate::{Catalogue, Run, RunEnd, RunFilter, RunId, RunStatus, ServiceOnNode, Timestamp};

fn log() -> &'static Path {
    Path::new("/var/lib/ays/g8/runs/1.jsonl")
}

#[tokio::test]
async fn a_run_that_nobody_ended_is_interrupted_when_the_next_begins() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    let (n1, n2) = (debian_on("n1"), debian_on("n2"));
    let died = catalogue.begin_run(&n1, RunAction::Install, "r1", log(), &at(0)).await.unwrap();
    let elsewhere = catalogue.begin_run(&n2, RunAction::Install, "r1", log(), &at(1)).await.unwrap();
    let next = catalogue.begin_run(&n1, RunAction::Install, "r2", log(), &at(2)).await.unwrap();
    assert_eq!(
        states(catalogue, "n1").await,
        [(next, RunStatus::Running, None, None), (died, RunStatus::Interrupted, None, Some(at(2)))]
    );
    assert_eq!(states(catalogue, "n2").await, [(elsewhere, RunStatus::Running, None, None)]);

    catalogue.end_run(next, RunEnd::Failed, Some("the disk is full"), &at(3)).await.unwrap();
    catalogue.end_run(died, RunEnd::Succeeded, None, &at(4)).await.unwrap();
    assert_eq!(
        states(catalogue, "n1").await,
        [
            (next, RunStatus::Failed, Some("the disk is full".into()), Some(at(3))),
            (died, RunStatus::Succeeded, None, Some(at(4))),
        ]
    );
}

/// The node's runs, the newest first: how each stands, what it said, when it ended.
async fn states(
    catalogue: &Catalogue,
    node: &str,
) -> Vec<(RunId, RunStatus, Option<String>, Option<Timestamp>)> {
    let runs = catalogue.runs(&RunFilter { node: Some(node), ..RunFilter::default() }).await.unwrap();
    runs.into_iter().map(|run| (run.id, run.status, run.message, run.ended_at)).collect()
}

#[tokio::test]
async fn runs_are_listed_by_service_node_and_rollout_the_newest_first() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    let redis = ServiceOnNode { service: "redis".into(), ..debian_on("n2") };
    for (of, rollout) in
        [(debian_on("n1"), "r1"), (debian_on("n2"), "r1"), (redis, "r2"), (debian_on("n2"), "r3")]
    {
        catalogue.begin_run(&of, RunAction::Install, rollout, log(), &at(0)).await.unwrap();
    }
    let all = RunFilter::default();
    let numbers = async |filter: RunFilter<'_>| -> Vec<i64> {
        catalogue.runs(&filter).await.unwrap().into_iter().map(|run| run.id.0).collect()
    };
    assert_eq!(numbers(all).await, [4, 3, 2, 1]);
    assert_eq!(numbers(RunFilter { limit: Some(2), ..all }).await, [4, 3]);
    assert_eq!(numbers(RunFilter { service: Some("image_debian"), ..all }).await, [4, 2, 1]);
    assert_eq!(numbers(RunFilter { node: Some("n2"), ..all }).await, [4, 3, 2]);
    assert_eq!(numbers(RunFilter { rollout: Some("r1"), ..all }).await, [2, 1]);
    assert_eq!(
        numbers(RunFilter { service: Some("redis"), node: Some("n2"), rollout: Some("r2"), limit: Some(9) })
            .await,
        [3]
    );
    assert_eq!(numbers(RunFilter { service: Some("redis"), node: Some("n1"), ..all }).await, [0_i64; 0]);
}

#[tokio::test]
async fn a_run_tells_how_long_it_took() {
    let Fixture { catalogue, .. } = &Fixture::new().await;
    let id = catalogue.begin_run(&debian_on("n1"), RunAction::Install, "r1", log(), &at(0)).await.unwrap();
    let mut expected = Run {
        id,
        rollout: Some("r1".into()),
        service: "image_debian".into(),
        instance: "main".into(),
        node: "n1".into(),
        action: RunAction::Install,
        status: RunStatus::Running,
        message: None,
        started_at: at(0),
        ended_at: None,
        log: Some("/var/lib/ays/g8/runs/1.jsonl".into()),
        took_ms: None,
    };
    let listed = async || catalogue.runs(&RunFilter::default()).await.unwrap();
    assert_eq!(listed().await, [expected.clone()]);

    let ended_at: Timestamp = jiff::Timestamp::from_millisecond(1_795_291_262_345).unwrap().into();
    catalogue.end_run(id, RunEnd::Succeeded, Some("installed"), &ended_at).await.unwrap();
    expected.status = RunStatus::Succeeded;
    expected.message = Some("installed".into());
    expected.ended_at = Some(ended_at);
    expected.took_ms = Some(62_345);
    assert_eq!(listed().await, [expected.clone()]);
    assert_eq!(
        serde_json::to_value(listed().await).unwrap(),
        serde_json::json!([{
            "id": 1, "rollout": "r1", "service": "image_debian", "instance": "main", "node": "n1",
            "action": RunAction::Install, "status": "succeeded", "message": "installed",
            "startedAt": "2026-11-21T20:00:00.000Z", "endedAt": "2026-11-21T20:01:02.345Z",
        "log": "/var/lib/ays/g8/runs/1.jsonl", "tookMs": 62345,
        }])
    );

    // The clock was set back meanwhile.
    catalogue.end_run(id, RunEnd::Succeeded, Some("installed"), &at(-5)).await.unwrap();
    assert_eq!(listed().await[0].took_ms, Some(0));
}
