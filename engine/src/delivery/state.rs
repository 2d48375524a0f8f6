//! Who takes a file from whom: decisions alone, without a clock or a connection of their own.
//!
//! Nodes make a chain: each takes from one and gives to one, so that every link carries the file once in each direction.
//! A chain that has become long is not made longer: another one begins beside it. Whoever gets much less than others
//! have tries another supplier; whoever is slow from all of them is left to be slow, at the end of a chain.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ays_model::Sha256;
use ays_protocol::{Failure, MOST_HASHES, News, Opened, PIECE, Pieces, Said, Supplier, Whole};
use tokio::time::Instant;

/// How many nodes stand behind each other before another chain is begun: each adds the time of one piece.
const LONGEST_CHAIN: usize = 16;

/// How far a node may be behind those that have most before its supplier is looked at.
const FAR_BEHIND: u64 = 8 * PIECE;

/// How long a supplier has before it is judged; it doubles with every change.
const PATIENCE: Duration = Duration::from_secs(1);

/// A node that was as slow from so many suppliers is slow itself.
const MOST_CHANGES: u32 = 3;

/// How many nodes try the source before all are told that it cannot be read.
const MOST_LEADERS: u32 = 3;

/// All nodes that bring one file together.
#[derive(Debug, Default)]
pub(super) struct Swarm {
    /// Nodes that may still need bytes.
    pub expected: usize,
    /// The nodes that have the file and may lead; none: each may, for all can read its source.
    givers: Option<BTreeSet<usize>>,
    /// Why there will be no more givers: nothing comes when none of the others has all.
    no_more: Option<Failure>,
    members: Vec<Member>,
    leader: Option<usize>,
    failed_leaders: u32,
    opened: Option<Opened>,
    pieces: Vec<Sha256>,
    whole: Option<Whole>,
    /// All are told that there will be no such file.
    pub failed: Option<Failure>,
}

#[derive(Debug)]
struct Member {
    address: IpAddr,
    /// Where its helper listens; none before it says so.
    port: Option<u16>,
    life: Life,
    /// Bytes that it has, in order.
    have: u64,
    from: Option<From>,
    /// Raised with every new choice, also when the same is chosen again.
    choice: u64,
    chosen: Option<Instant>,
    /// What it and the foremost had when its supplier was chosen.
    had: u64,
    front_had: u64,
    changes: u32,
    /// Slow from every supplier: nobody takes from it who can take from another.
    slow: bool,
    /// Nobody connects to it directly, nor does it to others.
    only_relayed: bool,
    /// Those that it could not connect to.
    unreachable: BTreeSet<usize>,
    /// The one that it lost last.
    lost: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Taking,
    Has,
    Gone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Source,
    Peer { number: usize, relayed: bool },
}

/// What one helper has been told.
#[derive(Debug, Default)]
pub(super) struct Told {
    epoch: Option<u32>,
    pieces: usize,
    whole: bool,
    choice: u64,
    failed: bool,
}

/// Whether a supplier has next to nothing that its taker has not.
fn is_starving(member: &Member, supplier: &Member) -> bool {
    supplier.have < member.have + 2 * PIECE
}

impl Swarm {
    /// Of a file without a source: only nodes that have it already may lead.
    pub fn given() -> Self {
        Self { givers: Some(BTreeSet::new()), ..Self::default() }
    }

    /// One more node, which has the file already; its number.
    pub fn join_giver(&mut self, address: IpAddr) -> usize {
        let number = self.join(address);
        if let Some(givers) = &mut self.givers {
            givers.insert(number);
        }
        number
    }

    /// It is the operator's machine: what it gives and takes goes through the controller only.
    pub fn relay_only(&mut self, number: usize) -> usize {
        self.members[number].only_relayed = true;
        number
    }

    /// Whether any node has joined.
    pub fn has_members(&self) -> bool {
        !self.members.is_empty()
    }

    /// There will be no more givers, for this reason: all are told so, unless one of them has the whole file.
    pub fn no_more_givers(&mut self, failure: Failure) {
        self.no_more = Some(failure);
        self.end_without_root();
    }

