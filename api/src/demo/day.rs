//! The day: its hours, its people and its tickets.

mod basement;
mod calls;
mod contractor;
mod door;
mod evening;
mod leak;

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeZone, Utc};
use naryad_domain::{Clock, Result, catalogue::PhotoKind, clock::ManualClock};
use serde_json::{Value, json};

use super::{
    ZONE,
    person::{Person, Wire},
    photos::Photos,
    reply::{Reply, unexpected},
    timeline::Timeline,
    upload::{self, Shot},
    world::World,
};

/// A moment by the company's clock.
pub(super) fn local(date: NaiveDate, hour: u32, minute: u32) -> Result<DateTime<Utc>> {
    let moment =
        date.and_hms_opt(hour, minute, 0).and_then(|time| ZONE.from_local_datetime(&time).earliest());
    moment
        .map(|time| time.with_timezone(&Utc))
        .ok_or_else(|| unexpected(format!("{date} has no {hour}:{minute}")))
}

/// The day as it goes on.
pub(super) struct Day<'a> {
    world: &'a World,
    wire: Arc<Wire>,
    clock: ManualClock,
    photos: Photos,
    timeline: Timeline,
    date: NaiveDate,
    /// The real present, after the day.
    now: DateTime<Utc>,
    /// The dispatcher on duty.
    desk: Person,
    tickets: Vec<Ticket>,
}

/// A ticket of the day.
#[derive(Clone, Debug)]
struct Ticket {
    id: String,
    number: String,
    house: usize,
}

impl Day<'_> {
    /// Lives it, with a shift `offline` if that is wished, and tells how it went.
    pub(super) async fn live(
        world: &World,
        wire: Arc<Wire>,
        photos: Photos,
        (date, now): (NaiveDate, DateTime<Utc>),
        offline: bool,
    ) -> Result<String> {
        let clock = wire.clock.clone();
        clock.set(local(date, 7, 58)?);
        let desk = Person::staff(&wire, world.colleague("dispatcher")?).await?;
        let (timeline, tickets) = (Timeline::new(ZONE), Vec::new());
        let mut day = Day { world, wire, clock, photos, timeline, date, now, desk, tickets };
        day.tell(&day.desk.clone(), None, "принимает смену");

        let leak = Box::pin(leak::registered(&mut day)).await?;
        Box::pin(leak.localized(&mut day)).await?;
        let meter = Box::pin(calls::meter(&mut day)).await?;
        Box::pin(leak.mended(&mut day)).await?;
        let lift = Box::pin(contractor::passed_on(&mut day)).await?;
        let light = Box::pin(calls::light(&mut day)).await?;
        Box::pin(lift.mended(&mut day)).await?;
        Box::pin(leak.returned_and_accepted(&mut day)).await?;
        Box::pin(door::closed(&mut day)).await?;
        Box::pin(calls::intercom(&mut day)).await?;
        Box::pin(meter.read(&mut day)).await?;
        if offline {
            Box::pin(basement::worked(&mut day)).await?;
        }
        Box::pin(evening::three_days_later(&mut day, &[lift.ticket, light, meter.ticket])).await?;
        Box::pin(evening::today(&mut day)).await?;
        let summary = Box::pin(evening::summary(&mut day)).await?;
        Ok(format!("{}\n{}\n{summary}", world.in_words(), day.timeline.render()))
    }

    /// A moment of the day.
    fn at(&self, hour: u32, minute: u32) -> Result<DateTime<Utc>> {
        local(self.date, hour, minute)
    }

    /// The clock goes on to a moment of the day; never back.
    fn wait_until(&self, hour: u32, minute: u32) -> Result<()> {
        self.clock.set(self.at(hour, minute)?.max(self.clock.now()));
        Ok(())
    }

    fn tell(&mut self, who: &Person, ticket: Option<&Ticket>, what: impl Into<String>) {
        let number = ticket.map_or("", |ticket| ticket.number.as_str());
        self.timeline.tell(self.clock.now(), (&who.name, who.post), number, what);
    }

    /// The sentence that is read to the resident.
    fn say(&mut self, reply: &Reply) -> Result<()> {
        let sentence = reply.text("/say")?;
        self.timeline.more(format!("говорим: «{sentence}»"));
        Ok(())
    }

    /// Somebody registers a ticket.
    async fn register(
        &mut self,
        who: &Person,
        house: usize,
        body: &Value,
        what: &str,
    ) -> Result<(Ticket, Reply)> {
        let reply = who.post("/v1/tickets", body).await?.ok(201)?;
        let (id, number) = (reply.text("/id")?.to_owned(), reply.text("/number")?.to_owned());
        let ticket = Ticket { id, number, house };
        self.tickets.push(ticket.clone());
        self.tell(who, Some(&ticket), what);
        Ok((ticket, reply))
    }

    /// Somebody makes a move of a ticket.
    async fn moves(
        &mut self,
        who: &Person,
        ticket: &Ticket,
        step: &str,
        body: &Value,
        what: impl Into<String>,
    ) -> Result<Reply> {
        let path = format!("/v1/tickets/{}/{step}", ticket.id);
        let reply = if body.is_null() { who.press(&path).await? } else { who.post(&path, body).await? };
        let reply = reply.ok(200)?;
        self.tell(who, Some(ticket), what);
        Ok(reply)
    }

    /// Somebody makes a move of a visit.
    async fn visits(
        &mut self,
        who: &Person,
        (ticket, visit): (&Ticket, &str),
        step: &str,
        body: &Value,
        what: impl Into<String>,
    ) -> Result<Reply> {
        let reply = who.post(&format!("/v1/visits/{visit}/{step}"), body).await?.ok(200)?;
        self.tell(who, Some(ticket), what);
        Ok(reply)
    }

    /// The crew of these logins at this time, for a plan.
    fn crew(&self, logins: &[&str], from: (u32, u32), to: (u32, u32)) -> Result<Value> {
        let ids: Result<Vec<_>> = logins.iter().map(|login| Ok(self.world.colleague(login)?.id)).collect();
        Ok(json!({ "technicians": ids?, "start": self.at(from.0, from.1)?, "end": self.at(to.0, to.1)? }))
    }

    /// A photo is taken and sent. Where the connection `breaks`, it is taken up again.
    async fn photo(
        &mut self,
        who: &Person,
        (ticket, visit): (&Ticket, &str),
        kind: PhotoKind,
        breaks: bool,
    ) -> Result<()> {
        let picture = self.photos.take(kind)?;
        let house = &self.world.company.houses[ticket.house];
        let shot = Shot { ticket: &ticket.id, visit, kind, house, breaks };
        let arrived = upload::send(who, shot, &picture).await?;
        self.tell(who, Some(ticket), format!("фото «{}»: {}", kind.label_ru(), arrived.in_words()));
        Ok(())
    }
}

/// The visit of a ticket that is to come or under way.
fn open_visit(reply: &Reply) -> Result<String> {
    let open = |visit: &&Value| matches!(visit["status"].as_str(), Some("planned" | "en_route" | "started"));
    let visit = reply.list("/visits")?.iter().find(open).and_then(|visit| visit["id"].as_str());
    visit.map(str::to_owned).ok_or_else(|| unexpected("the ticket has no open visit"))
}

/// «12:30» by the company's clock, out of an instant of an answer.
fn clock_time(instant: &str) -> String {
    let moment = instant.parse::<DateTime<Utc>>();
    moment.map_or_else(|_| instant.to_owned(), |at| at.with_timezone(&ZONE).format("%H:%M").to_string())
}
