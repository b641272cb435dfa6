//! What stands around an act: its number, its identifier, what it is about and when it was recorded.

use chrono::{DateTime, Utc};
use naryad_domain::{
    Error, Result,
    id::{MutationId, TicketId},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use super::MOST;

/// An act as a phone recorded it.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct PushedMutation {
    /// Its number in the stream, from 1.
    #[schema(minimum = 1)]
    pub seq: i64,
    /// Its identifier (UUIDv7), made by the phone: the same act, whatever the stream it comes by.
    pub id: MutationId,
    /// What kind of act: `visit.start`, `photo.add`...
    #[serde(rename = "type")]
    pub kind: String,
    /// The schema of its arguments.
    #[schema(minimum = 1, example = 1)]
    pub schema: i64,
    /// The ticket it is about.
    #[serde(default)]
    pub ticket_id: Option<TicketId>,
    /// `doc_version` of the ticket that the phone held.
    #[serde(default)]
    pub base_version: Option<i64>,
    /// When it took place, by the clock of the device.
    pub occurred_at: DateTime<Utc>,
    /// The start of the device in which it was recorded; absent: that of the push.
    #[serde(default)]
    pub boot_id: Option<Uuid>,
    /// Milliseconds since that start.
    #[serde(default)]
    pub mono_ms: Option<i64>,
    /// The arguments, as the documentation of the protocol lists them.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub args: Value,
}

/// An act with the hash of what it says, or why it cannot be read.
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    pub(crate) seq: i64,
    pub(crate) payload: String,
    pub(crate) sha256: Vec<u8>,
    pub(crate) read: std::result::Result<PushedMutation, String>,
}

/// What the transport adds, and a resend may change.
const TRANSPORT: [&str; 3] = ["seq", "boot_id", "mono_ms"];

/// Reads the acts of a push. What cannot be read of one is its own matter, as long as it has a number.
///
/// # Errors
/// `invalid_field` for more than 100, for an act without a number, for numbers that do not follow each other.
pub(super) fn read(mutations: Vec<Value>) -> Result<Vec<Envelope>> {
    if mutations.len() > MOST {
        return Err(Error::field("mutations", format!("at most {MOST} at once")));
    }
    let mut items: Vec<Envelope> = Vec::with_capacity(mutations.len());
    for (at, value) in mutations.into_iter().enumerate() {
        let field = || format!("mutations[{at}].seq");
        let seq = value.get("seq").and_then(Value::as_i64).filter(|seq| *seq >= 1);
        let seq = seq.ok_or_else(|| Error::field(field(), "must be a whole number from 1"))?;
        if items.last().is_some_and(|before| before.seq.checked_add(1) != Some(seq)) {
            return Err(Error::field(field(), "must follow the one before it"));
        }
        items.push(Envelope {
            seq,
            sha256: hash(&value)?,
            payload: value.to_string(),
            read: understand(value),
        });
    }
    Ok(items)
}

fn understand(value: Value) -> std::result::Result<PushedMutation, String> {
    let read: PushedMutation = serde_json::from_value(value).map_err(|cause| cause.to_string())?;
    if read.id.0.get_version_num() != 7 {
        return Err("id: must be a UUID of version 7".to_owned());
    }
    if read.kind.is_empty() || read.kind.len() > 60 {
        return Err("type: must have from 1 to 60 characters".to_owned());
    }
    if read.schema < 1 {
        return Err("schema: must be a whole number from 1".to_owned());
    }
    Ok(read)
}

/// SHA-256 of the canonical form of what it says: the same act in another stream, or after a resend, has the same.
fn hash(value: &Value) -> Result<Vec<u8>> {
    let said: Map<String, Value> = match value.as_object() {
        Some(object) => object
            .iter()
            .filter(|(key, _)| !TRANSPORT.contains(&key.as_str()))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect(),
        None => Map::new(),
    };
    let canonical = serde_json_canonicalizer::to_vec(&said).map_err(Error::internal)?;
    Ok(Sha256::digest(canonical).to_vec())
}

#[cfg(test)]
mod tests {
    use naryad_domain::Code;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn one(seq: i64) -> Value {
        json!({
            "seq": seq, "id": "01890a5d-ac96-774b-bcce-b302099a8057", "type": "visit.start", "schema": 1,
            "occurred_at": "2026-03-02T09:00:00Z", "args": { "visit_id": "01890a5d-ac96-774b-bcce-b302099a8057" },
        })
    }

    #[test]
    fn numbers_follow_each_other_and_bad_ones_are_named() {
        assert_eq!(read(vec![one(4), one(5)]).unwrap().len(), 2);
        for (wrong, at) in [
            (vec![one(4), one(6)], "mutations[1].seq"),
            (vec![one(4), one(4)], "mutations[1].seq"),
            (vec![one(0)], "mutations[0].seq"),
            (vec![json!({ "seq": "1" })], "mutations[0].seq"),
            (vec![json!(7)], "mutations[0].seq"),
            (vec![one(i64::MAX), one(i64::MAX)], "mutations[1].seq"),
        ] {
            let refused = read(wrong).unwrap_err();
            assert_eq!((refused.code(), refused.fields()[0].field.as_str()), (Code::InvalidField, at));
        }
        assert_eq!(read((1..=101).map(one).collect()).unwrap_err().code(), Code::InvalidField);
    }

    #[test]
    fn what_cannot_be_read_is_the_matter_of_that_act_alone() {
        let mut wrong = one(2);
        wrong["occurred_at"] = json!("yesterday");
        let read = read(vec![one(1), wrong, one(3)]).unwrap();
        assert!(read[0].read.is_ok() && read[1].read.is_err() && read[2].read.is_ok());
    }

    proptest! {
        #[test]
        fn the_hash_knows_what_is_said_and_not_how_it_travels(seq in 1..1000_i64, mono in any::<i64>(), other in "[a-z]{1,8}") {
            let (mut sent, mut again) = (one(1), one(seq));
            again["mono_ms"] = json!(mono);
            again["boot_id"] = json!("01890a5d-ac96-774b-bcce-b302099a8058");
            prop_assert_eq!(hash(&sent).unwrap(), hash(&again).unwrap());
            sent["args"]["reason"] = json!(other);
            prop_assert_ne!(hash(&sent).unwrap(), hash(&again).unwrap());
        }
    }
}