    fn end_without_root(&mut self) {
        if self.no_more.is_some() && self.failed.is_none() && !self.has_root() {
            self.failed.clone_from(&self.no_more);
        }
    }

    /// One more node; its number.
    pub fn join(&mut self, address: IpAddr) -> usize {
        self.members.push(Member {
            address,
            port: None,
            life: Life::Taking,
            have: 0,
            from: None,
            choice: 0,
            chosen: None,
            had: 0,
            front_had: 0,
            changes: 0,
            slow: false,
            only_relayed: false,
            unreachable: BTreeSet::new(),
            lost: None,
        });
        self.members.len() - 1
    }

    /// How far it says that it has come.
    pub fn has_come_to(&mut self, number: usize, have: u64) {
        self.members[number].have = have;
    }

    /// It has the whole file.
    pub fn has(&mut self, number: usize, size: u64) {
        self.members[number].have = size;
        self.members[number].life = Life::Has;
    }

    /// It ended, or its connection did; with the failure of its fetch where it has one.
    pub fn gone(&mut self, number: usize, failure: Option<&Failure>, now: Instant) {
        self.members[number].life = Life::Gone;
        if self.leader == Some(number) {
            self.leader = None;
            match failure.filter(|_| self.givers.is_none()) {
                // What the source says to one it says to all.
                Some(
                    failure @ (Failure::Refused { .. }
                    | Failure::NoChecksum { .. }
                    | Failure::Checksum { .. }),
                ) => self.failed = Some(failure.clone()),
                Some(failure @ Failure::Unreachable { .. }) => {
                    self.failed_leaders += 1;
                    if self.failed_leaders >= MOST_LEADERS {
                        self.failed = Some(failure.clone());
                    }
                }
                _ => {}
            }
        }
        for other in 0..self.members.len() {
            let takes_from_it =
                matches!(self.members[other].from, Some(From::Peer { number: from, .. }) if from == number);
            if takes_from_it && self.members[other].life == Life::Taking {
                self.choose(other, now);
            }
        }
        self.end_without_root();
    }

    /// What its helper says.
    pub fn said(&mut self, number: usize, said: Said, now: Instant) {
        match said {
            Said::Listening { port } => {
                self.members[number].port = Some(port);
                self.choose(number, now);
            }
            Said::Opened(opened) if self.leader == Some(number) => {
                if self.opened.as_ref().is_none_or(|known| known.epoch < opened.epoch) {
                    self.pieces.clear();
                    self.whole = None;
                    for (other, member) in self.members.iter_mut().enumerate() {
                        if other != number && member.life == Life::Taking {
                            member.have = 0;
                        }
                    }
                }
                self.opened = Some(opened);
            }
            Said::Pieces(pieces) if self.leader == Some(number) => self.add(pieces),
            Said::Whole(whole) if self.leader == Some(number) => self.whole = Some(whole),
            Said::Lost { unreachable, .. } => {
                if let Some(From::Peer { number: from, relayed }) = self.members[number].from {
                    self.members[number].lost = Some(from);
                    if unreachable && !relayed {
                        self.members[number].unreachable.insert(from);
                    }
                }
                self.choose(number, now);
            }
            // Only the leader knows the file; an inbox is its member's own affair.
            Said::Opened(_) | Said::Pieces(_) | Said::Whole(_) | Said::Inbox { .. } => {}
        }
    }

    fn add(&mut self, pieces: Pieces) {
        if self.opened.as_ref().is_none_or(|opened| opened.epoch != pieces.epoch) {
            return;
        }
        // A new leader begins where its own pieces end, which others may be beyond.
        let Ok(first) = usize::try_from(pieces.first) else { return };
        if let Some(known) = self.pieces.get(first..) {
            let new = pieces.sha256.into_iter().skip(known.len());
            self.pieces.extend(new);
        }
    }

