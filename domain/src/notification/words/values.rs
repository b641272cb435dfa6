//! The values of the variables, from a ticket.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::{id::VisitId, people::locale::Locale, text::when, ticket::TicketDocument, visit::Window};

/// What a ticket gives to the variables; the visit is the one that is spoken of, or the last that is open.
pub(in crate::notification) fn of_ticket(
    ticket: &TicketDocument,
    visit: Option<VisitId>,
    locale: Locale,
) -> BTreeMap<String, String> {
    let zone: Tz = ticket.zone.parse().unwrap_or(Tz::UTC);
    let visit = ticket
        .visits
        .iter()
        .find(|one| Some(one.id) == visit)
        .or_else(|| ticket.visits.iter().rev().find(|one| one.status.is_open()));
    let (time, workers) = match visit {
        Some(visit) => {
            let time = match visit.window {
                Window::Promised { start, end } | Window::Wished { start, end } => {
                    span(start, end, zone, locale)
                }
                Window::None => moment(visit.planned_start, zone, locale),
            };
            let workers: Vec<&str> = visit.crew.iter().map(|member| member.full_name.as_str()).collect();
            (time, workers.join(", "))
        }
        None => (String::new(), String::new()),
    };
    let address = match &ticket.premises_number {
        Some(number) => format!("{}, {number}", ticket.address),
        None => ticket.address.clone(),
    };
    let access = ticket
        .access_notice
        .as_ref()
        .filter(|notice| visit.is_some_and(|visit| visit.id == notice.visit_id))
        .map(|notice| match locale {
            Locale::Ru => format!("{}, основание: {}", notice.address, trimmed(&notice.reason)),
            Locale::En => format!("{}, reason: {}", notice.address, ticket.request_type.name_en),
        });
    let work = match locale {
        Locale::Ru => &ticket.request_type.name_ru,
        Locale::En => &ticket.request_type.name_en,
    };
    let pairs = [
        ("number", ticket.number.clone()),
        ("work", work.clone()),
        ("address", address),
        ("term", ticket.planned_term.map(|term| moment(term, zone, locale)).unwrap_or_default()),
        ("measures", ticket.measures.as_deref().map(trimmed).unwrap_or_default().to_owned()),
        ("when", time),
        ("workers", workers),
        ("access", access.unwrap_or_default()),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Without the full stop that the sentence around it has.
fn trimmed(text: &str) -> &str {
    text.trim().trim_end_matches('.')
}

fn moment(at: DateTime<Utc>, zone: Tz, locale: Locale) -> String {
    match locale {
        Locale::Ru => when::moment(at, zone),
        Locale::En => at.with_timezone(&zone).format("%-d %B, %H:%M").to_string(),
    }
}

fn span(start: DateTime<Utc>, end: DateTime<Utc>, zone: Tz, locale: Locale) -> String {
    match locale {
        Locale::Ru => when::span(start, end, zone),
        Locale::En => {
            let (start, end) = (start.with_timezone(&zone), end.with_timezone(&zone));
            let same = start.date_naive() == end.date_naive();
            let until = if same { end.format("%H:%M") } else { end.format("%-d %B, %H:%M") };
            format!("{} to {until}", start.format("%-d %B, %H:%M"))
        }
    }
}
