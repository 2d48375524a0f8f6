//! Random schedules of operations and faults, on nodes that a script plays and a real catalogue: at no instant does an index
//! name bytes that do not verify, no stack is said to offer such, and none loses an image that it offered.
//!
//! `AYS_SCHEDULES=10000 AYS_SEED=1 cargo test --release -p ays-engine --test schedules` searches for longer; a failure names
//! its seed.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "clippy allows these in functions marked as tests, not in what such functions call"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ays_catalogue::{
    Catalogue, Change, ChangedBy, CopyState as Recorded, ImageId, ImageMove, Leaving, NewCopy, Place,
    StackId, StackStatus, Timestamp,
};
use ays_engine::{
    Arrived, Bad, Bring, Direction, Mode, Publish, Recorder, Recording, Removing, Rollout, Scrub, Sharing,
    Stacks, Starting, Stop, Stopper, ToBring,
};
use ays_model::{Digest, Target};
use ays_recipes::{Environment, Layers, Recipe, Request};
use ays_transport::{Scripted, Transport};
use tempfile::TempDir;
use tokio::sync::Notify;

#[path = "../../../catalogue/tests/support/postgres.rs"]
#[allow(dead_code, reason = "not all of it is needed here")]
mod postgres;
mod world;

use self::world::{NODES, World, digest};

const OPERATIONS: usize = 14;

/// Numbers that one seed decides.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % most
    }

    fn one_of(&mut self, in_so_many: u64) -> bool {
        self.below(in_so_many) == 0
    }

    fn some<T: Clone>(&mut self, of: &[T]) -> Vec<T> {
        of.iter().filter(|_| self.below(2) == 0).cloned().collect()
    }
}

/// An environment of the nodes, with a recipe `image_x`.
struct Repository {
    _directory: TempDir,
    logs: TempDir,
    stacks: Stacks,
    recipe: Recipe,
    targets: Vec<Target>,
}

impl Repository {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("ays.toml", "[pool.both]\npath = \"/mnt/both\"\nshared = true\n");
        write(
            "servicetemplates/image_x/service.hrd",
            "web.export.1 =\n    url:'http://127.0.0.1',\n    source:'/x.qcow2',\n    dest:'/var/tmp/x.qcow2',\n    checkmd5:'false',\n",
        );
        write(
            "servicetemplates/image_x/actions.py",
            "from JumpScale import j\nActionsBase=j.atyourservice.getActionsBaseClass()\nclass Actions(ActionsBase):\n    \
             def configure(self, serviceObj):\n        from CloudscalerLibcloud.imageutil import registerImage\n        \
             registerImage(serviceObj, 'X', 'x.qcow2', 'Linux', 10)\n",
        );
        for (number, (name, pool)) in NODES.iter().enumerate() {
            let pool = if *pool == "shared" { "instance.pool = 'both'\n" } else { "" };
            let hrd = format!("service.category = 'node'\ninstance.ip = '127.0.0.{number}'\n{pool}");
            write(&format!("services/jumpscale__node.ssh__{name}/service.hrd"), &hrd);
        }
        let made =
            std::process::Command::new("git").args(["init", "-q"]).arg(directory.path()).status().unwrap();
        assert!(made.success());
        let layers = Layers { files: Vec::new(), variables: Vec::new(), flags: Vec::new() };
        let environment = Environment::find(directory.path(), &layers).unwrap();
        let template = environment.template("image_x").unwrap();
        let recipe = Recipe::read(&environment, template, &Request::without_answers("main".into())).unwrap();
        let nodes = environment.nodes().iter();
        let targets = nodes.map(|(_, node)| Target::Node(Box::new(node.clone().unwrap()))).collect();
        let stacks = Stacks::of(&environment);
        Self { _directory: directory, logs: tempfile::tempdir().unwrap(), stacks, recipe, targets }
    }
}

/// What an operation may take from stacks on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    Nothing,
    Offers,
}

#[derive(Debug, Clone)]
enum Operation {
    Install(Vec<usize>, Mode),
    Availability(Vec<StackId>),
    Undo(Option<u32>),
    Image(ImageMove),
    Stack(StackId, StackStatus),
    Prune(u32),
    Scrub(Bad),
}

