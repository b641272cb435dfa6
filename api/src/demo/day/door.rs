//! Nobody opens: a photo of the door, and the ticket waits for its resident.

use chrono::Days;
use naryad_domain::{Result, catalogue::PhotoKind};
use serde_json::json;

use super::{Day, local, open_visit};
use crate::demo::person::Person;

/// From the call to the closed door, and the hold.
pub(super) async fn closed(day: &mut Day<'_>) -> Result<()> {
    let (desk, world) = (day.desk.clone(), day.world);
    let neighbour = world.company.resident_of(1, 2)?.clone();
    day.wait_until(13, 34)?;
    let body = json!({
        "request_type_id": world.company.kind("TAP-LEAK")?, "premises_id": neighbour.premises, "source": "phone",
        "applicant_name": neighbour.full_name, "applicant_phone": neighbour.phone,
        "description": "Капает кран в ванной комнате.",
        "measures": "Замена картриджа смесителя.",
    });
    let (ticket, reply) =
        day.register(&desk, neighbour.house, &body, "регистрирует заявку по телефону").await?;
    day.say(&reply)?;
    let crew = day.crew(&["plumber"], (14, 0), (15, 0))?;
    let reply = day.moves(&desk, &ticket, "plan", &crew, "записывает на 14:00").await?;
    day.say(&reply)?;
    let visit = open_visit(&reply)?;

    day.wait_until(14, 4)?;
    let plumber = Person::staff(&day.wire, world.colleague("plumber")?).await?;
    let why = json!({ "reason": "Дверь не открыли, телефон не отвечает." });
    let refusal = plumber.post(&format!("/v1/visits/{visit}/no-access"), &why).await?;
    let refusal = refusal.refused(422, "evidence_missing")?;
    day.tell(&plumber, Some(&ticket), "дверь не открывают, без снимка визит не закрыть:");
    day.timeline.more(format!("- {}", refusal.text("/detail")?));
    day.photo(&plumber, (&ticket, &visit), PhotoKind::NoAccess, false).await?;
    let reply = day.visits(&plumber, (&ticket, &visit), "no-access", &why, "нет доступа").await?;
    reply.with("/status", "registered")?;

    day.wait_until(14, 20)?;
    let until = local(day.date + Days::new(14), 9, 0)?;
    let why = json!({ "reason": "Житель в отъезде, просит прийти после возвращения.", "until": until });
    let reply =
        day.moves(&desk, &ticket, "hold", &why, "дозванивается, житель в отъезде: откладывает").await?;
    day.say(&reply.with("/status", "on_hold")?)
}
