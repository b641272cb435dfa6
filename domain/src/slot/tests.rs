//! Slots on both databases: what is listed can be booked, nothing overlaps, nobody is lost.

mod model;
mod rules;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{SearchSlots, SlotsFound, search};
use crate::{
    Result, Scope, Time,
    auth::Role,
    id::{BuildingId, ShiftId, TechnicianId, TicketId},
    people::locale::Locale,
    place::building,
    shift::template,
    testing::{House, TestDb, noon},
    ticket::{self, Plan, PlanVisit, Register, TicketDocument},
    write::{Act, Tx},
};

/// Some hours after noon of the first day, a Monday; the house stands in Moscow, where it is noon.
fn hour(hours: i64) -> Time {
    noon() + TimeDelta::hours(hours)
}

fn manager(house: &House) -> Scope {
    Scope::staff(house.organization, house.dispatcher, Role::Manager)
}

/// Gives technicians the same shift on every day.
struct Give {
    house: House,
    technicians: Vec<TechnicianId>,
    window: Value,
}

impl Act for Give {
    const NAME: &'static str = "test.shifts";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        for technician in &self.technicians {
            let days = ["mo", "tu", "we", "th", "fr", "sa", "su"];
            tx.lock_calendars([*technician]).await?;
            let row = template::Model {
                id: ShiftId::new(tx.clock()),
                organization_id: self.house.organization,
                technician_id: *technician,
                zone: "Europe/Moscow".to_owned(),
                valid_from: serde_json::from_value(json!("2026-03-01")).unwrap(),
                valid_to: None,
                week: json!([{ "days": days, "windows": [self.window] }]),
                version: 1,
                created_at: tx.now(),
            };
            tx.insert(&row).await?;
        }
        Ok(())
    }
}

/// A window of a shift, with a reserve.
fn shift(from: &str, to: &str, reserve: Option<(&str, &str)>) -> Value {
    let reserve: Vec<Value> =
        reserve.into_iter().map(|(from, to)| json!({ "from": from, "to": to })).collect();
    json!({ "from": from, "to": to, "ends_next_day": false, "on_call": false, "breaks": [], "reserve": reserve })
}

async fn give(test: &TestDb, house: &House, technicians: &[TechnicianId], window: Value) {
    let give = Give { house: house.clone(), technicians: technicians.to_vec(), window };
    test.db.write(Scope::system(house.organization), give).await.unwrap();
}

/// Another building, so many hundred-thousandths of a degree to the north; the first one stands at zero.
struct Build(House, BuildingId, i64);

impl Act for Build {
    const NAME: &'static str = "test.building";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        use sea_orm::EntityTrait;
        let before = building::Entity::find_by_id(self.0.building).one(&tx.reader()).await?.unwrap();
        let at = |north: i64| (Some(557_000_000 + north * 100), Some(376_000_000));
        let (latitude_e7, longitude_e7) = at(0);
        let first = building::Model { latitude_e7, longitude_e7, ..before.clone() };
        tx.update(&before, &first).await?;
        let (latitude_e7, longitude_e7) = at(self.2);
        let other = building::Model {
            id: self.1,
            address: format!("Москва, улица Мира, {}", self.2),
            latitude_e7,
            longitude_e7,
            ..before
        };
        tx.insert(&other).await
    }
}

/// A registered ticket.
async fn register(test: &TestDb, house: &House, more: Value) -> TicketId {
    let mut args = json!({
        "request_type_id": house.kind, "premises_id": house.premises, "description": "Запах из канализации.",
        "applicant_name": "Иван Ильин",
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        args[name] = value.clone();
    }
    let args = serde_json::from_value(args).unwrap();
    test.db.write(house.desk(), Register { args }).await.unwrap()
}

async fn plan(
    test: &TestDb,
    house: &House,
    ticket: TicketId,
    technician: TechnicianId,
    start: Time,
    more: Value,
) -> Result<TicketDocument> {
    let mut args = json!({ "technicians": [technician], "start": start, "end": start + TimeDelta::hours(1) });
    for (name, value) in more.as_object().into_iter().flatten() {
        args[name] = value.clone();
    }
    let args: PlanVisit = serde_json::from_value(args).unwrap();
    test.db.write(house.desk(), Plan { ticket, args }).await?;
    ticket::document(&test.db.reader(), &house.desk(), ticket).await
}

async fn find(test: &TestDb, house: &House, args: Value) -> Result<SlotsFound> {
    let args: SearchSlots = serde_json::from_value(args).unwrap();
    search(&test.db.reader(), &house.desk(), test.db.clock().now(), &args, Locale::Ru).await
}
