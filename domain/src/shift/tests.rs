//! Shifts by the rules, in real time, and on both databases.

mod acts;
mod hours;
mod races;
mod roster;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{CreateShift, Record, RecordAbsence, ShiftDocument};
use crate::{
    Result, Scope, Time,
    auth::Role,
    id::{TechnicianId, TicketId},
    testing::{House, TestDb, noon},
    ticket::{Plan, PlanVisit, Register},
};

/// The manager of the house: templates are his.
fn manager(house: &House) -> Scope {
    Scope::staff(house.organization, house.dispatcher, Role::Manager)
}

/// Some hours after noon of the first day, a Monday; the house stands in Moscow, where it is noon.
fn hour(hours: i64) -> Time {
    noon() + TimeDelta::hours(hours)
}

fn everyday(from: &str, to: &str) -> Value {
    json!([{ "days": ["mo", "tu", "we", "th", "fr", "sa", "su"], "windows": [{ "from": from, "to": to }] }])
}

async fn give(test: &TestDb, house: &House, technician: TechnicianId, week: Value) -> Result<ShiftDocument> {
    let args = json!({ "technician_id": technician, "valid_from": "2026-03-01", "week": week });
    let args: CreateShift = serde_json::from_value(args).unwrap();
    test.db.write(manager(house), super::Create { args }).await
}

async fn register(test: &TestDb, house: &House, phone: &str) -> TicketId {
    let args = json!({
        "request_type_id": house.kind, "premises_id": house.premises, "description": "Запах из канализации.",
        "applicant_name": "Иван Ильин", "applicant_phone": phone,
    });
    let args = serde_json::from_value(args).unwrap();
    test.db.write(house.desk(), Register { args }).await.unwrap()
}

fn plan(ticket: TicketId, technicians: &[TechnicianId], start: Time) -> Plan {
    let args = json!({ "technicians": technicians, "start": start, "end": start + TimeDelta::hours(1) });
    let args: PlanVisit = serde_json::from_value(args).unwrap();
    Plan { ticket, args }
}

/// A registered and booked ticket.
async fn booked(test: &TestDb, house: &House, crew: &[TechnicianId], start: Time, phone: &str) -> TicketId {
    let ticket = register(test, house, phone).await;
    test.db.write(house.desk(), plan(ticket, crew, start)).await.unwrap();
    ticket
}

fn absence(technician: TechnicianId, start: Option<Time>, end: Time) -> RecordAbsence {
    let args = json!({ "technician_id": technician, "kind": "sick", "start": start, "end": end, "reason": "Грипп." });
    serde_json::from_value(args).unwrap()
}

fn away(technician: TechnicianId, start: Option<Time>, end: Time) -> Record {
    Record { args: absence(technician, start, end) }
}
