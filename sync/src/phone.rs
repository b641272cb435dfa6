//! The model of a phone: what it holds after folding the changes it has pulled.

use std::collections::BTreeMap;

use naryad_domain::feed::{EntityKind, digest_of};
use uuid::Uuid;

use crate::{Change, Op};

/// What a phone holds of one feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Phone {
    cursor: i64,
    live: BTreeMap<(EntityKind, Uuid), i64>,
}

impl Phone {
    /// Up to where it has pulled.
    pub fn cursor(&self) -> i64 {
        self.cursor
    }

    /// What it holds, with the version of each document.
    pub fn live(&self) -> &BTreeMap<(EntityKind, Uuid), i64> {
        &self.live
    }

    /// Folds changes in. A change the phone has seen already changes nothing.
    pub fn fold(&mut self, changes: &[Change]) {
        for change in changes.iter().filter(|change| change.seq > self.cursor) {
            match &change.op {
                Op::Put { doc_version } => {
                    self.live.insert((change.entity, change.id), *doc_version);
                }
                Op::Remove { .. } => {
                    self.live.remove(&(change.entity, change.id));
                }
            }
        }
        self.cursor = changes.iter().map(|change| change.seq).fold(self.cursor, i64::max);
    }

    /// The digest of what it holds: equal to the feed's when the phone stands at the head.
    pub fn digest(&self) -> i64 {
        self.live.iter().fold(0, |sum: i64, ((kind, id), doc_version)| {
            sum.wrapping_add(digest_of(*kind, *id, *doc_version))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(seq: i64, id: Uuid, doc_version: i64) -> Change {
        Change { seq, entity: EntityKind::Ticket, id, op: Op::Put { doc_version } }
    }

    #[test]
    fn a_change_seen_twice_changes_nothing() {
        let ticket = Uuid::from_u128(1);
        let changes = [
            put(1, ticket, 1),
            Change {
                seq: 2,
                entity: EntityKind::Ticket,
                id: ticket,
                op: Op::Remove { reason: "unassigned".to_owned(), doc_version: 1 },
            },
        ];
        let mut phone = Phone::default();
        phone.fold(&changes);
        let once = phone.clone();
        phone.fold(&changes);
        assert_eq!(phone, once);
        assert!(phone.live().is_empty());
        assert_eq!((phone.cursor(), phone.digest()), (2, 0));
    }

    #[test]
    fn the_digest_tells_versions_apart() {
        let ticket = Uuid::from_u128(1);
        let (mut one, mut two) = (Phone::default(), Phone::default());
        one.fold(&[put(1, ticket, 1)]);
        two.fold(&[put(1, ticket, 2)]);
        assert_ne!(one.digest(), two.digest());
    }
}
