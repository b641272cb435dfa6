//! What comes after the day: the service closes what nobody objected to, and a new ticket waits for tomorrow.

use std::{fmt::Write, time::Duration};

use chrono::{Days, TimeDelta};
use naryad_domain::{Result, catalogue::PhotoKind};
use serde_json::{Value, json};

use super::{Day, Ticket, ZONE, local};
use crate::demo::{
    person::Person,
    reply::{Reply, unexpected},
};

/// How often the worker is asked for, a tenth of a second apart, before the demo is given up.
const PATIENCE: u32 = 300;

/// The clock goes on three days; the background job of the service closes what was completed and not returned.
pub(super) async fn three_days_later(day: &mut Day<'_>, completed: &[Ticket]) -> Result<()> {
    day.clock.set(local(day.date + Days::new(3), 19, 0)?);
    for ticket in completed {
        let reply = closed(&day.desk, ticket).await?;
        let at = reply.text("/closed_at")?.parse().map_err(naryad_domain::Error::internal)?;
        day.timeline.tell(at, ("", "служба"), &ticket.number, "три дня без возражений, заявка закрыта");
    }
    Ok(())
}

/// Waits until the worker has closed the ticket: it looks into its queue once a second, by the real clock.
async fn closed(desk: &Person, ticket: &Ticket) -> Result<Reply> {
    for _ in 0..PATIENCE {
        let reply = desk.get(&format!("/v1/tickets/{}", ticket.id)).await?.ok(200)?;
        if reply.text("/status")? == "closed" {
            return Ok(reply);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(unexpected(format!("{} was not closed by the background job", ticket.number)))
}

/// Today: a ticket for tomorrow, so that the board is not empty.
pub(super) async fn today(day: &mut Day<'_>) -> Result<()> {
    let (desk, world) = (day.desk.clone(), day.world);
    day.clock.set(day.now - TimeDelta::minutes(10));
    let neighbour = world.company.resident_of(3, 5)?.clone();
    let body = json!({
        "request_type_id": world.company.kind("GLASS")?, "building_id": world.company.houses[3].id, "source": "phone",
        "place": "Подъезд 1, окно между 1 и 2 этажами",
        "applicant_name": neighbour.full_name, "applicant_phone": neighbour.phone,
        "description": "Разбито стекло, осколки на подоконнике.",
    });
    let (ticket, reply) = day.register(&desk, 3, &body, "регистрирует заявку по телефону").await?;
    day.say(&reply)?;
    let tomorrow = day.now.with_timezone(&ZONE).date_naive() + Days::new(1);
    let crew = json!({
        "technicians": [world.colleague("carpenter")?.id],
        "start": local(tomorrow, 10, 0)?, "end": local(tomorrow, 11, 0)?,
    });
    let reply = day.moves(&desk, &ticket, "plan", &crew, "записывает плотника на завтра").await?;
    day.say(&reply.with("/status", "planned")?)
}

/// What the manager sees.
pub(super) async fn summary(day: &mut Day<'_>) -> Result<String> {
    let manager = Person::staff(&day.wire, day.world.colleague("manager")?).await?;
    let (mut text, mut photos, mut refused, mut counts) = (String::from("Итог\n"), 0, 0, Vec::new());
    for ticket in &day.tickets {
        let shown = manager.get(&format!("/v1/tickets/{}", ticket.id)).await?.ok(200)?;
        let [one, several] = status(shown.text("/status")?);
        let _ = writeln!(
            text,
            "  {}  {:<12}{}{}",
            ticket.number,
            one,
            shown.text("/request_type/name_ru")?,
            notes(&shown.body)
        );
        photos += shown.list("/photos")?.len();
        refused += shown.list("/photos")?.iter().filter(|photo| photo["state"] != "received").count();
        match counts.iter_mut().find(|(name, _)| *name == several) {
            Some((_, count)) => *count += 1,
            None => counts.push((several, 1)),
        }
    }
    if refused > 0 {
        return Err(unexpected(format!("{refused} of {photos} photos did not arrive")));
    }
    let counts: Vec<String> = counts.iter().map(|(status, count)| format!("{status} {count}")).collect();
    let _ = writeln!(text, "заявок {}: {}; снимков {photos}", day.tickets.len(), counts.join(", "));
    let events =
        manager.get(&format!("/v1/tickets/{}/events?limit=200", day.tickets[0].id)).await?.ok(200)?;
    let _ = writeln!(
        text,
        "в журнале заявки {} записей: {}",
        day.tickets[0].number,
        events.list("/items")?.len()
    );
    Ok(text)
}

/// A state, of one ticket and of several.
fn status(name: &str) -> [&'static str; 2] {
    match name {
        "registered" => ["новая", "новых"],
        "planned" => ["назначена", "назначено"],
        "in_progress" => ["в работе", "в работе"],
        "on_hold" => ["отложена", "отложено"],
        "completed" => ["выполнена", "выполнено"],
        "closed" => ["закрыта", "закрыто"],
        _ => ["отменена", "отменено"],
    }
}

/// What is worth a word beside the state.
fn notes(ticket: &Value) -> String {
    let mut notes = Vec::new();
    let visits = ticket["visits"].as_array().map_or(0, Vec::len);
    notes.push(format!("визитов {visits}"));
    if ticket["return_count"].as_i64().unwrap_or_default() > 0 {
        notes.push(format!("возвратов {}", ticket["return_count"]));
    }
    if ticket["executor"]["kind"] == "contractor" {
        notes.push("подрядчик".to_owned());
    }
    if ticket["photos"]
        .as_array()
        .is_some_and(|photos| photos.iter().any(|photo| photo["kind"] == json!(PhotoKind::NoAccess)))
    {
        notes.push("нет доступа".to_owned());
    }
    format!(" ({})", notes.join(", "))
}