impl Operation {
    fn random(random: &mut Random, stacks: &[StackId]) -> Self {
        match random.below(12) {
            0..=3 => {
                let mode = if random.one_of(2) { Mode::Again } else { Mode::IfNeeded };
                Self::Install(random.some(&[0, 1, 2, 3]), mode)
            }
            4..=5 => Self::Availability(random.some(stacks)),
            6 => Self::Undo(if random.one_of(2) { None } else { Some(1 + random.below(5) as u32) }),
            7 => {
                let moves = [ImageMove::Disable, ImageMove::Enable, ImageMove::Delete, ImageMove::Restore];
                Self::Image(moves[random.below(4) as usize])
            }
            8 => {
                let to = [StackStatus::Enabled, StackStatus::Maintenance, StackStatus::Disabled];
                let Some(stack) = random.some(stacks).first().copied() else {
                    return Self::Scrub(Bad::Marked);
                };
                Self::Stack(stack, to[random.below(3) as usize])
            }
            9 => Self::Prune(random.below(3) as u32),
            _ => Self::Scrub(if random.one_of(2) { Bad::Marked } else { Bad::Healed }),
        }
    }

    fn takes(&self) -> Takes {
        match self {
            Self::Install(..) | Self::Undo(_) | Self::Prune(_) => Takes::Nothing,
            Self::Availability(_) | Self::Image(_) | Self::Stack(..) | Self::Scrub(_) => Takes::Offers,
        }
    }
}

/// One controller.
struct Controller<'a> {
    repository: &'a Repository,
    catalogue: Catalogue,
    transport: Transport,
}

impl Controller<'_> {
    async fn run(&self, operation: &Operation) {
        let (_stopper, stop) = Stopper::new();
        let owner = self.catalogue.owner("test".to_owned()).await.unwrap();
        let by = ChangedBy { actor: "test".to_owned(), reason: None, at: Timestamp::now() };
        let targets = &self.repository.targets;
        let (catalogue, transport) = (&self.catalogue, &self.transport);
        let parallel = NonZeroUsize::new(4).unwrap();
        let publish =
            || Publish { nodes: targets, catalogue, owner: &owner, transport, parallel, tell: &|_| {} };
        let image = catalogue.images().await.unwrap().first().map(|image| image.id);
        // What an operation says is not of interest, only what it leaves.
        match (operation, image) {
            (Operation::Install(nodes, mode), _) => {
                self.install(nodes, *mode, parallel, &stop).await;
            }
            (Operation::Availability(wanted), Some(image)) => {
                let all = catalogue.stacks().await.unwrap().into_iter().map(|stack| stack.id);
                let remove = all.filter(|id| !wanted.contains(id)).collect();
                let change = Change::Wanted { image, add: wanted.clone(), remove };
                let _ = publish().change(change, &by, Direction::More, &stop).await;
                let bring = Bring { nodes: targets, catalogue, owner: &owner, transport, parallel };
                self.bring(&bring, image, &stop).await;
            }
            (Operation::Undo(to), Some(image)) => {
                let _ = publish().change(Change::Undo(image, *to), &by, Direction::More, &stop).await;
            }
            (Operation::Image(step), Some(image)) => {
                let direction = match step {
                    ImageMove::Enable | ImageMove::Restore => Direction::More,
                    _ => Direction::Less,
                };
                let _ = publish().change(Change::Image(image, *step), &by, direction, &stop).await;
            }
            (Operation::Stack(stack, to), _) => {
                let direction = if *to == StackStatus::Enabled { Direction::More } else { Direction::Less };
                let _ = publish().change(Change::Stack(*stack, *to), &by, direction, &stop).await;
            }
            (Operation::Prune(keep), _) => {
                let leaving = Leaving::Old { image: None, keep: *keep };
                let files = catalogue.removable(&leaving).await.unwrap();
                let removing = Removing { publish: publish(), by: &by };
                removing.remove(&leaving, &files, &stop, &|_| {}).await;
            }
            (Operation::Scrub(bad), _) => {
                let copies = catalogue.copies_to_scrub(None).await.unwrap().unwrap();
                let scrub = Scrub {
                    nodes: targets,
                    on: &[],
                    catalogue,
                    owner: &owner,
                    transport,
                    rate: None,
                    bad: *bad,
                    parallel,
                };
                scrub.run(copies, &stop, &|_| {}).await;
            }
            (_, None) => {}
        }
    }

    async fn install(&self, nodes: &[usize], mode: Mode, parallel: NonZeroUsize, stop: &Stop) {
        let Repository { targets, stacks, recipe, logs, .. } = self.repository;
        let owner = self.catalogue.owner("test".to_owned()).await.unwrap();
        let chosen: Vec<_> = nodes.iter().map(|at| targets[*at].clone()).collect();
        let rollout = Rollout {
            stacks,
            recipe,
            file: None,
            catalogue: &self.catalogue,
            owner: &owner,
            logs: logs.path(),
            transport: &self.transport,
            mode,
            starting: Starting::Starts,
            trees: &[],
            others: None,
            force: false,
            sharing: Sharing::Alone,
            parallel,
            by: "test",
        };
        let _ = rollout.run(&chosen, stop, &|_| {}).await;
    }

    /// Brings the current generation to the pools of all stacks where it is wanted.
    async fn bring(&self, bring: &Bring<'_>, image: ImageId, stop: &Stop) {
        let catalogue = &self.catalogue;
        let Some(detail) = catalogue.image(&image.0.to_string()).await.unwrap() else { return };
        let Some(current) = detail.generations.iter().find(|generation| generation.current) else { return };
        let good = |copy: &&ays_catalogue::Copy| copy.state == Recorded::Verified;
        let mut copies = catalogue.copies_to_scrub(None).await.unwrap().unwrap();
        copies.retain(|copy| {
            current.copies.iter().filter(good).any(|good| good.pool == copy.pool && good.file == copy.file)
        });
        let mut pools = Vec::new();
        for on in detail.stacks.iter().filter(|on| on.wanted) {
            let target = bring.nodes.iter().find(|target| *target.name() == on.stack.name).unwrap();
            let pool = target.pool_key();
            if copies.iter().all(|copy| copy.pool != pool) && !pools.contains(&pool) {
                pools.push(pool);
            }
        }
        let Some(giver) = copies.first().cloned() else { return };
        let generation = current.id;
        let copy =
            |pool, file, format, digest, size| NewCopy { generation, pool, file, format, digest, size };
        let coming = pools
            .iter()
            .map(|pool| copy(pool.clone(), giver.file.clone(), giver.format, giver.digest, giver.size));
        catalogue.set_arriving(&coming.collect::<Vec<_>>()).await.unwrap();
        let new =
            |arrived: Arrived| copy(arrived.pool, arrived.file, arrived.format, arrived.digest, arrived.size);
        let rehearse = |arrived: Arrived| -> Recording<'_, _> {
            Box::pin(async move { catalogue.rehearse_arrived(&new(arrived), &Timestamp::now()).await })
        };
        let record = |arrived: Arrived| -> Recording<'_, _> {
            Box::pin(async move { catalogue.set_arrived(&new(arrived), &Timestamp::now()).await })
        };
        let what = ToBring { content: current.content, copies, pools: pools.clone() };
        let _ = bring.run(&what, &Recorder { rehearse: &rehearse, record: &record }, stop, &|_| {}).await;
        catalogue.forget_arriving(generation, &pools).await.unwrap();
    }
}

