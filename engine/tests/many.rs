//! A rollout on many nodes that a script plays: what the controller alone costs.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "clippy allows these in functions marked as tests, not in what such functions call"
)]

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};

use ays_catalogue::{Catalogue, Place, RunFilter};
use ays_engine::{InstallError, Installed, Mode, NodeResult, Rollout, Sharing, Stacks, Starting, Stopper};
use ays_model::{Content, Digest, DiskFormat, Inspection, StepName, Target};
use ays_protocol::{CheckedCopy, CopyState, Failure, IndexBefore, Outcome, Step, Stored};
use ays_recipes::{Environment, Layers, Recipe, Request};
use ays_transport::{Scripted, Transport};
use tempfile::TempDir;

#[path = "../../catalogue/tests/support/postgres.rs"]
#[allow(dead_code, reason = "not all of it is needed here")]
mod postgres;

/// An environment with nodes, and a recipe `image_x`.
struct Scene {
    directory: TempDir,
    stacks: Stacks,
    recipe: Recipe,
    catalogue: Catalogue,
    targets: Vec<Target>,
}

impl Scene {
    async fn new(nodes: usize) -> Self {
        Self::at(nodes, None).await
    }

    /// With a catalogue elsewhere than in a file.
    async fn at(nodes: usize, place: Option<Place>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("environment");
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(
            "servicetemplates/image_x/service.hrd",
            "web.export.1 =\n    url:'http://127.0.0.1',\n    source:'/x.qcow2',\n    dest:'/var/tmp/x.qcow2',\n    checkmd5:'true',\n",
        );
        write(
            "servicetemplates/image_x/actions.py",
            "from JumpScale import j\nActionsBase=j.atyourservice.getActionsBaseClass()\nclass Actions(ActionsBase):\n    \
             def configure(self, serviceObj):\n        from CloudscalerLibcloud.imageutil import registerImage\n        \
             registerImage(serviceObj, 'X', 'x.qcow2', 'Linux', 10)\n",
        );
        for number in 0..nodes {
            let hrd = format!(
                "service.category = 'node'\ninstance.ip = '127.0.{}.{}'\n",
                number / 250,
                number % 250
            );
            write(&format!("services/jumpscale__node.ssh__n{number:04}/service.hrd"), &hrd);
        }
        git_init(&root);
        let layers = Layers { files: Vec::new(), variables: Vec::new(), flags: Vec::new() };
        let environment = Environment::find(&root, &layers).unwrap();
        let template = environment.template("image_x").unwrap();
        let recipe = Recipe::read(&environment, template, &Request::without_answers("main".into())).unwrap();
        let place = place.unwrap_or_else(|| Place::File(directory.path().join("catalogue.db")));
        let catalogue = Catalogue::open(&place, &"environment".into()).await.unwrap();
        let targets = environment
            .nodes()
            .iter()
            .map(|(_, node)| Target::Node(Box::new(node.clone().unwrap())))
            .collect();
        let stacks = Stacks::of(&environment);
        Self { directory, stacks, recipe, catalogue, targets }
    }

    async fn roll_out(&self, mode: Mode, nodes: Scripted) -> Vec<NodeResult> {
        let owner = self.catalogue.owner("test".to_owned()).await.unwrap();
        let rollout = Rollout {
            stacks: &self.stacks,
            recipe: &self.recipe,
            file: None,
            catalogue: &self.catalogue,
            owner: &owner,
            logs: &self.directory.path().join("runs"),
            transport: &Transport::Scripted(nodes),
            mode,
            starting: Starting::Starts,
            trees: &[],
            others: None,
            force: false,
            sharing: Sharing::Neighbours,
            parallel: NonZeroUsize::new(32).unwrap(),
            by: "test",
        };
        let (_stopper, stop) = Stopper::new();
        rollout.run(&self.targets, &stop, &|_| {}).await.unwrap()
    }
}

fn git_init(root: &Path) {
    let made = std::process::Command::new("git").args(["init", "-q"]).arg(root).status().unwrap();
    assert!(made.success());
}

