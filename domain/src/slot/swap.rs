//! Two visits exchange their times, their crews, or both.

use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    judge::{Wanted, admit},
    need::needs,
    reschedule::{MoveCause, Step, event_key, reschedule, window_after},
};
use crate::{
    Code, Error, Result,
    auth::Role,
    calendar::Span,
    id::{TicketId, VisitId},
    text::Text,
    ticket::{Held, require_staff_side, require_technicians},
    visit::{self, Visit, VisitMove, Window, ticket_of},
    write::{Act, Tx},
};

/// What two visits exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SwapWhat {
    /// When they begin; each keeps its length and its crew.
    Times,
    /// Who comes.
    Technicians,
    /// Both.
    #[default]
    Both,
}

/// With which visit, and what.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SwapVisits {
    /// The other visit.
    pub with: VisitId,
    /// What they exchange; both if left out.
    #[serde(default)]
    pub what: SwapWhat,
    /// The version of this visit that the dispatcher has seen.
    #[serde(default)]
    pub version: Option<i64>,
    /// The version of the other.
    #[serde(default)]
    pub with_version: Option<i64>,
    /// Why the dispatcher books against a shift, a trade, an area or the reserve: it stands in the journal.
    #[serde(default)]
    pub override_reason: Option<Text<2000>>,
}

/// Exchanges.
#[derive(Clone, Debug)]
pub struct Swap {
    /// The one visit.
    pub visit: VisitId,
    /// The other, and what.
    pub args: SwapVisits,
}

impl Act for Swap {
    const NAME: &'static str = "visit.swap";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let scope = *tx.scope();
        let first = ticket_of(&tx.reader(), &scope, self.visit).await?;
        let second = ticket_of(&tx.reader(), &scope, self.args.with).await?;
        scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
        if self.visit == self.args.with {
            return Err(Error::field("with", "is the visit itself"));
        }
        let mut tickets = vec![first];
        if second != first {
            tickets.push(second);
        }
        let held = Held::take_all(tx, &tickets, &[]).await?;
        let find = |id: VisitId| held.iter().find_map(|held| held.visit(id).ok());
        let missing = || Error::not_found("visit");
        let one = find(self.visit).ok_or_else(missing)?.clone();
        let other = find(self.args.with).ok_or_else(missing)?.clone();
        for (visit, seen) in [(&one, self.args.version), (&other, self.args.with_version)] {
            require_staff_side(tx, visit.row.staff_organization_id)?;
            visit::check(VisitMove::Move, visit.row.status)?;
            if seen.is_some_and(|seen| seen != visit.row.version) {
                return Err(Error::new(Code::VersionStale, Code::VersionStale.title()));
            }
            require_technicians(tx, visit.row.staff_organization_id, &visit.technicians()).await?;
        }
        let needs = needs(&tx.reader(), &tickets).await?;
        let need = |ticket: TicketId| needs.get(&ticket).ok_or_else(|| Error::not_found("ticket"));
        let (goes, comes) = (self.taking(&one, &other), self.taking(&other, &one));
        for place in [&goes, &comes] {
            if place.1.end <= tx.now() {
                return Err(Error::field("with", "a time that would be exchanged is in the past"));
            }
        }
        let wanted = [
            Wanted { need: need(first)?, crew: &goes.0, span: goes.1, visit: Some(one.row.id) },
            Wanted { need: need(second)?, crew: &comes.0, span: comes.1, visit: Some(other.row.id) },
        ];
        let reason = self.args.override_reason.as_deref();
        let admitted = admit(tx, &wanted, reason).await?;
        let reason = reason.filter(|_| admitted.overridden).map(str::to_owned);
        let step = |visit: Visit, place: (Vec<_>, Span), window: Window| -> Result<Step> {
            let window = match self.args.what {
                SwapWhat::Technicians => visit.row.window()?,
                _ => window_after(&visit, place.1, window)?,
            };
            Ok(Step { visit, crew: place.0, span: place.1, window, override_reason: reason.clone() })
        };
        let there = promised(&other)?.unwrap_or_else(|| exact(goes.1));
        let here = promised(&one)?.unwrap_or_else(|| exact(comes.1));
        let steps = vec![step(one, goes, there)?, step(other, comes, here)?];
        let event = event_key(tx, MoveCause::Swap);
        let held: Vec<&Held> = held.iter().collect();
        reschedule(tx, &held, steps, admitted.way, MoveCause::Swap, &event).await?;
        Ok(first)
    }
}

impl Swap {
    /// Where a visit goes that takes from another.
    fn taking(&self, visit: &Visit, from: &Visit) -> (Vec<crate::id::TechnicianId>, Span) {
        let length = visit.row.planned_end - visit.row.planned_start;
        let span = match self.args.what {
            SwapWhat::Technicians => Span { start: visit.row.planned_start, end: visit.row.planned_end },
            _ => Span { start: from.row.planned_start, end: from.row.planned_start + length },
        };
        let crew = match self.args.what {
            SwapWhat::Times => visit.technicians(),
            _ => from.technicians(),
        };
        (crew, span)
    }
}

/// The promise that goes with a visit's time.
fn promised(visit: &Visit) -> Result<Option<Window>> {
    let window = visit.row.window()?;
    Ok(matches!(window, Window::Promised { .. }).then_some(window))
}

fn exact(span: Span) -> Window {
    Window::Promised { start: span.start, end: span.end }
}
