//! Two hours without a network: what was done there arrives once, what changed meanwhile is decided by people.

use chrono::{DateTime, TimeDelta, Utc};
use naryad_domain::{Error, Result, catalogue::PhotoKind, id::new_uuid};
use naryad_sync::client::SyncReport;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Day, Ticket, clock_time, open_visit};
use crate::demo::{
    person::Person,
    phone::Phone,
    reply::{Reply, unexpected},
};

/// How far a time that was set right may be from the true one.
const TOLERANCE: TimeDelta = TimeDelta::minutes(1);

/// A ticket for the phone.
struct Job {
    ticket: Ticket,
    id: Uuid,
    visit: String,
}

impl Job {
    fn of(ticket: Ticket, planned: &Reply) -> Result<Self> {
        let id = ticket.id.parse().map_err(Error::internal)?;
        Ok(Self { visit: open_visit(planned)?, ticket, id })
    }
}

/// The shift: planned, worked off without a network, delivered, decided, counted.
pub(super) async fn worked(day: &mut Day<'_>) -> Result<()> {
    let plumber = Person::staff(&day.wire, day.world.colleague("plumber")?).await?;
    let (leak, smell) = planned(day).await?;
    let folder = day.wire.outbox.with_file_name("demo-phone");
    let phone = Phone::open(&day.wire, &folder).await?;
    paired(day, &plumber, &phone, [&leak, &smell]).await?;
    let (phone, done_at) = without_network(day, &plumber, phone, &leak, &smell).await?;
    delivered(day, &plumber, &phone).await?;
    decided(day, &plumber, &phone).await?;
    added_up(day, &plumber, &phone, &leak, done_at).await?;
    phone.discard().await
}

/// The desk books both visits of the evening.
async fn planned(day: &mut Day<'_>) -> Result<(Job, Job)> {
    let (desk, world) = (day.desk.clone(), day.world);
    day.wait_until(16, 35)?;
    let neighbour = world.company.resident_of(2, 4)?.clone();
    let body = json!({
        "request_type_id": world.company.kind("TAP-LEAK")?, "premises_id": neighbour.premises, "source": "phone",
        "applicant_name": neighbour.full_name, "applicant_phone": neighbour.phone,
        "description": "Течёт смывной бачок.",
    });
    let (ticket, _) = day.register(&desk, neighbour.house, &body, "регистрирует заявку по телефону").await?;
    let crew = day.crew(&["plumber"], (18, 5), (18, 50))?;
    let leak =
        Job::of(ticket.clone(), &day.moves(&desk, &ticket, "plan", &crew, "записывает на 18:05").await?)?;
    let body = json!({
        "request_type_id": world.company.kind("SEW-SMELL")?, "building_id": world.company.houses[2].id, "source": "staff",
        "place": "Подвал, подъезд 1", "description": "Запах канализации в подвале.",
    });
    let (ticket, _) = day.register(&desk, 2, &body, "регистрирует заявку по докладу дворника").await?;
    let crew = day.crew(&["plumber"], (19, 0), (19, 45))?;
    let smell =
        Job::of(ticket.clone(), &day.moves(&desk, &ticket, "plan", &crew, "записывает на 19:00").await?)?;
    Ok((leak, smell))
}

/// The desk shows a code, the phone is the technician's, and holds what he needs.
async fn paired(day: &mut Day<'_>, plumber: &Person, phone: &Phone, jobs: [&Job; 2]) -> Result<()> {
    let desk = day.desk.clone();
    day.wait_until(16, 50)?;
    let path = format!("/v1/technicians/{}/pairing", day.world.colleague("plumber")?.id);
    let shown = desk.press(&path).await?.ok(201)?;
    day.tell(
        &desk,
        None,
        format!("диктует код привязки, годен до {}", clock_time(shown.text("/expires_at")?)),
    );
    phone.pair(shown.text("/code")?).await?;
    let report = clean(phone.sync().await?)?;
    day.tell(plumber, None, format!("привязывает телефон, записей получено: {}", report.changes));
    wire(day, phone);
    for job in jobs {
        if !phone.shows(job.id).await? {
            return Err(unexpected(format!("{} is not on the phone", job.ticket.number)));
        }
    }
    Ok(())
}

/// Work in the basement. Returns when the first ticket was truly done.
async fn without_network(
    day: &mut Day<'_>,
    plumber: &Person,
    phone: Phone,
    leak: &Job,
    smell: &Job,
) -> Result<(Phone, DateTime<Utc>)> {
    let desk = day.desk.clone();
    day.wait_until(17, 55)?;
    phone.cover(false);
    day.tell(plumber, None, "спускается туда, где нет сети; часы телефона спешат на 7 минут");
    day.wait_until(18, 7)?;
    phone.does("visit.start", leak.id, json!({ "visit_id": leak.visit })).await?;
    let before = day.photos.take(PhotoKind::Before)?;
    phone.shoots(leak.id, &leak.visit, "before", before).await?;
    day.tell(plumber, Some(&leak.ticket), "без сети: начинает работу, снимает «до»");
    day.wait_until(18, 31)?;
    let material = day.world.company.material("VALVE-15")?;
    let used = json!({
        "usage_id": new_uuid(&day.clock), "material_id": material, "quantity": "1", "visit_id": leak.visit,
    });
    phone.does("material.use", leak.id, used).await?;
    let after = day.photos.take(PhotoKind::After)?;
    phone.shoots(leak.id, &leak.visit, "after", after).await?;
    let done_at = day.at(18, 44)?;
    day.wait_until(18, 44)?;
    phone.does("ticket.complete", leak.id, json!({})).await?;
    day.tell(plumber, Some(&leak.ticket), "без сети: материал, снимок «после», работы выполнены");
    let phone = phone.restart().await?;
    let report = phone.sync().await?;
    let waits = report.waiting.mutations;
    if report.is_clean() || waits != 5 {
        return Err(unexpected(format!("there is no network, and {waits} of 5 acts wait")));
    }
    day.tell(plumber, None, format!("телефон перезапущен: действий в очереди {waits}, ничего не потеряно"));

    day.wait_until(18, 52)?;
    let why = json!({ "reason": "Дворник сообщил, что запах прошёл после проветривания." });
    day.moves(&desk, &smell.ticket, "cancel", &why, "отменяет заявку, техник об этом не знает").await?;
    day.wait_until(19, 4)?;
    phone.does("visit.start", smell.id, json!({ "visit_id": smell.visit })).await?;
    day.wait_until(19, 22)?;
    phone.does("ticket.complete", smell.id, json!({ "reason": "Заменён затвор ревизии." })).await?;
    day.tell(plumber, Some(&smell.ticket), "без сети: работает по отменённой заявке");
    Ok((phone, done_at))
}