/// What a node says where all is well.
fn well(step: &Step) -> Result<Outcome, Failure> {
    Ok(match step {
        Step::CheckRequirements(_) | Step::CheckOwner(_) => Outcome::Ready,
        Step::StoreImage(order) => Outcome::Stored(Stored {
            file: format!("{}-000000000000.raw", order.stem),
            content: Content([0; 32]),
            digest: Digest::FsVerity(Content([0; 32])),
            size: 1 << 20,
            virtual_size: 1 << 20,
            source_format: "qcow2".to_owned(),
            kept: false,
            found: Err("nobody looked".to_owned()),
        }),
        Step::CheckCopy(_) => {
            Outcome::Checked(CheckedCopy { state: CopyState::Good, data: 1 << 20, named: None })
        }
        Step::Inspect(_) => Outcome::Inspected(Inspection {
            format: DiskFormat::Raw,
            virtual_size: 1 << 20,
            table: None,
            boot: None,
            partitions: Vec::new(),
            flaws: Vec::new(),
            systems: Vec::new(),
            unread: Vec::new(),
        }),
        Step::WriteIndex(_) => Outcome::Written(IndexBefore::Other.into()),
        Step::Remove(_) => Outcome::Removed,
        Step::Note(_)
        | Step::Act(_)
        | Step::Processes(_)
        | Step::CompareTree(_)
        | Step::WritePart(_)
        | Step::InstallPackages(_)
        | Step::RemoveService(_)
        | Step::LookAtPool(_)
        | Step::ListPool(_)
        | Step::AdoptPool(_)
        | Step::Fetch(_)
        | Step::Look(_)
        | Step::Examine(_)
        | Step::Digest(_)
        | Step::ReadPieces(_)
        | Step::RemoveCopies(_)
        | Step::GiveCopy(_)
        | Step::TakeCopy(_) => {
            panic!("not of an install: {step:?}")
        }
    })
}

fn peak_memory_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() / 1024
}

#[tokio::test]
async fn what_one_node_meets_stops_no_other() {
    let scene = Scene::new(12).await;
    let broken = Failure::Tool { tool: "qemu-img".to_owned(), reason: "it is missing".to_owned() };
    let nodes = Scripted::new(move |node, step| match step {
        Step::StoreImage(_) if node == "n0003" || node == "n0007" => Err(broken.clone()),
        step => well(step),
    });
    let results = scene.roll_out(Mode::IfNeeded, nodes.clone()).await;
    let failed: BTreeSet<usize> =
        results.iter().enumerate().filter(|(_, result)| result.is_err()).map(|(number, _)| number).collect();
    assert_eq!(failed, BTreeSet::from([3, 7]));
    assert!(matches!(results[3], Err(InstallError::Step { step: StepName::Register, .. })));
    assert!(matches!(results[4], Ok(Installed::Now)));

    // What was done is not done again, and every node's end is in the catalogue.
    let again = scene.roll_out(Mode::IfNeeded, nodes).await;
    assert_eq!(again.iter().filter(|result| matches!(result, Ok(Installed::Before))).count(), 10);
    let filter = RunFilter { service: Some("image_x"), node: None, rollout: None, limit: Some(100) };
    let runs = scene.catalogue.runs(&filter).await.unwrap();
    assert_eq!(runs.len(), 24);
    let rollouts: BTreeSet<_> = runs.iter().map(|run| run.rollout.clone()).collect();
    assert_eq!(rollouts.len(), 2);
}

/// `AYS_SIMULATED=1000 cargo test --release` gives the numbers of the README.
#[tokio::test]
async fn the_time_for_a_node_does_not_grow_with_their_number() {
    let most: usize = std::env::var("AYS_SIMULATED").map_or(200, |number| number.parse().unwrap());
    let mut each = Vec::new();
    for nodes in [most / 4, most] {
        let scene = Scene::new(nodes).await;
        let begun = Instant::now();
        let results = scene.roll_out(Mode::IfNeeded, Scripted::new(|_, step| well(step))).await;
        let took = begun.elapsed();
        assert!(results.iter().all(|result| matches!(result, Ok(Installed::Now))), "{results:?}");
        each.push(took / u32::try_from(nodes).unwrap());
        println!(
            "{nodes} nodes: {took:.2?}, {:.2?} a node, peak {} MB",
            each[each.len() - 1],
            peak_memory_mb()
        );
    }
    // Another test may have had the processor: twice is not growth.
    assert!(each[1] < each[0] * 2 + Duration::from_millis(2), "{each:?}");
    assert!(peak_memory_mb() < 256, "{} MB", peak_memory_mb());
}

/// `AYS_SIMULATED=1000 cargo test --release` gives the numbers of the README.
#[tokio::test]
async fn many_nodes_with_nothing_to_do_cost_little_with_either_database() {
    let nodes: usize = std::env::var("AYS_SIMULATED").map_or(100, |number| number.parse().unwrap());
    let server = postgres::Postgres::start();
    let place = Place::Postgres(server.address().parse().unwrap());
    for (database, place) in [("SQLite", None), ("PostgreSQL", Some(place))] {
        let scene = Scene::at(nodes, place).await;
        let well = Scripted::new(|_, step| well(step));
        assert_eq!(scene.roll_out(Mode::IfNeeded, well.clone()).await.len(), nodes);
        let begun = Instant::now();
        let results = scene.roll_out(Mode::IfNeeded, well).await;
        let took = begun.elapsed();
        assert!(results.iter().all(|result| matches!(result, Ok(Installed::Before))), "{results:?}");
        println!(
            "{database}: {nodes} scripted nodes with nothing to do: {took:.2?}, peak {} MB",
            peak_memory_mb()
        );
        assert!(took < Duration::from_secs(30), "{took:?}");
    }
    assert!(peak_memory_mb() < 256, "{} MB", peak_memory_mb());
}
