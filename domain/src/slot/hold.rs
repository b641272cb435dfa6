//! A time kept for a dispatcher who has the resident on the phone: one holder, a few minutes, extended once.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    judge::{Wanted, admit},
    search::need_of,
    words,
};
use crate::{
    Code, Error, Result, Time,
    calendar::{self, Span},
    db::Reader,
    id::{TechnicianId, TicketId, VisitId, new_uuid},
    people::{self, locale::Locale, organization},
    ticket::{Booking, Move, find, moves},
    visit::Window,
    write::{Act, Tx},
};

/// The row of a hold.
#[derive(Clone, Debug, FromQueryResult)]
pub(crate) struct Row {
    id: Uuid,
    ticket_id: TicketId,
    technicians: serde_json::Value,
    planned_start: Time,
    planned_end: Time,
    promise: serde_json::Value,
    state: String,
    hold_until: Time,
    extended: bool,
}

impl Row {
    /// The kept time.
    pub(crate) fn span(&self) -> Span {
        Span { start: self.planned_start, end: self.planned_end }
    }

    /// The crew, lead first.
    pub(crate) fn crew(&self) -> Result<Vec<TechnicianId>> {
        serde_json::from_value(self.technicians.clone())
            .map_err(|fault| Error::internal(format!("slot_hold {}, column technicians: {fault}", self.id)))
    }

    /// What the resident is promised if it is booked.
    pub(crate) fn promise(&self) -> Result<Window> {
        serde_json::from_value(self.promise.clone())
            .map_err(|fault| Error::internal(format!("slot_hold {}, column promise: {fault}", self.id)))
    }

    /// Passes what is kept still.
    fn check(&self, now: Time) -> Result<()> {
        match self.state.as_str() {
            "used" => Err(Error::new(Code::HoldUsed, Code::HoldUsed.title())),
            "held" if now < self.hold_until => Ok(()),
            _ => Err(expired()),
        }
    }
}

fn expired() -> Error {
    Error::new(Code::HoldExpired, Code::HoldExpired.title())
}

/// The hold of the one who acts; another's does not exist for him.
async fn own(reader: &Reader<'_>, holder: Uuid, token: Uuid) -> Result<Row> {
    let sql =
        "SELECT id, ticket_id, technicians, planned_start, planned_end, promise, state, hold_until, extended
               FROM slot_hold WHERE id = $1 AND held_by = $2";
    let found = reader.one::<Row>(sql, [token.into(), holder.into()]).await?;
    found.ok_or_else(|| Error::not_found("hold"))
}

/// The hold of the one who acts, for this ticket, before anything is locked.
///
/// # Errors
/// `not_found` for another's, `hold_used`, `hold_expired`.
pub(crate) async fn mine(tx: &Tx, token: Uuid, ticket: TicketId) -> Result<Row> {
    let row = own(&tx.reader(), tx.scope().actor_id(), token).await?;
    if row.ticket_id != ticket {
        return Err(Error::field("hold_token", "keeps a time for another ticket"));
    }
    row.check(tx.now())?;
    Ok(row)
}

/// Confirms a hold under the lock of its calendars: a compare-and-set on the token, its term and its state; the entries
/// it kept must all stand. Its time is free then, for the booking that follows in the same transaction.
///
/// # Errors
/// As [`mine`].
pub(crate) async fn confirm(tx: &mut Tx, token: Uuid, crew: usize, visit: VisitId) -> Result<()> {
    let set = tx
        .execute(
            "UPDATE slot_hold SET state = 'used', visit_id = $2
             WHERE id = $1 AND state = 'held' AND hold_until > $3",
            [token.into(), visit.0.into(), tx.now().into()],
        )
        .await?;
    if set.rows_affected() != 1 {
        let row = own(&tx.reader(), tx.scope().actor_id(), token).await?;
        row.check(tx.now())?;
        return Err(Error::restart("the hold changed while it was being confirmed"));
    }
    // An absence has taken the time of one of them.
    if calendar::let_go(tx, token).await? != crew {
        return Err(expired());
    }
    Ok(())
}

/// Which time is kept.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldSlot {
    /// For which ticket.
    pub ticket_id: TicketId,
    /// The crew, lead first; 1 to 10.
    pub technicians: Vec<TechnicianId>,
    /// Begin of the work, whole seconds.
    pub start: DateTime<Utc>,
    /// End of the work.
    pub end: DateTime<Utc>,
    /// What the resident is to be promised; the planned time as it is if left out.
    #[serde(default)]
    pub window: Option<Window>,
}

/// A kept time.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HoldDocument {
    /// `plan` takes it instead of a crew and a time.
    pub hold_token: Uuid,
    /// For which ticket.
    pub ticket_id: TicketId,
    /// The crew, lead first.
    pub technicians: Vec<TechnicianId>,
    /// Begin of the work.
    pub start: DateTime<Utc>,
    /// End of the work.
    pub end: DateTime<Utc>,
    /// What the resident is to be promised.
    pub window: Window,
    /// Until when it is kept.
    pub hold_until: DateTime<Utc>,
    /// It was extended; it will not be again.
    pub extended: bool,
    /// The sentence to read to the resident.
    pub say: String,
}

/// Keeps a time.
#[derive(Clone, Debug)]
pub struct Keep {
    /// Which.
    pub args: HoldSlot,
    /// The language of the answer.
    pub locale: Locale,
}