/// The network is back; the first answer is lost, and the same again does nothing twice.
async fn delivered(day: &mut Day<'_>, plumber: &Person, phone: &Phone) -> Result<()> {
    day.wait_until(19, 40)?;
    phone.cover(true);
    phone.swallow();
    if phone.sync().await?.is_clean() {
        return Err(unexpected("an answer was lost, and the phone has not noticed"));
    }
    day.tell(plumber, None, "сеть вернулась, но ответ на первую отправку потерян");
    wire(day, phone);
    let pushed = clean(phone.sync().await?)?.pushed;
    if (pushed.applied + pushed.merged, pushed.held, pushed.replayed) != (5, 2, 7) {
        return Err(unexpected(format!("what was done offline came to {pushed:?}")));
    }
    let what = "отправляет то же ещё раз: принято 5, на решение диспетчеру 2, дважды не сделано ничего";
    day.tell(plumber, None, what);
    wire(day, phone);
    Ok(())
}

/// The desk sees what was done and what had changed, and decides; the phone learns it.
async fn decided(day: &mut Day<'_>, plumber: &Person, phone: &Phone) -> Result<()> {
    let desk = day.desk.clone();
    day.wait_until(19, 50)?;
    let inbox = desk.get("/v1/reviews?state=open").await?.ok(200)?;
    let review = inbox.text("/items/0/id")?.to_owned();
    let details = desk.get(&format!("/v1/reviews/{review}")).await?.ok(200)?;
    if !details.list("/meanwhile")?.iter().any(|event| event["act"] == "ticket.cancel") {
        return Err(details.instead_of("the cancelling, of which the phone could not know"));
    }
    let decision = json!({ "decision": "attach", "word": "Заявка была отменена; работа приложена к ней." });
    desk.post(&format!("/v1/reviews/{review}/decide"), &decision)
        .await?
        .ok(200)?
        .with("/review/state", "attached")?;
    day.tell(
        &desk,
        None,
        "видит, что изменилось без ведома техника, и решает: прикладывает работу к отменённой заявке",
    );
    clean(phone.sync().await?)?;
    let outcomes = phone.outcomes().await?;
    if outcomes.is_empty() || outcomes.iter().any(|state| state != "attached") {
        return Err(unexpected(format!("the phone has learned {outcomes:?}")));
    }
    day.tell(plumber, None, "телефон узнаёт решение");
    wire(day, phone);
    Ok(())
}

/// Nothing waits, nothing is lost, nothing is counted twice, and the times are the true ones.
async fn added_up(
    day: &mut Day<'_>,
    plumber: &Person,
    phone: &Phone,
    leak: &Job,
    done_at: DateTime<Utc>,
) -> Result<()> {
    let answers = phone.answers().await?;
    let shown = day.desk.get(&format!("/v1/tickets/{}", leak.ticket.id)).await?.ok(200)?;
    let shown = shown.with("/status", "completed")?;
    let completed: DateTime<Utc> = shown.text("/completed_at")?.parse().map_err(Error::internal)?;
    if (completed - done_at).abs() > TOLERANCE {
        return Err(unexpected(format!("done at {done_at}, told as {completed}")));
    }
    let received = |photo: &&Value| photo["state"] == "received";
    let (photos, materials) = (shown.list("/photos")?, shown.list("/materials")?);
    if photos.iter().filter(received).count() != 2 || materials.len() != 1 {
        return Err(shown.instead_of("two photos and one material"));
    }
    let what = format!(
        "сошлось: действий {}, ответов {}, снимков 2, материал учтён один раз, выполнено в {} по верным часам",
        answers.len(),
        answers.len(),
        clock_time(shown.text("/completed_at")?),
    );
    day.tell(plumber, Some(&leak.ticket), what);
    Ok(())
}

/// A round in which everything was done, and what is held is what the server says.
fn clean(report: SyncReport) -> Result<SyncReport> {
    if report.is_clean() && !report.mismatch && report.waiting.is_nothing() {
        return Ok(report);
    }
    Err(unexpected(format!("the phone could not finish: {report:?}")))
}

/// What went over the wire.
fn wire(day: &mut Day<'_>, phone: &Phone) {
    for line in phone.heard() {
        day.timeline.more(line);
    }
}
