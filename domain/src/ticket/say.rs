//! The sentence the dispatcher reads to the resident: it stands in every answer about a ticket.

use chrono_tz::Tz;

use super::{
    Status,
    document::{AccessNotice, TicketDocument},
};
use crate::{
    text::when::{moment, span},
    visit::Window,
};

/// What to tell the applicant about the ticket as it stands: number, term, who comes and when, list of measures.
pub(super) fn about(ticket: &TicketDocument) -> String {
    let zone: Tz = ticket.zone.parse().unwrap_or(Tz::UTC);
    let number = &ticket.number;
    let mut sentences = vec![match ticket.status {
        Status::Registered => format!("Заявка № {number} зарегистрирована."),
        Status::Planned => format!("Заявка № {number} назначена."),
        Status::InProgress => format!("По заявке № {number} ведутся работы."),
        Status::OnHold => format!("Заявка № {number} отложена."),
        Status::Completed => format!("Работы по заявке № {number} выполнены."),
        Status::Closed => format!("Заявка № {number} закрыта."),
        Status::Cancelled => format!("Заявка № {number} отменена."),
    }];
    if ticket.status < Status::Completed {
        sentences.extend(visit(ticket, zone));
        sentences.extend(ticket.hold_until.map(|until| format!("Отложена до {}.", moment(until, zone))));
        sentences.extend(ticket.planned_term.map(|term| format!("Плановый срок: {}.", moment(term, zone))));
        sentences.extend(ticket.measures.as_ref().map(|measures| format!("Перечень работ: {measures}")));
    }
    sentences.join(" ")
}

fn visit(ticket: &TicketDocument, zone: Tz) -> Option<String> {
    let visit = ticket.visits.iter().rev().find(|visit| visit.status.is_open())?;
    let crew: Vec<&str> = visit.crew.iter().map(|member| member.full_name.as_str()).collect();
    let when = match visit.window {
        Window::Promised { start, end } | Window::Wished { start, end } => span(start, end, zone),
        Window::None => moment(visit.planned_start, zone),
    };
    let verb = if crew.len() > 1 { "Придут" } else { "Придёт" };
    Some(format!("{verb} {}, {when}.", crew.join(", ")))
}

/// The notice of the visit that comes next, where premises must be entered for it.
pub(super) fn access_notice(ticket: &TicketDocument) -> Option<AccessNotice> {
    let number = ticket.premises_number.as_ref()?;
    if ticket.status >= Status::Completed {
        return None;
    }
    let visit = ticket.visits.iter().rev().find(|visit| visit.status.is_open())?;
    let zone: Tz = ticket.zone.parse().unwrap_or(Tz::UTC);
    let (start, end) = match visit.window {
        Window::Promised { start, end } => (start, end),
        Window::Wished { .. } | Window::None => (visit.planned_start, visit.planned_end),
    };
    let workers: Vec<String> = visit.crew.iter().map(|member| member.full_name.clone()).collect();
    let address = format!("{}, {number}", ticket.address);
    let work = &ticket.request_type.name_ru;
    let reason = match &ticket.measures {
        Some(measures) => format!("{work}. {measures}"),
        None => work.clone(),
    };
    let text = format!(
        "{} по адресу {address} необходим доступ в помещение. Основание: заявка № {}, {reason}. Работы выполняют: {}.",
        capital(&span(start, end, zone)),
        ticket.number,
        workers.join(", ")
    );
    Some(AccessNotice { visit_id: visit.id, start, end, address, reason, workers, text })
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
