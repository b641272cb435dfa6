//! Pokes: "something changed, look again". They carry no data; losing one is harmless.

use std::collections::BTreeSet;

use tokio::sync::broadcast;
use uuid::Uuid;

use super::EntityKind;
use crate::{id::OrganizationId, write::Touch};

/// So many feeds are named at most.
const FEEDS: usize = 100;

/// Tells one organization's open streams what kinds of things changed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Poke {
    /// Whose streams.
    pub organization: OrganizationId,
    /// Names of what changed, for a board that redraws only a part. Empty: anything may have changed.
    pub entities: BTreeSet<String>,
    /// Feeds of phones that have something new.
    #[serde(default)]
    pub feeds: BTreeSet<Uuid>,
}

impl Poke {
    /// A poke that says only that something changed.
    pub fn new(organization: OrganizationId) -> Self {
        Self { organization, entities: BTreeSet::new(), feeds: BTreeSet::new() }
    }

    /// Whether it cannot say what changed: anything may have.
    pub fn is_vague(&self) -> bool {
        self.entities.is_empty()
    }

    /// Takes in what another poke of the same organization says.
    pub fn join(&mut self, other: Self) {
        self.feeds.extend(other.feeds);
        self.entities.extend(other.entities);
        if self.feeds.len() > FEEDS {
            // More than is worth naming: everybody looks.
            self.feeds.clear();
            self.entities.clear();
        }
    }

    pub(crate) fn add(&mut self, touch: &Touch) {
        match touch {
            Touch::Document(kind, _) | Touch::New(kind, _) => self.add_kind(*kind),
            Touch::Topic(name) => {
                self.entities.insert((*name).to_owned());
            }
            _ => {}
        }
    }

    fn add_kind(&mut self, kind: EntityKind) {
        self.entities.insert(kind.name().to_owned());
    }
}

/// Carries pokes from the write path to the open streams of this process, and to whoever passes them to other nodes.
#[derive(Clone, Debug)]
pub struct PokeHub {
    /// Pokes of this process's own writes: what is to be told to other nodes.
    own: broadcast::Sender<Poke>,
    /// All pokes: own, and those told by other nodes.
    all: broadcast::Sender<Poke>,
}

impl Default for PokeHub {
    fn default() -> Self {
        Self { own: broadcast::Sender::new(256), all: broadcast::Sender::new(1024) }
    }
}

impl PokeHub {
    /// Tells this process and the other nodes. Nobody listens: nothing happens.
    pub(crate) fn send(&self, pokes: Vec<Poke>) {
        for poke in pokes {
            let _ = self.own.send(poke.clone());
            let _ = self.all.send(poke);
        }
    }

    /// Tells this process what another node has said.
    pub fn relay(&self, poke: Poke) {
        let _ = self.all.send(poke);
    }

    /// Listens to all pokes. A listener that lags is told so, and looks at everything again.
    pub fn subscribe(&self) -> broadcast::Receiver<Poke> {
        self.all.subscribe()
    }

    /// Listens to the pokes of this process's own writes.
    pub fn subscribe_own(&self) -> broadcast::Receiver<Poke> {
        self.own.subscribe()
    }
}