/// What each stack is said to offer: the file, in its pool.
async fn offered(catalogue: &Catalogue, targets: &[Target]) -> BTreeMap<String, (String, Digest)> {
    let mut offered = BTreeMap::new();
    for target in targets {
        for offer in catalogue.offers(&target.pool_key()).await.unwrap() {
            if offer.stacks.contains(target.name()) {
                offered.insert(target.name().to_string(), (offer.file, offer.digest));
            }
        }
    }
    offered
}

/// Nodes where all is well yet, and two controllers with one catalogue.
async fn begin<'a>(
    environment: &str,
    place: &Place,
    repository: &'a Repository,
) -> (Arc<World>, Vec<Controller<'a>>) {
    let world = Arc::new(World {
        disks: Mutex::default(),
        source: Mutex::new(1),
        broken: Mutex::default(),
        left: Mutex::new(None),
        gone: Notify::new(),
    });
    let nodes = Arc::clone(&world);
    let scripted = Scripted::new(move |node, step| nodes.answer(node, step));
    let mut controllers = Vec::new();
    for _ in 0..2 {
        let catalogue = Catalogue::open(place, &environment.into()).await.unwrap();
        let transport = Transport::Scripted(scripted.clone());
        controllers.push(Controller { repository, catalogue, transport });
    }
    (world, controllers)
}

