//! Calls to the desk: a meter to be read at an agreed time, a light that was mended by the way, a door phone that was
//! nothing after all.

use naryad_domain::{Result, catalogue::PhotoKind};
use serde_json::json;

use super::{Day, Ticket, clock_time, open_visit};
use crate::demo::person::Person;

/// The meter and its visit.
pub(super) struct Meter {
    pub(super) ticket: Ticket,
    visit: String,
}

/// The dispatcher is told what to mend in his text and what to tell the applicant, and learns that the technician is busy.
pub(super) async fn meter(day: &mut Day<'_>) -> Result<Meter> {
    let neighbour = day.world.company.residents.iter().find(|one| one.disabled && one.house < 4).cloned();
    let Some(neighbour) = neighbour else { return Err(naryad_domain::Error::not_found("resident")) };
    let desk = day.desk.clone();
    day.wait_until(9, 5)?;
    let found = desk.get(&format!("/v1/residents?phone=%2B{}", &neighbour.phone[1..])).await?.ok(200)?;
    let found = found.with("/items/0/full_name", &neighbour.full_name)?;
    day.tell(&desk, None, format!("звонок с {}: {}", neighbour.phone, neighbour.full_name));
    let mut body = json!({
        "request_type_id": day.world.company.kind("METER")?, "premises_id": neighbour.premises,
        "resident_id": found.text("/items/0/id")?, "source": "phone",
        "description": "Просит снять контрольные показания счётчика воды (после обеда)!",
        "wished": { "start": day.at(13, 0)?, "end": day.at(18, 0)? },
        "measures": "Снятие контрольных показаний, проверка пломбы.",
    });
    let refusal = desk.post("/v1/tickets", &body).await?.refused(422, "text_not_official")?;
    let mended = refusal.text("/mended")?.to_owned();
    day.tell(&desk, None, format!("текст не по форме, служба предлагает: «{mended}»"));
    body["description"] = json!(mended);
    let refusal = desk.post("/v1/tickets", &body).await?.refused(422, "precondition_required")?;
    day.tell(&desk, None, format!("сообщает условие: «{}»", refusal.text("/precondition/ru")?));
    body["precondition_confirmed"] = json!(true);
    let what = "регистрирует заявку по телефону, пожелание с 13:00 до 18:00";
    let (ticket, reply) = day.register(&desk, neighbour.house, &body, what).await?;
    day.say(&reply)?;

    day.wait_until(9, 9)?;
    let mut crew = day.crew(&["plumber2"], (9, 30), (10, 15))?;
    let path = format!("/v1/tickets/{}/plan", ticket.id);
    let refusal = desk.post(&path, &crew).await?.refused(409, "slot_taken")?;
    let nearest = clock_time(refusal.text("/nearest/start")?);
    day.tell(&desk, Some(&ticket), format!("на 9:30 сантехник занят, ближайшее свободное время {nearest}"));
    for end in ["start", "end"] {
        crew[end] = refusal.body["nearest"][end].clone();
    }
    let reply = day.moves(&desk, &ticket, "plan", &crew, format!("записывает на {nearest}")).await?;
    day.say(&reply)?;
    let visit = open_visit(&reply)?;

    day.wait_until(9, 20)?;
    let later = json!({
        "start": day.at(15, 0)?, "end": day.at(15, 45)?,
        "window": { "kind": "promised", "start": day.at(15, 0)?, "end": day.at(16, 0)? },
    });
    let reply =
        day.visits(&desk, (&ticket, &visit), "move", &later, "житель просит позже, переносит визит").await?;
    day.say(&reply)?;
    Ok(Meter { ticket, visit })
}

impl Meter {
    /// The reading is written down, the act is photographed; nobody says anything more.
    pub(super) async fn read(&self, day: &mut Day<'_>) -> Result<()> {
        let (ticket, here) = (&self.ticket, (&self.ticket, self.visit.as_str()));
        day.wait_until(15, 2)?;
        let plumber = Person::staff(&day.wire, day.world.colleague("plumber2")?).await?;
        day.visits(&plumber, here, "start", &json!({}), "начинает работу").await?;
        day.photo(&plumber, here, PhotoKind::Act, false).await?;
        day.wait_until(15, 31)?;
        let reading = json!({ "fields": { "reading": "ХВС 00412,318; ГВС 00257,904" } });
        let reply =
            day.moves(&plumber, ticket, "complete", &reading, "показания сняты, работы выполнены").await?;
        day.say(&reply.with("/status", "completed")?)
    }
}

/// The electrician calls in from the stairwell; the desk closes on his word and answers for it (R37).
pub(super) async fn light(day: &mut Day<'_>) -> Result<Ticket> {
    let desk = day.desk.clone();
    day.wait_until(10, 55)?;
    let body = json!({
        "request_type_id": day.world.company.kind("EL-LIGHT")?, "building_id": day.world.company.houses[2].id, "source": "staff",
        "place": "Подъезд 1, площадка 3 этажа", "description": "Не горит светильник на лестничной площадке.",
    });
    let (ticket, reply) = day.register(&desk, 2, &body, "регистрирует заявку по докладу дворника").await?;
    day.say(&reply)?;
    day.wait_until(11, 20)?;
    let path = format!("/v1/tickets/{}/complete", ticket.id);
    let mut report =
        json!({ "reason": "Электрик сообщил по телефону: светильник заменён при обходе подъезда." });
    let refusal = desk.post(&path, &report).await?.refused(422, "evidence_missing")?;
    day.tell(&desk, Some(&ticket), "закрывает по телефону, не хватает:");
    for missing in refusal.text("/detail")?.split("; ") {
        day.timeline.more(format!("- {missing}"));
    }
    report["waive_missing"] = json!(true);
    let reply = day.moves(&desk, &ticket, "complete", &report, "закрывает под свою ответственность").await?;
    reply.with("/status", "completed")?;
    day.timeline.more(format!("«{}»", report["reason"].as_str().unwrap_or_default()));
    Ok(ticket)
}

/// A ticket that its resident takes back before anybody has set out.
pub(super) async fn intercom(day: &mut Day<'_>) -> Result<()> {
    let neighbour = day.world.company.resident_of(1, 8)?.clone();
    day.wait_until(14, 32)?;
    let resident = Person::resident(&day.wire, &neighbour).await?;
    let body = json!({
        "request_type_id": day.world.company.kind("INTERCOM")?, "premises_id": neighbour.premises,
        "description": "Домофон не открывает дверь подъезда.",
    });
    let (ticket, reply) =
        day.register(&resident, neighbour.house, &body, "подаёт заявку в приложении").await?;
    day.say(&reply)?;
    day.wait_until(14, 47)?;
    let why = json!({ "reason": "Домофон заработал сам, мастер не нужен." });
    let reply = day.moves(&resident, &ticket, "cancel", &why, "отменяет заявку").await?;
    day.say(&reply.with("/status", "cancelled")?)
}
