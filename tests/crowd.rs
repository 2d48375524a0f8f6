//! Many controllers and workers at one catalogue, while workers are killed at random.

use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::server::{Served, call, listening, serve};
use crate::support::random::Random;
use crate::support::truth::{assert_true, index, stored};
use crate::support::{Ays, Many, Postgres, Running};

const NODES: [&str; 4] = ["n1", "n2", "n3", "n4"];

fn operation(random: &mut Random) -> Value {
    let some: Vec<_> = NODES.iter().filter(|_| random.below(2) == 0).collect();
    match random.below(4) {
        0 => {
            json!({"kind": "install", "template": "image_x", "nodes": {"names": some.first().map_or(vec!["n1"], |one| vec![**one])}})
        }
        1 => json!({"kind": "scrub"}),
        _ => json!({"kind": "availability", "image": "x", "wanted": {"set": some}}),
    }
}

/// All jobs that are asked for through `controllers` are done by `workers`, some of which are killed all the time.
fn workers_are_killed(scene: &Many, controllers: usize, workers: usize, jobs: usize) {
    let seed = std::env::var("AYS_SEED").map_or(1, |seed| seed.parse().unwrap());
    println!("AYS_SEED={seed}");
    let mut random = Random(seed);
    scene.succeeds(&["--targetname", "n1"]);
    let Served { server, url, tokens } = serve(&scene.ays, &["--jobs", "0"]);
    let mut servers = vec![(server, url)];
    for _ in 1..controllers {
        let server = scene.ays.spawn(&["serve", "--listen", "127.0.0.1:0", "--jobs", "0"]);
        let url = listening(&server);
        servers.push((server, url));
    }
    let mut crowd: Vec<Running> = (0..workers).map(|_| worker(&scene.ays)).collect();
    for number in 0..jobs {
        let (_, url) = &servers[number % controllers];
        let asked =
            call(&format!("{url}/api/v1/jobs"), "POST", Some(&tokens[1]), Some(&operation(&mut random)));
        assert_eq!(asked.0, 202, "{asked:?}");
        thread::sleep(Duration::from_millis(100));
        if number % 2 == 0 {
            let killed = std::mem::replace(&mut crowd[random.below(workers)], worker(&scene.ays));
            killed.signal(Signal::SIGKILL);
            killed.wait();
        }
    }
    let begun = Instant::now();
    let all = || scene.ays.json(&["job", "list", "--limit", "100"]).as_array().unwrap().clone();
    while all().iter().any(|job| matches!(job["status"].as_str(), Some("queued" | "running"))) {
        assert!(
            begun.elapsed() < Duration::from_secs(240),
            "{}",
            what_happens(&all(), &servers[0].1, &tokens[0])
        );
        thread::sleep(Duration::from_millis(100));
    }
    let all = all();
    assert_eq!(all.len(), jobs);
    let failed: Vec<_> = all.iter().filter(|job| job["status"] != "succeeded").collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let again = all.iter().filter(|job| job["attempts"].as_u64() > Some(1)).count();
    println!("{jobs} jobs, {again} of them went on with another worker");
    for node in &scene.nodes {
        assert_true(&scene.ays, node, "x");
        // Each controller's word is that of all.
        let through: Vec<_> = servers
            .iter()
            .map(|(_, url)| {
                call(&format!("{url}/api/v1/stacks/{}/images", node.name), "GET", Some(&tokens[0]), None)
            })
            .collect();
        assert!(through.iter().all(|said| *said == through[0]), "{through:#?}");
        let offers: Value = serde_json::from_str(&through[0].1).unwrap();
        let of_disk = index(node).and_then(|index| index["images"][0]["generation"].as_u64());
        assert_eq!(offers["images"][0]["generation"].as_u64(), of_disk, "{}", node.name);
        assert!(stored(node).len() <= 1, "{:?}", stored(node));
    }
}

/// The jobs that are not over, each with what happened in it last.
fn what_happens(jobs: &[Value], url: &str, token: &str) -> String {
    let open = jobs.iter().filter(|job| matches!(job["status"].as_str(), Some("queued" | "running")));
    let shown = open.map(|job| {
        let events = format!("{url}/api/v1/jobs/{}/events?after=0", job["id"]);
        let events: Value = serde_json::from_str(&call(&events, "GET", Some(token), None).1).unwrap();
        format!(
            "{} {} {}: {:?}\n",
            job["id"],
            job["status"],
            job["operation"],
            events["events"].as_array().and_then(|all| all.last())
        )
    });
    shown.collect()
}

fn worker(ays: &Ays) -> Running {
    ays.spawn(&["worker"])
}

#[test]
fn three_controllers_and_twenty_workers_share_a_database() {
    let mut postgres = Postgres::start();
    // 8 for each worker, as docs/server.md says.
    postgres.sql("ALTER SYSTEM SET max_connections = 250");
    postgres.restart();
    let mut scene = Many::new(4, 2);
    scene.ays.set("AYS_DATABASE", &postgres.address());
    workers_are_killed(&scene, 3, 20, 30);
}

#[test]
fn workers_of_one_machine_share_a_file() {
    workers_are_killed(&Many::new(4, 2), 1, 4, 20);
}
