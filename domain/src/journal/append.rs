//! Turns what a write collected into events, one for each touched subject.

use std::collections::BTreeSet;

use rand::Rng;
use sea_orm::{FromQueryResult, Value};
use serde_json::{Map, json};

use super::{GENESIS, Subject, canonical, commitment, event_hash};
use crate::{
    Error, Result,
    db::{Fault, fault},
    id::OrganizationId,
    scope::Actor,
    write::{Change, Part, Tx},
};

#[derive(FromQueryResult)]
struct Head {
    seq: i64,
    hash: Vec<u8>,
}

struct Secret {
    path: String,
    salt: [u8; 32],
    value: serde_json::Value,
}

/// Appends one event to the chain of every subject the write has changed; an act inside the write has events of its own.
pub(crate) async fn append(tx: &mut Tx) -> Result<()> {
    let changes = std::mem::take(&mut tx.log.changes);
    // In a fixed order, whatever the order of the changes.
    let subjects: BTreeSet<(usize, OrganizationId, Subject)> =
        changes.iter().map(|change| (change.part, change.organization, change.subject)).collect();
    for (number, organization, subject) in subjects {
        let own: Vec<&Change> =
            changes.iter().filter(|change| change.part == number && change.subject == subject).collect();
        let (seq, prev) = next_link(tx, subject, &own).await?;
        let part =
            tx.parts().get(number).copied().ok_or_else(|| Error::internal("a change without a part"))?;
        let (body, secrets) = body(&part, subject, seq, &own)?;
        let bytes = canonical(&body)?;
        let hash = event_hash(organization, subject, seq, &prev, &bytes);
        insert_event(tx, part.act, organization, subject, seq, prev, hash, bytes).await?;
        insert_secrets(tx, organization, subject, seq, secrets).await?;
    }
    Ok(())
}

/// The number and the previous hash of the next event. A subject born in this write has no chain to look for.
async fn next_link(tx: &Tx, subject: Subject, own: &[&Change]) -> Result<(i64, Vec<u8>)> {
    let born = serde_json::Value::String(subject.id.to_string());
    if own.iter().any(|c| c.before.is_none() && c.table.name == root_table(subject) && c.key == born) {
        return Ok((1, GENESIS.to_vec()));
    }
    let head = tx
        .reader()
        .one::<Head>(
            "SELECT seq, hash FROM event WHERE subject_kind = $1 AND subject_id = $2 ORDER BY seq DESC LIMIT 1",
            [subject.kind.name().into(), subject.id.into()],
        )
        .await?;
    Ok(head.map_or((1, GENESIS.to_vec()), |head| (head.seq + 1, head.hash)))
}

/// The table whose row is the subject itself.
fn root_table(subject: Subject) -> &'static str {
    use super::SubjectKind as K;
    match subject.kind {
        K::Ticket => "ticket",
        K::Technician => "technician",
        K::User => "app_user",
        K::Organization => "organization",
        K::Building => "building",
        K::Premises => "premises",
        K::Resident => "resident",
        K::RequestType => "request_type",
        K::Material => "material",
        K::Work => "work",
        K::StockPlace => "stock_place",
        K::Device => "device",
    }
}

fn body(
    part: &Part,
    subject: Subject,
    seq: i64,
    own: &[&Change],
) -> Result<(serde_json::Value, Vec<Secret>)> {
    let mut secrets = Vec::new();
    let mut told = Vec::with_capacity(own.len());
    for (index, change) in own.iter().enumerate() {
        let mut entry = Map::new();
        entry.insert("table".to_owned(), change.table.name.into());
        entry.insert("key".to_owned(), change.key.clone());
        for (side, columns) in [("before", &change.before), ("after", &change.after)] {
            let Some(columns) = columns else { continue };
            let mut shown = Map::new();
            for (column, value) in columns {
                let personal =
                    change.table.journaling.personal.contains(&column.as_str()) && !value.is_null();
                let value = if personal {
                    let path = format!("changes/{index}/{side}/{column}");
                    let mut salt = [0_u8; 32];
                    rand::rng().fill_bytes(&mut salt);
                    let sealed = commitment(&salt, subject, seq, &path, value)?;
                    secrets.push(Secret { path, salt, value: value.clone() });
                    json!({ "commitment": hex::encode(sealed) })
                } else {
                    value.clone()
                };
                shown.insert(column.clone(), value);
            }
            entry.insert(side.to_owned(), shown.into());
        }
        told.push(serde_json::Value::Object(entry));
    }
    let actor = match part.scope.actor() {
        Actor::Staff { user, role } => json!({ "kind": "staff", "id": user, "role": role }),
        Actor::Resident { resident, .. } => json!({ "kind": "resident", "id": resident }),
        Actor::Link { link, .. } => json!({ "kind": "link", "id": link }),
        Actor::System => json!({ "kind": "system" }),
    };
    Ok((json!({ "act": part.act, "actor": actor, "times": part.times, "changes": told }), secrets))
}

#[expect(clippy::too_many_arguments, reason = "the columns of one row")]
async fn insert_event(
    tx: &Tx,
    act: &str,
    organization: OrganizationId,
    subject: Subject,
    seq: i64,
    prev: Vec<u8>,
    hash: [u8; 32],
    bytes: Vec<u8>,
) -> Result<()> {
    let values: [Value; 9] = [
        subject.kind.name().into(),
        subject.id.into(),
        seq.into(),
        organization.0.into(),
        act.into(),
        tx.now().into(),
        prev.into(),
        hash.to_vec().into(),
        bytes.into(),
    ];
    let inserted = tx
        .execute(
            "INSERT INTO event
                 (subject_kind, subject_id, seq, organization_id, act, recorded_at, prev_hash, hash, bytes)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            values,
        )
        .await;
    match inserted {
        // Somebody else linked an event to the same head: this write starts again from the new head.
        Err(error) if is_taken(&error) => Err(Error::restart("the chain grew")),
        other => other.map(|_| ()),
    }
}

fn is_taken(error: &Error) -> bool {
    std::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<sea_orm::DbErr>())
        .is_some_and(|error| matches!(fault(error), Fault::Unique(_)))
}

async fn insert_secrets(
    tx: &Tx,
    organization: OrganizationId,
    subject: Subject,
    seq: i64,
    secrets: Vec<Secret>,
) -> Result<()> {
    for chunk in secrets.chunks(50) {
        let mut values: Vec<Value> =
            vec![subject.kind.name().into(), subject.id.into(), seq.into(), organization.0.into()];
        let mut rows = Vec::with_capacity(chunk.len());
        for secret in chunk {
            let first = values.len() + 1;
            rows.push(format!("($1, $2, $3, ${first}, $4, ${}, ${})", first + 1, first + 2));
            values.extend([
                secret.path.clone().into(),
                secret.salt.to_vec().into(),
                secret.value.clone().into(),
            ]);
        }
        let sql = format!(
            "INSERT INTO event_secret (subject_kind, subject_id, seq, path, organization_id, salt, value)
             VALUES {}",
            rows.join(", ")
        );
        tx.execute(&sql, values).await?;
    }
    Ok(())
}
