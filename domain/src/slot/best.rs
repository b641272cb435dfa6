//! Books the best time in one call.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    judge::settings,
    search::{SearchSlots, board, need_of},
};
use crate::{
    Code, Error, Result,
    id::{TechnicianId, TicketId, VisitId},
    ticket::{Booking, Held, Move, moves, require_staff_side, settle},
    write::{Act, Tx},
};

/// How many of the best times are tried before the search begins again.
const TRIED: u32 = 8;

/// Among which times the best is chosen.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FindBest {
    /// Not before; now if left out.
    #[serde(default)]
    pub from: Option<DateTime<Utc>>,
    /// The work ends by then; the horizon of the organization if left out.
    #[serde(default)]
    pub to: Option<DateTime<Utc>>,
    /// How long the work takes; as the kind of work says if left out.
    #[serde(default)]
    #[schema(minimum = 5, maximum = 1440)]
    pub duration_minutes: Option<u16>,
    /// Only these; everybody who has the trade and serves the building if left out.
    #[serde(default)]
    pub technicians: Option<Vec<TechnicianId>>,
    /// How many come; one if left out.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 10)]
    pub crew: Option<u8>,
}

/// Books the best time for a ticket.
#[derive(Clone, Debug)]
pub struct AssignBest {
    /// The ticket.
    pub ticket: TicketId,
    /// Among which times.
    pub args: FindBest,
}

impl Act for AssignBest {
    const NAME: &'static str = "ticket.assign_best";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let args = SearchSlots {
            ticket_id: self.ticket,
            from: self.args.from,
            to: self.args.to,
            duration_minutes: self.args.duration_minutes,
            technicians: self.args.technicians.clone(),
            crew: self.args.crew,
            limit: Some(TRIED),
            locale: None,
        };
        let need = need_of(&tx.reader(), tx.scope(), self.ticket).await?;
        let settings = settings(&tx.reader(), &need).await?;
        let mut ask = args.ask(tx.now(), &need, &settings)?;
        let wanted = args.technicians.as_deref();
        let free = board(&tx.reader(), tx.now(), &need, settings.clone(), wanted, ask.range).await?;
        let tried: Vec<TechnicianId> =
            free.list(&need, &ask).into_iter().flat_map(|found| found.crew).collect();
        if tried.is_empty() {
            return Err(Error::new(Code::SlotUnavailable, "there is no free time")
                .with(
                    "reasons",
                    [serde_json::json!({ "code": "nothing_free", "text": "свободного времени нет" })],
                )
                .with("until", ask.range.end));
        }
        // What was found without locks is looked up once more among those whose calendars are locked now.
        let held = Held::take(tx, self.ticket, &tried).await?;
        moves::check(Move::Plan, held.ticket.status, tx.scope())?;
        require_staff_side(tx, held.ticket.staff_organization())?;
        let free = board(&tx.reader(), tx.now(), &need, settings, Some(&tried), ask.range).await?;
        ask.limit = 1;
        let Some(best) = free.list(&need, &ask).pop() else {
            return Err(Error::restart("the best times were taken while their calendars were being locked"));
        };
        let window = free.promise(best.span);
        let booking = Booking { technicians: best.crew, span: best.span, window };
        let id = VisitId::new(tx.clock());
        settle(tx, &held, id, &booking, free.way(), None).await?;
        Ok(self.ticket)
    }
}