async fn schedule(seed: u64, place: &Place, repository: &Repository) {
    let mut random = Random(seed);
    let (world, controllers) = begin(&format!("seed-{seed}"), place, repository).await;
    controllers[0].run(&Operation::Install(vec![0, 1, 2, 3], Mode::IfNeeded)).await;
    let catalogue = controllers[0].catalogue.clone();
    let stacks: Vec<_> = catalogue.stacks().await.unwrap().into_iter().map(|stack| stack.id).collect();
    assert_eq!(stacks.len(), NODES.len());

    for _ in 0..OPERATIONS {
        let before = offered(&catalogue, &repository.targets).await;
        if random.one_of(3) {
            *world.source.lock().unwrap() += 1;
        }
        if random.one_of(5) {
            harm(&world, &mut random);
        }
        // What is found damaged and brought again may be killed before it is recorded.
        let harmed: BTreeSet<_> = {
            let disks = world.disks.lock().unwrap();
            disks
                .iter()
                .flat_map(|(pool, disk)| disk.harmed.iter().map(|file| (*pool, file.clone())))
                .collect()
        };
        let broken = if random.one_of(4) { random.some(&["n0", "n1", "n2", "n3"]) } else { Vec::new() };
        *world.broken.lock().unwrap() = broken.iter().map(|&node| node.to_owned()).collect();
        *world.left.lock().unwrap() = random.one_of(3).then(|| 1 + random.below(40) as u32);
        let first = Operation::random(&mut random, &stacks);
        let second = random.one_of(3).then(|| Operation::random(&mut random, &stacks));
        println!("{first:?} {second:?} broken {broken:?}");
        let work = async {
            let other = async {
                if let Some(second) = &second {
                    controllers[1].run(second).await;
                }
            };
            tokio::join!(controllers[0].run(&first), other);
        };
        tokio::select! {
            () = work => {}
            // As a killed controller: nothing of it goes on.
            () = world.gone.notified() => {}
        }
        *world.left.lock().unwrap() = None;
        for controller in &controllers {
            // A write that was sent when its caller was killed is done all the same: this one waits for it.
            controller.catalogue.give_back("none").await.unwrap();
        }
        let after = offered(&catalogue, &repository.targets).await;
        let takes =
            [Some(&first), second.as_ref()].into_iter().flatten().any(|op| op.takes() == Takes::Offers);
        check(&world, &before, &after, takes, &harmed);
    }
}

/// A file is damaged or lost, and nobody is told.
fn harm(world: &World, random: &mut Random) {
    let mut disks = world.disks.lock().unwrap();
    let files: Vec<_> =
        disks.iter().flat_map(|(pool, disk)| disk.files.keys().map(|file| (*pool, file.clone()))).collect();
    if files.is_empty() {
        return;
    }
    let (pool, file) = files[random.below(files.len() as u64) as usize].clone();
    let disk = disks.get_mut(pool).unwrap();
    if random.one_of(3) {
        disk.files.remove(&file);
    }
    disk.harmed.insert(file);
}

fn check(
    world: &World,
    before: &BTreeMap<String, (String, Digest)>,
    after: &BTreeMap<String, (String, Digest)>,
    takes: bool,
    harmed: &BTreeSet<(&str, String)>,
) {
    let disks = world.disks.lock().unwrap();
    let disk = |stack: &str| {
        let (_, pool) = NODES.iter().find(|(name, _)| *name == stack).unwrap();
        &disks[pool]
    };
    for (stack, (file, said)) in after {
        if !disk(stack).harmed.contains(file) {
            let is = disk(stack).files.get(file).map(|number| digest(*number));
            assert_eq!(is, Some(*said), "{stack} is said to offer {file}");
        }
    }
    for (stack, (file, _)) in before {
        let (_, pool) = NODES.iter().find(|(name, _)| *name == stack).unwrap();
        let may_go = takes || harmed.contains(&(*pool, file.clone()));
        assert!(may_go || after.contains_key(stack), "{stack} has lost what it offered: {file}");
    }
}

/// n0 and n1 share a pool. The first keeps the pool until it is done with both, the second is at n1 meanwhile.
#[tokio::test]
async fn two_rollouts_over_a_shared_pool_do_not_wait_for_each_other_for_ever() {
    let (repository, directory) = (Repository::new(), tempfile::tempdir().unwrap());
    let place = Place::File(directory.path().join("catalogue.db"));
    let (_world, controllers) = begin("g8", &place, &repository).await;
    let (_stopper, stop) = Stopper::new();
    let one = NonZeroUsize::new(1).unwrap();
    let both = async {
        tokio::join!(
            controllers[0].install(&[0, 1], Mode::Again, one, &stop),
            controllers[1].install(&[1, 0], Mode::Again, one, &stop),
        )
    };
    tokio::time::timeout(Duration::from_secs(60), both).await.unwrap();
}

async fn search(place: impl Fn(u64) -> (Place, Option<TempDir>), most: u64) {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let (seed, schedules) = (number("AYS_SEED", 1), number("AYS_SCHEDULES", most));
    let repository = Repository::new();
    for seed in seed..seed + schedules {
        println!("seed {seed}");
        let (place, _directory) = place(seed);
        schedule(seed, &place, &repository).await;
    }
}

#[tokio::test]
async fn whatever_fails_when_offers_verify_and_none_is_lost() {
    let file = |_| {
        let directory = tempfile::tempdir().unwrap();
        (Place::File(directory.path().join("catalogue.db")), Some(directory))
    };
    search(file, 20).await;
}

#[tokio::test]
async fn the_same_on_postgresql() {
    let server = postgres::Postgres::start();
    let place = Place::Postgres(server.address().parse().unwrap());
    search(|_| (place.clone(), None), 10).await;
}
