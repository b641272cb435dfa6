//! A lift stands still: passed to the contractor, whose own dispatcher books his own technician.

use naryad_domain::{Result, catalogue::PhotoKind};
use serde_json::{Value, json};

use super::{Day, Ticket, open_visit};
use crate::demo::person::Person;

/// The lift, with the technician who goes there.
pub(super) struct Lift {
    pub(super) ticket: Ticket,
    visit: String,
    technician: Person,
}

/// From the call to the way there.
pub(super) async fn passed_on(day: &mut Day<'_>) -> Result<Lift> {
    let (desk, world) = (day.desk.clone(), day.world);
    let neighbour = world.company.resident_of(4, 3)?.clone();
    day.wait_until(10, 10)?;
    let body = json!({
        "request_type_id": world.company.kind("LIFT-STOP")?, "building_id": world.company.houses[4].id, "source": "phone",
        "place": "Подъезд 1", "applicant_name": neighbour.full_name, "applicant_phone": neighbour.phone,
        "description": "Лифт стоит на втором этаже с открытыми дверями, людей в кабине нет.",
    });
    let what = "регистрирует заявку из Самары, у дома на час больше";
    let (ticket, reply) = day.register(&desk, neighbour.house, &body, what).await?;
    day.say(&reply)?;
    let executor =
        json!({ "executor": { "kind": "contractor", "organization_id": world.contractor.organization } });
    day.moves(&desk, &ticket, "executor", &executor, "передаёт подрядчику «Лифт-Сервис»").await?;
    let crew = day.crew(&["lift-technician"], (11, 0), (12, 30))?;
    let path = format!("/v1/tickets/{}/plan", ticket.id);
    desk.post(&path, &crew).await?.refused(403, "forbidden")?;
    day.tell(&desk, Some(&ticket), "чужих работников не записывает: это дело диспетчера подрядчика");

    day.wait_until(10, 18)?;
    let theirs = Person::staff(&day.wire, world.colleague("lift-dispatcher")?).await?;
    theirs.get("/v1/tickets").await?.ok(200)?.with("/items/0/number", &ticket.number)?;
    day.moves(&theirs, &ticket, "handover/accept", &Value::Null, "принимает заявку").await?;
    let reply = day.moves(&theirs, &ticket, "plan", &crew, "записывает лифтёра").await?;
    day.say(&reply)?;
    let visit = open_visit(&reply)?;

    let technician = Person::staff(&day.wire, world.colleague("lift-technician")?).await?;
    day.wait_until(10, 40)?;
    day.visits(&technician, (&ticket, &visit), "en-route", &json!({}), "выехал").await?;
    Ok(Lift { ticket, visit, technician })
}

impl Lift {
    /// The contractor's technician reports as the company's own do.
    pub(super) async fn mended(&self, day: &mut Day<'_>) -> Result<()> {
        let (technician, here) = (&self.technician, (&self.ticket, self.visit.as_str()));
        day.wait_until(11, 32)?;
        day.visits(technician, here, "start", &json!({}), "начинает работу").await?;
        day.photo(technician, here, PhotoKind::After, false).await?;
        day.wait_until(11, 50)?;
        let what = "заменён ролик двери, лифт запущен";
        let reply = day.moves(technician, &self.ticket, "complete", &json!({}), what).await?;
        day.say(&reply.with("/status", "completed")?)
    }
}
