//! Searches the times at which a ticket can be booked.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    board::{Board, Pick},
    judge::settings,
    list::{Ask, Found},
    need::{Need, need},
    words::{self, SlotReason},
};
use crate::{
    Code, Error, Result, Scope, Time,
    auth::Role,
    calendar::Span,
    db::Reader,
    handover,
    id::{TechnicianId, TicketId},
    people::{Settings, locale::Locale},
    ticket::{self, CREW_LIMIT, CrewMember},
    visit::Window,
};

/// The most times of one answer.
const LIMIT: u32 = 50;

/// What is searched.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchSlots {
    /// The ticket.
    pub ticket_id: TicketId,
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
    /// How many times at most, 1 to 50; ten if left out.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 50)]
    pub limit: Option<u32>,
    /// The language of the answer; that of the request if left out.
    #[serde(default)]
    pub locale: Option<Locale>,
}

/// A time that can be booked.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SlotDocument {
    /// The crew, lead first: as `hold` and `plan` take it.
    pub technicians: Vec<TechnicianId>,
    /// The same with names.
    pub crew: Vec<CrewMember>,
    /// Begin of the work.
    pub start: DateTime<Utc>,
    /// End of the work.
    pub end: DateTime<Utc>,
    /// What the resident is promised.
    pub window: Window,
    /// The work ends within the term of the ticket.
    pub in_term: bool,
    /// By how many seconds it ends after the term.
    pub late_by_s: i64,
    /// Why it stands where it does.
    pub reasons: Vec<SlotReason>,
    /// The sentence to read to the resident.
    pub say: String,
}

/// The times found, best first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SlotsFound {
    /// The ticket.
    pub ticket_id: TicketId,
    /// The term that the times are held against.
    pub term: Option<DateTime<Utc>>,
    /// IANA zone of the building.
    pub zone: String,
    /// The times, best first.
    pub slots: Vec<SlotDocument>,
    /// The sentence to read to the resident.
    pub say: String,
}

/// Passes the desk of the organization that executes the ticket, and says what it needs.
pub(crate) async fn need_of(reader: &Reader<'_>, scope: &Scope, ticket: TicketId) -> Result<Need> {
    let row = ticket::find(reader, scope, ticket).await?;
    scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
    handover::require_accepted(reader, scope, &row).await?;
    let need = need(reader, ticket).await?;
    if need.staff != scope.organization() {
        return Err(Error::new(
            Code::Forbidden,
            "only the dispatchers of the executing organization book its staff",
        ));
    }
    Ok(need)
}

/// Searches.
///
/// # Errors
/// `not_found` for a ticket out of sight, `forbidden` for all but the desk that books, `invalid_field` for a range that
/// is none or lies beyond the horizon.
pub async fn search(
    reader: &Reader<'_>,
    scope: &Scope,
    now: Time,
    args: &SearchSlots,
    locale: Locale,
) -> Result<SlotsFound> {
    let need = need_of(reader, scope, args.ticket_id).await?;
    let settings = settings(reader, &need).await?;
    let ask = args.ask(now, &need, &settings)?;
    let board = board(reader, now, &need, settings, args.technicians.as_deref(), ask.range).await?;
    let locale = args.locale.unwrap_or(locale);
    let slots: Vec<SlotDocument> =
        board.list(&need, &ask).iter().map(|found| board.show(&need, found, locale)).collect();
    let say = match slots.first() {
        Some(best) => best.say.clone(),
        None => words::nothing(locale, ask.range.end, need.zone),
    };
    Ok(SlotsFound { ticket_id: need.ticket, term: need.term, zone: need.zone.to_string(), slots, say })
}

/// The staff that can be asked, with their time in the range.
pub(crate) async fn board(
    reader: &Reader<'_>,
    now: Time,
    need: &Need,
    settings: Settings,
    technicians: Option<&[TechnicianId]>,
    range: Span,
) -> Result<Board> {
    // The neighbours of the first and of the last time lie in the range as well.
    let range = Span { start: range.start - TimeDelta::hours(12), end: range.end + TimeDelta::hours(12) };
    let mut board = Board::read(reader, now, need.staff, settings, Pick::Eligible(need), range).await?;
    if let Some(wanted) = technicians {
        board.people.retain(|id, _| wanted.contains(id));
    }
    Ok(board)
}

impl SearchSlots {
    pub(crate) fn ask(&self, now: Time, need: &Need, settings: &Settings) -> Result<Ask> {
        let crew = self.crew.unwrap_or(1);
        if let Some(technicians) = &self.technicians {
            // A filter, not a crew: but as long as none can be.
            if technicians.is_empty() || technicians.len() > 200 {
                return Err(Error::field("technicians", "must be 1 to 200"));
            }
        }
        if crew == 0 || usize::from(crew) > CREW_LIMIT {
            return Err(Error::field("crew", format!("must be from 1 to {CREW_LIMIT}")));
        }
        let limit = self.limit.unwrap_or(10);
        if limit == 0 || limit > LIMIT {
            return Err(Error::field("limit", format!("must be from 1 to {LIMIT}")));
        }
        let duration = match self.duration_minutes {
            Some(minutes) if !(5..=1440).contains(&minutes) => {
                return Err(Error::field("duration_minutes", "must be from 5 to 1440"));
            }
            Some(minutes) => TimeDelta::minutes(minutes.into()),
            None => need.duration,
        };
        let horizon = now + TimeDelta::days(settings.slot_horizon_days.into());
        let start = self.from.unwrap_or(now).max(now);
        let end = self.to.unwrap_or(horizon);
        if start > horizon {
            return Err(Error::field("from", "is beyond the horizon of booking").with("horizon", horizon));
        }
        if end > horizon {
            return Err(Error::field("to", "is beyond the horizon of booking").with("horizon", horizon));
        }
        if start >= end {
            return Err(Error::field("to", "must be in the future and after from"));
        }
        // Asked for by name, somebody is shown with all his times.
        let per_day = if self.technicians.is_some() { usize::MAX } else { 3 };
        Ok(Ask { range: Span { start, end }, duration, crew: crew.into(), limit: limit as usize, per_day })
    }
}

impl Board {
    /// What a resident is promised for work that begins then.
    pub(crate) fn promise(&self, span: Span) -> Window {
        let length = TimeDelta::minutes(self.settings.promised_window_minutes.into());
        Window::Promised { start: span.start, end: (span.start + length).max(span.end) }
    }

    /// A time as its reader sees it.
    pub(crate) fn show(&self, need: &Need, found: &Found, locale: Locale) -> SlotDocument {
        let window = self.promise(found.span);
        let told = match window {
            Window::Promised { start, end } => Span { start, end },
            _ => found.span,
        };
        let crew: Vec<CrewMember> = found
            .crew
            .iter()
            .enumerate()
            .map(|(index, id)| CrewMember {
                technician_id: *id,
                full_name: self.people.get(id).map(|person| person.name.clone()).unwrap_or_default(),
                lead: index == 0,
            })
            .collect();
        SlotDocument {
            technicians: found.crew.clone(),
            crew,
            start: found.span.start,
            end: found.span.end,
            window,
            in_term: found.late_by_s == 0,
            late_by_s: found.late_by_s,
            reasons: found.reasons.iter().map(|reason| reason.tell(locale, need.zone)).collect(),
            say: words::offer(locale, told, &self.names(&found.crew), need.term, need.zone),
        }
    }
}
