//! The resident's part of a visit: he confirms it, chooses another of the times that the house offers, or says that
//! nobody will be at home.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{EntityTrait as _, FromQueryResult};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Visit, VisitMove, VisitStatus, Window, check, row, save, ticket_of};
use crate::{
    Code, Error, Result, Scope, Time,
    alert::{self, NewAlert},
    calendar::Span,
    db::Reader,
    id::{CommentId, TicketId, VisitId},
    people::{locale::Locale, organization},
    slot::{self, SearchSlots, SlotDocument},
    text::Text,
    ticket::{
        Held,
        comment::{self, Audience, AuthorKind},
    },
    write::{Act, Tx},
};

/// How many times are offered at once.
const OFFERS: u32 = 12;

/// A time that a resident can choose: when the crew comes, not who.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct OfferedTime {
    /// To be named when it is chosen.
    pub start: DateTime<Utc>,
    /// What is promised.
    pub window: Window,
}

/// The times to choose from.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct OfferedTimes {
    /// The visit.
    pub visit_id: VisitId,
    /// IANA zone of the building.
    pub zone: String,
    /// The times, earliest first.
    pub times: Vec<OfferedTime>,
}

/// The times that the house offers for a visit of the resident's ticket.
///
/// # Errors
/// `not_found` for a visit out of sight, `forbidden` for staff, which searches by itself; `illegal_move` when it has
/// begun, or is too near, or was moved too often.
pub async fn offers(
    reader: &Reader<'_>,
    scope: &Scope,
    now: Time,
    id: VisitId,
    locale: Locale,
) -> Result<OfferedTimes> {
    let visit = seen(reader, scope, id).await?;
    movable(reader, now, &visit).await?;
    let found = search(reader, now, &visit, None, OFFERS, locale).await?;
    let mut times: Vec<OfferedTime> = Vec::with_capacity(found.slots.len());
    for SlotDocument { start, window, .. } in found.slots {
        if !times.iter().any(|time| time.start == start) {
            times.push(OfferedTime { start, window });
        }
    }
    times.sort_by_key(|time| time.start);
    Ok(OfferedTimes { visit_id: id, zone: found.zone, times })
}

/// The visit of a ticket that the resident sees.
async fn seen(reader: &Reader<'_>, scope: &Scope, id: VisitId) -> Result<row::Model> {
    if !scope.is_resident() {
        return Err(Error::new(Code::Forbidden, "residents choose among what is offered; the desk searches"));
    }
    ticket_of(reader, scope, id).await?;
    row::Entity::find_by_id(id).one(reader).await?.ok_or_else(|| Error::not_found("visit"))
}

/// What the house offers; it searches, not the resident.
async fn search(
    reader: &Reader<'_>,
    now: Time,
    visit: &row::Model,
    from: Option<Time>,
    limit: u32,
    locale: Locale,
) -> Result<slot::SlotsFound> {
    let args = SearchSlots {
        ticket_id: visit.ticket_id,
        from,
        to: None,
        duration_minutes: None,
        technicians: None,
        crew: None,
        limit: Some(limit),
        locale: None,
    };
    slot::search(reader, &Scope::system(visit.staff_organization_id), now, &args, locale).await
}

/// Passes visits that the resident may still move.
async fn movable(reader: &Reader<'_>, now: Time, visit: &row::Model) -> Result<()> {
    check(VisitMove::Move, visit.status)?;
    let refused = |why: &str| {
        Err(Error::new(Code::IllegalMove, why).with("status", visit.status).with("legal", Vec::<&str>::new()))
    };
    if visit.status != VisitStatus::Planned {
        return refused("the crew is on its way");
    }
    let settings = organization::settings_of(reader, visit.organization_id).await?;
    if now + TimeDelta::hours(settings.resident_move_hours.into()) > visit.planned_start {
        return refused("it is too late to choose another time; call the dispatcher");
    }
    #[derive(FromQueryResult)]
    struct Count {
        moves: i64,
    }
    let sql = "SELECT COUNT(*) AS moves FROM visit_reschedule WHERE ticket_id = $1 AND cause = 'resident'";
    let count = reader.one::<Count>(sql, [visit.ticket_id.0.into()]).await?;
    if count.is_some_and(|count| count.moves >= i64::from(settings.resident_moves)) {
        return refused("the time was chosen anew too often; call the dispatcher");
    }
    Ok(())
}

/// The time that the resident chooses.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChooseTime {
    /// `start` of an offered time.
    pub start: DateTime<Utc>,
}

/// Moves a visit to a time that the house offers.
#[derive(Clone, Copy, Debug)]
pub struct Choose {
    /// The visit.
    pub visit: VisitId,
    /// The time.
    pub args: ChooseTime,
}

