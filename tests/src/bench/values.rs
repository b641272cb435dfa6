//! The values of the statements, by hand: what the reference binds where the write path binds its own.

use chrono::{DateTime, Datelike, Utc};
use naryad_tests::load::Town;
use serde_json::json;
use uuid::Uuid;

use crate::statements::Statement;

/// A value to be bound. The empty ones know their type, as PostgreSQL wants it.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Id(Option<Uuid>),
    Text(Option<String>),
    Int(i64),
    Bool(Option<bool>),
    Time(Option<DateTime<Utc>>),
    Json(serde_json::Value),
    Bytes(Vec<u8>),
}

impl Value {
    const NO_ID: Self = Self::Id(None);
    const NO_TEXT: Self = Self::Text(None);
    const NO_TIME: Self = Self::Time(None);
}

impl From<Uuid> for Value {
    fn from(id: Uuid) -> Self {
        Self::Id(Some(id))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Int(number.into())
    }
}

impl From<bool> for Value {
    fn from(is: bool) -> Self {
        Self::Bool(Some(is))
    }
}

impl From<DateTime<Utc>> for Value {
    fn from(at: DateTime<Utc>) -> Self {
        Self::Time(Some(at))
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Self {
        Self::Json(json)
    }
}

macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$(Value::from($value)),*] };
}

/// How many bytes the write path stores where the reference stores zeroes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// Of an event.
    pub(crate) event: usize,
    /// Of a kept answer.
    pub(crate) answer: usize,
}

/// One write.
#[derive(Debug, Clone)]
pub(crate) struct Facts<'a> {
    pub(crate) town: &'a Town,
    pub(crate) route: &'static str,
    pub(crate) act: &'static str,
    pub(crate) key: Uuid,
    pub(crate) ticket: Uuid,
    pub(crate) visit: Uuid,
    pub(crate) flat: usize,
    pub(crate) technician: usize,
    pub(crate) hour: i64,
    pub(crate) now: DateTime<Utc>,
    pub(crate) sizes: Sizes,
    /// What RETURNING said: the counter of numbers, or the head of the feed.
    pub(crate) returned: i64,
}

/// Of which statements the reference needs what they return.
pub(crate) fn returned_column(statement: &Statement) -> Option<&'static str> {
    let shape = statement.shape.as_str();
    if shape.starts_with("INSERT INTO number_counter") {
        Some("last")
    } else if shape.starts_with("UPDATE sync_feed") {
        Some("head")
    } else {
        None
    }
}

/// The values of a statement; `None` for one that the reference does not know.
pub(crate) fn of(statement: &Statement, facts: &Facts<'_>) -> Option<Vec<Value>> {
    let known = [envelope, lookups, ticket, visit, feeds];
    known.iter().find_map(|values| values(statement, facts))
}

/// Idempotency and journal.
fn envelope(statement: &Statement, facts: &Facts<'_>) -> Option<Vec<Value>> {
    let (organization, dispatcher) = (facts.town.organization.0, facts.town.dispatcher.0);
    let key = || values![organization, dispatcher, facts.route, facts.key.to_string()];
    let with_key = |mut more: Vec<Value>| {
        let mut values = key();
        values.append(&mut more);
        values
    };
    let seq = if facts.act == "ticket.register" { 1 } else { 2 };
    let hash = || vec![7_u8; 32];
    let shape = statement.shape.as_str();
    Some(match shape {
        _ if shape.starts_with("INSERT INTO idempotency_key ") => {
            with_key(values![hash(), 0, json!([]), Vec::<u8>::new(), facts.now])
        }
        _ if shape.starts_with("UPDATE idempotency_key ") => {
            let headers = json!([["content-type", "application/json"], ["etag", "\"1\""]]);
            with_key(values![201, headers, vec![b' '; facts.sizes.answer]])
        }
        _ if shape.starts_with("INSERT INTO event (") => values![
            "ticket",
            facts.ticket,
            seq,
            organization,
            facts.act,
            facts.now,
            hash(),
            hash(),
            vec![b' '; facts.sizes.event],
        ],
        _ if shape.starts_with("INSERT INTO event_secret ") => {
            let mut values = values!["ticket", facts.ticket, seq, organization];
            let mut number = 0;
            while values.len() < crate::statements::placeholders(&statement.sql) {
                values.extend(values![
                    format!("changes/{number}/after/description"),
                    hash(),
                    json!("Запах из канализации на кухне.")
                ]);
                number += 1;
            }
            values
        }
        "SELECT hash FROM event WHERE subject_kind = ? AND subject_id = ? ORDER BY seq DESC LIMIT 1"
        | "SELECT seq, hash FROM event WHERE subject_kind = ? AND subject_id = ? ORDER BY seq DESC LIMIT 1" =>
        {
            values!["ticket", facts.ticket]
        }
        _ => return None,
    })
}