    /// What this node's helper has not been told yet.
    pub fn news(&self, number: usize, told: &mut Told) -> Vec<News> {
        let member = &self.members[number];
        let mut news = Vec::new();
        if member.port.is_none() || told.failed {
            return news;
        }
        if let Some(failure) = &self.failed {
            told.failed = true;
            return vec![News::Failed(failure.clone())];
        }
        if self.leader != Some(number)
            && let Some(opened) = &self.opened
        {
            if told.epoch != Some(opened.epoch) {
                *told = Told { epoch: Some(opened.epoch), choice: told.choice, ..Told::default() };
                news.push(News::Opened(opened.clone()));
            }
            while told.pieces < self.pieces.len() {
                let end = self.pieces.len().min(told.pieces + MOST_HASHES);
                let (epoch, first) = (opened.epoch, told.pieces as u64);
                let sha256 = self.pieces[told.pieces..end].to_vec();
                news.push(News::Pieces(Pieces { epoch, first, sha256 }));
                told.pieces = end;
            }
            if let Some(whole) = self.whole.as_ref().filter(|_| !told.whole) {
                told.whole = true;
                news.push(News::Whole(whole.clone()));
            }
        }
        if told.choice != member.choice
            && let Some(from) = member.from
        {
            told.choice = member.choice;
            news.push(News::From(match from {
                From::Source => Supplier::Source,
                From::Peer { relayed: true, .. } => Supplier::Inbox,
                From::Peer { number, relayed: false } => match self.listener(number) {
                    Some(listener) => Supplier::Peer(listener),
                    None => Supplier::Inbox,
                },
            }));
        }
        news
    }

    /// The number of the node that it takes from, and where that one listens.
    pub fn supplier_of(&self, number: usize) -> Option<(usize, SocketAddr)> {
        match self.members[number].from {
            Some(From::Peer { number, .. }) => self.listener(number).map(|listener| (number, listener)),
            _ => None,
        }
    }

    fn listener(&self, number: usize) -> Option<SocketAddr> {
        let member = &self.members[number];
        member.port.map(|port| SocketAddr::new(member.address, port))
    }

    /// Whether it should take from another one.
    pub fn needs_another(&self, number: usize, now: Instant) -> bool {
        let member = &self.members[number];
        if member.life != Life::Taking || member.port.is_none() || self.leader == Some(number) {
            return false;
        }
        let Some(From::Peer { number: from, .. }) = member.from else { return true };
        let supplier = &self.members[from];
        if supplier.life == Life::Gone || !self.is_supplied(from) {
            return true;
        }
        let front = self.front();
        let waited = member.chosen.map_or(Duration::ZERO, |chosen| now.saturating_duration_since(chosen));
        let behind = front.saturating_sub(member.have);
        if member.slow || behind < FAR_BEHIND || waited < PATIENCE * (1 << member.changes.min(4)) {
            return false;
        }
        // Half of what the foremost got in the same time is no reason to change.
        let (own, fronts) = (member.have.saturating_sub(member.had), front.saturating_sub(member.front_had));
        is_starving(member, supplier) || own < fronts / 2
    }

    /// The most that any node has.
    fn front(&self) -> u64 {
        let alive = self.members.iter().filter(|member| member.life != Life::Gone);
        alive.map(|member| member.have).max().unwrap_or(0)
    }

    /// Chooses whom it takes from; the source, when nobody reads that and nobody has the whole.
    pub fn choose(&mut self, number: usize, now: Instant) {
        if self.members[number].life != Life::Taking || self.members[number].port.is_none() {
            return;
        }
        let from = if self.has_root() { self.best_for(number) } else { self.lead(number) };
        let front = self.front();
        let was_served = match self.members[number].from {
            Some(From::Peer { number: supplier, .. }) => {
                let supplier = &self.members[supplier];
                supplier.life != Life::Gone && !is_starving(&self.members[number], supplier)
            }
            _ => false,
        };
        let member = &mut self.members[number];
        let Some(from) = from else {
            member.from = None;
            return;
        };
        // A supplier that died, or has nothing itself, says nothing of this node.
        if was_served && member.lost.is_none() {
            member.changes += 1;
            member.slow = member.changes >= MOST_CHANGES;
        }
        // The same again, because there is no better one, is no news.
        if member.lost.take().is_some() || member.from != Some(from) {
            member.from = Some(from);
            member.choice += 1;
        }
        member.chosen = Some(now);
        member.had = member.have;
        member.front_had = front;
    }

