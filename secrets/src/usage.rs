//! What is to be done with secrets, and the operator's word about it.

use std::fmt;
use std::sync::Arc;

use crate::name::SecretName;
use crate::receiver::Receiver;

/// What the environment's repository lets secrets go through: a proxy, the certificates of an authority that it has nodes
/// trust, a node that fetches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Carrier {
    /// What it is.
    pub kind: CarrierKind,
    /// What it is allowed by: another proxy, or another certificate, is another carrier.
    pub id: String,
    /// Where the repository names it.
    pub origin: String,
}

/// What a carrier is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum CarrierKind {
    /// A proxy.
    Proxy,
    /// An authority's certificate.
    Authority,
    /// A node at an address. The operator names the nodes of an install, so the first address of a name needs no further
    /// word; another one does.
    Node {
        /// Its name.
        name: String,
    },
}

impl Carrier {
    /// A proxy.
    pub fn proxy(receiver: &Receiver, origin: String) -> Self {
        Self { kind: CarrierKind::Proxy, id: receiver.to_string(), origin }
    }

    /// An authority, by the SHA-256 of its certificates.
    pub fn authority(sha256: &str, origin: String) -> Self {
        Self { kind: CarrierKind::Authority, id: format!("ca:{sha256}"), origin }
    }

    /// A node.
    pub fn node(name: &str, address: &str, origin: String) -> Self {
        let id = format!("{}{address}", node_prefix(name));
        Self { kind: CarrierKind::Node { name: name.to_owned() }, id, origin }
    }

    /// Whether what was allowed before leaves it without a question.
    pub(crate) fn is_first_of_its_name<'a>(&self, mut allowed: impl Iterator<Item = &'a String>) -> bool {
        match &self.kind {
            CarrierKind::Node { name } => !allowed.any(|id| id.starts_with(&node_prefix(name))),
            CarrierKind::Proxy | CarrierKind::Authority => false,
        }
    }
}

fn node_prefix(name: &str) -> String {
    format!("node:{name}@")
}

/// An address that secrets are sent to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// Which.
    pub secrets: Vec<SecretName>,
    /// Whom to.
    pub receiver: Receiver,
    /// The address without login and query.
    pub address: String,
    /// Through what.
    pub carriers: Vec<Carrier>,
    /// Who says so: a recipe's name.
    pub by: String,
}

/// What only an operator can say.
#[derive(Debug)]
pub enum Question<'a> {
    /// May the secrets go there?
    Receiver {
        /// The use.
        asked: &'a Use,
        /// Those of its secrets that may not yet.
        secrets: &'a [SecretName],
        /// Where the first of them may go.
        allowed: &'a [Receiver],
    },
    /// May secrets go through it?
    Carrier {
        /// The use.
        asked: &'a Use,
        /// The carrier.
        carrier: &'a Carrier,
    },
    /// Is this the same repository as before?
    Form {
        /// The environment's name.
        name: &'a str,
        /// How it was written.
        before: &'a str,
        /// How it is written here.
        now: &'a str,
    },
}

/// What an operator says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Yes, from now on.
    Yes,
    /// No.
    No,
    /// They stopped everything.
    Interrupted,
}

/// Asks an operator.
pub type AskOperator = Arc<dyn Fn(&Question<'_>) -> Word + Send + Sync>;

/// Tells whether something is served by https at this address as well.
pub type LookForHttps = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Who is asked, where there is somebody, and how it is found out whether clear text can be avoided.
#[derive(Clone, Default)]
pub struct Operator {
    /// None: nobody is there.
    pub ask: Option<AskOperator>,
    /// None: it is not found out.
    pub look_for_https: Option<LookForHttps>,
}

impl Operator {
    /// The operator's word; no where there is nobody.
    pub(crate) fn say(&self, question: &Question<'_>) -> Word {
        self.ask.as_ref().map_or(Word::No, |ask| ask(question))
    }
}

impl fmt::Debug for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operator").field("is_there", &self.ask.is_some()).finish()
    }
}