/// Reads of what stands around a ticket.
fn lookups(statement: &Statement, facts: &Facts<'_>) -> Option<Vec<Value>> {
    let town = facts.town;
    let organization = town.organization.0;
    let premises = town.premises[facts.flat % town.premises.len()].0;
    let technician = town.technicians[facts.technician % town.technicians.len()].0;
    Some(match statement.shape.as_str() {
        "SELECT * FROM request_type WHERE request_type.id = ? AND request_type.organization_id = ? LIMIT ?" =>
        {
            values![town.kind.0, organization, 1]
        }
        "SELECT * FROM request_type WHERE request_type.id = ? LIMIT ?" => values![town.kind.0, 1],
        "SELECT * FROM request_type_version WHERE request_type_version.request_type_id = ? AND \
         request_type_version.number = ? LIMIT ?" => {
            values![town.kind.0, 1, 1]
        }
        "SELECT * FROM premises WHERE premises.id = ? AND premises.organization_id = ? LIMIT ?" => {
            values![premises, organization, 1]
        }
        "SELECT * FROM premises WHERE premises.id = ? LIMIT ?" => values![premises, 1],
        "SELECT * FROM building WHERE building.id = ? AND building.organization_id = ? LIMIT ?" => {
            values![town.building.0, organization, 1]
        }
        "SELECT * FROM building WHERE building.id = ? LIMIT ?" => values![town.building.0, 1],
        "SELECT * FROM organization WHERE organization.id = ? LIMIT ?" => values![organization, 1],
        "SELECT * FROM app_user WHERE app_user.id IN (?) AND app_user.organization_id = ? AND app_user.role = ?" =>
        {
            values![technician, organization, "technician"]
        }
        "SELECT * FROM app_user WHERE app_user.id IN (?)" => values![technician],
        "SELECT kind, COUNT(*) AS photos FROM photo WHERE ticket_id = ? AND state <> 'refused' GROUP BY kind"
        | "SELECT COUNT(*) AS lines FROM material_usage WHERE ticket_id = ?"
        | "SELECT * FROM photo WHERE photo.ticket_id = ? ORDER BY photo.added_at ASC, photo.id ASC"
        | "SELECT * FROM ticket_comment WHERE ticket_comment.ticket_id = ? \
           ORDER BY ticket_comment.written_at ASC, ticket_comment.id ASC"
        | "SELECT * FROM material_usage WHERE material_usage.ticket_id = ? \
           ORDER BY material_usage.used_at ASC, material_usage.id ASC" => {
            values![facts.ticket]
        }
        _ => return None,
    })
}

/// The ticket itself.
fn ticket(statement: &Statement, facts: &Facts<'_>) -> Option<Vec<Value>> {
    let town = facts.town;
    let organization = town.organization.0;
    let shape = statement.shape.as_str();
    Some(match shape {
        "SELECT * FROM ticket WHERE ticket.id = ? LIMIT ?" => values![facts.ticket, 1],
        "SELECT * FROM ticket WHERE ticket.id = ? AND \
         (ticket.organization_id = ? OR ticket.executor_organization_id = ?) LIMIT ?" => {
            values![facts.ticket, organization, organization, 1]
        }
        "SELECT id FROM ticket WHERE id IN (?) ORDER BY id FOR NO KEY UPDATE"
        | "SELECT premises_id, resident_id FROM ticket WHERE id IN (?)"
        | "UPDATE ticket SET doc_version = doc_version + 1 WHERE id IN (?) RETURNING id AS id, doc_version" =>
        {
            values![facts.ticket]
        }
        "UPDATE ticket SET executor_kind = ?, status = ?, version = ?, updated_at = ? WHERE ticket.id = ?" => {
            values!["own_staff", "planned", 2, facts.now, facts.ticket]
        }
        _ if shape.starts_with("INSERT INTO number_counter ") => {
            values![organization, i64::from(facts.now.year())]
        }
        _ if shape.starts_with("INSERT INTO ticket (id, organization_id, executor_kind, ") => values![
            facts.ticket,
            organization,
            "nobody",
            Value::NO_ID,
            format!("{}-{:06}", facts.now.year(), facts.returned),
            town.kind.0,
            1,
            "registered",
            "phone",
            false,
            town.building.0,
            town.premises[facts.flat % town.premises.len()].0,
            Value::NO_TEXT,
            Value::NO_ID,
            "Ильин Иван Петрович",
            "+79123456789",
            "Запах из канализации на кухне.",
            Value::NO_TEXT,
            Value::NO_TEXT,
            Value::NO_TEXT,
            Value::Bool(None),
            false,
            Value::NO_TIME,
            Value::NO_TIME,
            json!({}),
            facts.now,
            town.dispatcher.0,
            facts.now,
            Value::NO_TIME,
            Value::NO_TIME,
            Value::NO_TIME,
            Value::NO_TIME,
            Value::NO_TIME,
            Value::NO_TEXT,
            Value::NO_TIME,
            Value::NO_TEXT,
            0,
            " 2026-000001 москва улица мира 1 12 ильин иван петрович +79123456789 запах из канализации на кухне ",
            1,
            1,
            facts.now,
        ],
        _ => return None,
    })
}