impl Act for Keep {
    const NAME: &'static str = "slot.hold";
    type Out = HoldDocument;

    async fn run(&self, tx: &mut Tx) -> Result<HoldDocument> {
        let args = &self.args;
        let need = need_of(&tx.reader(), tx.scope(), args.ticket_id).await?;
        let ticket = find(&tx.reader(), tx.scope(), args.ticket_id).await?;
        moves::check(Move::Plan, ticket.status, tx.scope())?;
        let booking = Booking::parse(&args.technicians, args.start, args.end, args.window)?;
        booking.check(tx, need.staff).await?;
        tx.lock_calendars(booking.technicians.iter().copied()).await?;
        let wanted = Wanted { need: &need, crew: &booking.technicians, span: booking.span, visit: None };
        let admitted = admit(tx, &[wanted], None).await?;
        let token = new_uuid(tx.clock());
        let settings = organization::settings_of(&tx.reader(), need.staff).await?;
        let until = tx.now() + TimeDelta::seconds(settings.hold_seconds.into());
        tx.execute(
            "INSERT INTO slot_hold (id, organization_id, ticket_id, held_by, technicians, planned_start, planned_end,
                                    promise, state, hold_until, extended, visit_id, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'held', $9, $10, NULL, $11)",
            [
                token.into(),
                need.staff.0.into(),
                need.ticket.0.into(),
                tx.scope().actor_id().into(),
                json(&booking.technicians)?.into(),
                booking.span.start.into(),
                booking.span.end.into(),
                json(&booking.window)?.into(),
                until.into(),
                false.into(),
                tx.now().into(),
            ],
        )
        .await?;
        let crew = &booking.technicians;
        calendar::keep(tx, need.staff, crew, booking.span, admitted.way, (token, until)).await?;
        show(tx, token, self.locale).await
    }
}

fn json<T: Serialize>(value: &T) -> Result<serde_json::Value> {
    serde_json::to_value(value).map_err(Error::internal)
}

async fn show(tx: &Tx, token: Uuid, locale: Locale) -> Result<HoldDocument> {
    let row = own(&tx.reader(), tx.scope().actor_id(), token).await?;
    let need = super::need(&tx.reader(), row.ticket_id).await?;
    let (technicians, window) = (row.crew()?, row.promise()?);
    let told = match window {
        Window::Promised { start, end } | Window::Wished { start, end } => Span { start, end },
        Window::None => row.span(),
    };
    let mut names = Vec::with_capacity(technicians.len());
    for technician in &technicians {
        names.push(people::user::name_of(&tx.reader(), crate::id::UserId(technician.0)).await?);
    }
    Ok(HoldDocument {
        hold_token: token,
        ticket_id: row.ticket_id,
        technicians,
        start: row.planned_start,
        end: row.planned_end,
        window,
        hold_until: row.hold_until,
        extended: row.extended,
        say: words::kept(locale, told, &names, row.hold_until, need.zone),
    })
}

/// Which hold.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldToken {
    /// The token.
    pub hold_token: Uuid,
}

/// Keeps a kept time for as long again, once.
#[derive(Clone, Copy, Debug)]
pub struct Extend {
    /// Which.
    pub args: HoldToken,
    /// The language of the answer.
    pub locale: Locale,
}

impl Act for Extend {
    const NAME: &'static str = "slot.extend";
    type Out = HoldDocument;

    async fn run(&self, tx: &mut Tx) -> Result<HoldDocument> {
        let token = self.args.hold_token;
        let row = take(tx, token).await?;
        row.check(tx.now())?;
        if row.extended {
            return Err(Error::new(Code::HoldUsed, "a kept time is extended once"));
        }
        let need = super::need(&tx.reader(), row.ticket_id).await?;
        let settings = organization::settings_of(&tx.reader(), need.staff).await?;
        let until = row.hold_until + TimeDelta::seconds(settings.hold_seconds.into());
        if calendar::prolong(tx, token, until).await? != row.crew()?.len() {
            return Err(expired());
        }
        tx.execute(
            "UPDATE slot_hold SET hold_until = $2, extended = $3 WHERE id = $1",
            [token.into(), until.into(), true.into()],
        )
        .await?;
        show(tx, token, self.locale).await
    }
}

/// Gives a kept time back. What is given back already, or has run out, stays so.
#[derive(Clone, Copy, Debug)]
pub struct Release {
    /// Which.
    pub args: HoldToken,
}

impl Act for Release {
    const NAME: &'static str = "slot.release";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let token = self.args.hold_token;
        let row = take(tx, token).await?;
        if row.state == "used" {
            return Err(Error::new(Code::HoldUsed, Code::HoldUsed.title()));
        }
        calendar::let_go(tx, token).await?;
        tx.execute("UPDATE slot_hold SET state = 'released' WHERE id = $1", [token.into()]).await?;
        Ok(())
    }
}

/// Locks the calendars of a hold and reads it. A dispatcher who may book no more may still not find it.
async fn take(tx: &mut Tx, token: Uuid) -> Result<Row> {
    use crate::auth::Role;
    let holder = tx.scope().actor_id();
    tx.scope().require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
    let row = own(&tx.reader(), holder, token).await?;
    tx.lock_calendars(row.crew()?).await?;
    own(&tx.reader(), holder, token).await
}