    /// Whether anybody brings new bytes, or gives all of them: one that had the file before it was asked never listened.
    fn has_root(&self) -> bool {
        let gives_all = |member: &Member| member.life == Life::Has && member.port.is_some();
        self.leader.is_some() || self.members.iter().any(gives_all)
    }

    /// The foremost node becomes the leader; none for the others.
    fn lead(&mut self, number: usize) -> Option<From> {
        let may_lead = |number: &usize| self.givers.as_ref().is_none_or(|givers| givers.contains(number));
        if !may_lead(&number) {
            return None;
        }
        let most = |other: &Member| (!other.slow, other.have);
        let own = most(&self.members[number]);
        let better = |other: &Member| other.life == Life::Taking && other.port.is_some() && most(other) > own;
        let mut others = self.members.iter().enumerate().filter(|(other, _)| may_lead(other));
        if others.any(|(_, other)| better(other)) {
            // It finds out by itself, at its next look.
            return None;
        }
        self.leader = Some(number);
        Some(From::Source)
    }

    fn best_for(&self, number: usize) -> Option<From> {
        let member = &self.members[number];
        let directly = member.unreachable.len() < 2;
        let is_behind = self.front().saturating_sub(member.have) >= FAR_BEHIND;
        let candidate = |other: usize| {
            let giver = &self.members[other];
            other != number
                && giver.life != Life::Gone
                && giver.port.is_some()
                && giver.have >= member.have
                && self.is_supplied(other)
                && !self.takes_from(other, number)
        };
        let cost = |other: usize| {
            let giver = &self.members[other];
            let takers = self.takers(other, number);
            (
                // Each of these only when there is no other: the one that was just lost, ..
                member.lost == Some(other),
                directly && member.unreachable.contains(&other),
                giver.slow,
                // .. for one that has to catch up, those that have no more than itself, ..
                is_behind && is_starving(member, giver),
                // .. the one that it has and was not content with.
                matches!(member.from, Some(From::Peer { number, .. }) if number == other),
                takers + self.depth(other) / LONGEST_CHAIN,
                std::cmp::Reverse(giver.have),
                other,
            )
        };
        let best =
            (0..self.members.len()).filter(|other| candidate(*other)).min_by_key(|other| cost(*other))?;
        let is_away = member.only_relayed || self.members[best].only_relayed;
        let relayed = !directly || is_away || member.unreachable.contains(&best);
        Some(From::Peer { number: best, relayed })
    }

    /// How many others take from it.
    fn takers(&self, number: usize, without: usize) -> usize {
        let takes = |(other, member): &(usize, &Member)| {
            *other != without
                && member.life == Life::Taking
                && matches!(member.from, Some(From::Peer { number: from, .. }) if from == number)
        };
        self.members.iter().enumerate().filter(takes).count()
    }

    /// Those that it takes from, the nearest first.
    fn suppliers(&self, number: usize) -> impl Iterator<Item = usize> {
        let next = |number: &usize| match self.members[*number].from {
            Some(From::Peer { number: from, .. }) if self.members[*number].life == Life::Taking => Some(from),
            _ => None,
        };
        std::iter::successors(next(&number), next).take(self.members.len())
    }

    fn depth(&self, number: usize) -> usize {
        self.suppliers(number).count()
    }

    fn takes_from(&self, number: usize, supplier: usize) -> bool {
        self.suppliers(number).any(|from| from == supplier)
    }

    /// Whether new bytes reach it: its suppliers lead to the leader, or to one that has all.
    fn is_supplied(&self, number: usize) -> bool {
        let last = self.suppliers(number).last().unwrap_or(number);
        match self.members[last].life {
            Life::Has => true,
            Life::Gone => false,
            Life::Taking => self.leader == Some(last),
        }
    }
}