/// The visit and the calendar.
fn visit(statement: &Statement, facts: &Facts<'_>) -> Option<Vec<Value>> {
    let organization = facts.town.organization.0;
    let technician = facts.town.technicians[facts.technician % facts.town.technicians.len()].0;
    let (start, end) = facts.town.hour(facts.hour);
    let shape = statement.shape.as_str();
    Some(match shape {
        "SELECT * FROM visit WHERE visit.ticket_id = ? ORDER BY visit.id ASC"
        | "SELECT * FROM visit_assignee WHERE visit_assignee.ticket_id = ? \
           ORDER BY visit_assignee.lead DESC, visit_assignee.technician_id ASC" => values![facts.ticket],
        "SELECT * FROM visit WHERE visit.id = ? LIMIT ?" => values![facts.visit, 1],
        "SELECT technician_id FROM technician_calendar WHERE technician_id IN (?) \
         ORDER BY technician_id FOR NO KEY UPDATE" => values![technician],
        _ if shape.starts_with("UPDATE technician_calendar ") => values![technician],
        _ if shape.starts_with("SELECT technician_id, busy_start, busy_end FROM calendar_entry ") => {
            values![start, facts.now, technician]
        }
        _ if shape
            .starts_with("SELECT * FROM calendar_entry WHERE calendar_entry.technician_id IN (?) AND ") =>
        {
            values![technician, true, "hold", facts.now, start, end]
        }
        _ if shape.starts_with("INSERT INTO visit (id, organization_id, ") => values![
            facts.visit,
            organization,
            organization,
            facts.ticket,
            "planned",
            "promised",
            start,
            end,
            start,
            end,
            Value::NO_TIME,
            Value::NO_TIME,
            Value::NO_TIME,
            Value::NO_TEXT,
            1,
            facts.now,
        ],
        _ if shape.starts_with("INSERT INTO visit_assignee (") => {
            values![facts.visit, technician, facts.ticket, organization, true]
        }
        _ if shape.starts_with("INSERT INTO calendar_entry (id, organization_id, ") => values![
            Uuid::now_v7(),
            organization,
            technician,
            facts.visit,
            facts.ticket,
            Value::NO_ID,
            "booking",
            start,
            end,
            start,
            end,
            true,
            Value::NO_ID,
            Value::NO_TIME,
            1,
        ],
        _ => return None,
    })
}

/// The feeds of the phones. A booking puts the ticket, the premises and the calendar into the technician's feed.
fn feeds(statement: &Statement, facts: &Facts<'_>) -> Option<Vec<Value>> {
    let technician = facts.town.technicians[facts.technician % facts.town.technicians.len()].0;
    let premises = facts.town.premises[facts.flat % facts.town.premises.len()].0;
    let entities = [("ticket", facts.ticket), ("premises", premises), ("my_calendar", technician)];
    let (kind, id) = entities[statement.nth % entities.len()];
    let horizon = facts.now - chrono::TimeDelta::days(14);
    let shape = statement.shape.as_str();
    Some(match shape {
        "SELECT feed_id, entity, entity_id, op, doc_version FROM sync_change WHERE entity = ? AND entity_id IN (?)" =>
        {
            values![kind, id]
        }
        "SELECT id AS id, doc_version FROM premises WHERE id IN (?)" => values![premises],
        "SELECT feed_id FROM sync_feed WHERE feed_id IN (?) ORDER BY feed_id FOR NO KEY UPDATE"
        | "SELECT digest FROM sync_feed WHERE feed_id = ?" => values![technician],
        _ if shape.starts_with("SELECT DISTINCT a.ticket_id AS entity_id, ") => {
            values![horizon, facts.ticket]
        }
        _ if shape.starts_with("SELECT DISTINCT t.premises_id AS entity_id, ") => values![horizon, premises],
        _ if shape.starts_with("SELECT u.id AS entity_id, u.id AS feed_id FROM app_user u ") => {
            values![horizon, technician]
        }
        _ if shape.starts_with("UPDATE sync_feed SET head = head + ?, ") => {
            values![technician, entities.len() as i64, 2, 77]
        }
        _ if shape.starts_with("INSERT INTO sync_change (") => {
            let seq = facts.returned - (entities.len() - 1 - statement.nth) as i64;
            values![technician, seq, kind, id, "put", Value::NO_TEXT, 2, facts.now]
        }
        _ => return None,
    })
}