impl Act for Choose {
    const NAME: &'static str = "visit.choose";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let scope = *tx.scope();
        let seen = seen(&tx.reader(), &scope, self.visit).await?;
        let start = self.args.start;
        let found = search(&tx.reader(), tx.now(), &seen, Some(start), OFFERS, Locale::Ru).await?;
        let gone = || Error::new(Code::SlotTaken, "this time is no longer offered");
        let offered = found.slots.into_iter().find(|slot| slot.start == start).ok_or_else(gone)?;
        let held = Held::take(tx, seen.ticket_id, &offered.technicians).await?;
        let visit: Visit = held.visit(self.visit)?.clone();
        movable(&tx.reader(), tx.now(), &visit.row).await?;
        let span = Span::parse("", offered.start, offered.end)?;
        let need = slot::need(&tx.reader(), held.ticket.id).await?;
        // Judged again under the locks: what was free a moment ago may be taken.
        let wanted = slot::Wanted { need: &need, crew: &offered.technicians, span, visit: Some(self.visit) };
        let admitted = slot::admit(tx, &[wanted], None).await?;
        let step = slot::Step {
            window: offered.window,
            override_reason: None,
            visit,
            crew: offered.technicians,
            span,
        };
        let event = slot::event_key(tx, slot::MoveCause::Resident);
        slot::reschedule(tx, &[&held], vec![step], admitted.way, slot::MoveCause::Resident, &event).await?;
        Ok(held.ticket.id)
    }
}

/// Confirms that somebody will be at home. Once more is the same.
#[derive(Clone, Copy, Debug)]
pub struct ConfirmTime {
    /// The visit.
    pub visit: VisitId,
}

impl Act for ConfirmTime {
    const NAME: &'static str = "visit.confirm";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let (held, visit) = hold(tx, self.visit).await?;
        if visit.row.confirmed_at.is_none() {
            let mut after = visit.row.clone();
            after.confirmed_at = Some(tx.at());
            save(tx, &visit.row, after).await?;
        }
        Ok(held.ticket.id)
    }
}

/// What the resident says.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NotAtHome {
    /// When it would suit, or whatever else he says.
    #[serde(default)]
    pub words: Option<Text<1000>>,
}

/// Nobody will be at home: the desk is alerted, and his words stand on the ticket. The visit stands until the desk, or he
/// himself, moves it.
#[derive(Clone, Debug)]
pub struct Absent {
    /// The visit.
    pub visit: VisitId,
    /// What he says.
    pub args: NotAtHome,
}

impl Act for Absent {
    const NAME: &'static str = "visit.absent";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let (held, visit) = hold(tx, self.visit).await?;
        self.not_too_often(tx, &held).await?;
        let said = self.args.words.as_ref().map_or("", Text::as_str);
        let body = format!("Меня не будет дома во время визита. {said}").trim().to_owned();
        tx.insert(&comment::Model {
            id: CommentId::new(tx.clock()),
            organization_id: held.ticket.organization_id,
            ticket_id: held.ticket.id,
            audience: Audience::Resident,
            author_kind: AuthorKind::Resident,
            author_id: tx.scope().actor_id(),
            author_name: held.ticket.applicant_name.clone().unwrap_or_default(),
            body,
            written_at: tx.at(),
        })
        .await?;
        if visit.row.confirmed_at.is_some() {
            let mut after = visit.row.clone();
            after.confirmed_at = None;
            save(tx, &visit.row, after).await?;
        }
        let organization = visit.row.staff_organization_id;
        let ticket = Some(held.ticket.id);
        alert::raise(tx, NewAlert { kind: "resident_absent", organization, executor: None, ticket }).await?;
        Ok(held.ticket.id)
    }
}

/// How often one person says so of one ticket.
const SAID_AT_MOST: i64 = 10;

impl Absent {
    /// A link in the wrong hands fills no desk with alerts.
    async fn not_too_often(&self, tx: &Tx, held: &Held) -> Result<()> {
        #[derive(FromQueryResult)]
        struct Count {
            said: i64,
        }
        let sql = "SELECT COUNT(*) AS said FROM ticket_comment WHERE ticket_id = $1 AND author_id = $2";
        let values = [held.ticket.id.0.into(), tx.scope().actor_id().into()];
        let count = tx.reader().one::<Count>(sql, values).await?;
        if count.is_none_or(|count| count.said < SAID_AT_MOST) {
            return Ok(());
        }
        Err(Error::new(Code::TooManyRequests, "it was said often enough; call the dispatcher")
            .with("retry_after", 3600))
    }
}

/// Takes hold of a visit of the resident's ticket that has not begun.
async fn hold(tx: &mut Tx, id: VisitId) -> Result<(Held, Visit)> {
    let scope = *tx.scope();
    let seen = seen(&tx.reader(), &scope, id).await?;
    let held = Held::take(tx, seen.ticket_id, &[]).await?;
    let visit = held.visit(id)?.clone();
    if matches!(visit.row.status, VisitStatus::Planned | VisitStatus::EnRoute) {
        return Ok((held, visit));
    }
    Err(Error::new(Code::IllegalMove, "the visit has begun or ended")
        .with("status", visit.row.status)
        .with("legal", Vec::<&str>::new()))
}
