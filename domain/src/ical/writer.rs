//! Writes iCalendar (RFC 5545). Times stand in UTC: an instant needs no VTIMEZONE, which would say yesterday's law of
//! the zone tomorrow, and every calendar shows it by its own clock.

use std::fmt::Write;

use crate::Time;

/// A booking in a calendar.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) uid: String,
    pub(super) sequence: i64,
    pub(super) stamp: Time,
    pub(super) start: Time,
    pub(super) end: Time,
    pub(super) summary: String,
    pub(super) location: String,
    pub(super) description: Option<String>,
    pub(super) cancelled: bool,
}

/// The most octets of a line, its end not counted (section 3.1).
const LINE: usize = 75;

/// A calendar with these events.
pub(super) fn calendar(name: &str, events: &[Event]) -> String {
    let mut out = String::new();
    for fixed in ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Naryad//Naryad//RU", "CALSCALE:GREGORIAN"] {
        line(&mut out, fixed);
    }
    line(&mut out, "METHOD:PUBLISH");
    text(&mut out, "NAME", name);
    text(&mut out, "X-WR-CALNAME", name);
    // RFC 7986, section 5.7; the second is what older calendars read.
    line(&mut out, "REFRESH-INTERVAL;VALUE=DURATION:PT15M");
    line(&mut out, "X-PUBLISHED-TTL:PT15M");
    for event in events {
        line(&mut out, "BEGIN:VEVENT");
        text(&mut out, "UID", &event.uid);
        line(&mut out, &format!("SEQUENCE:{}", event.sequence));
        for (property, at) in [
            ("DTSTAMP", event.stamp),
            ("LAST-MODIFIED", event.stamp),
            ("DTSTART", event.start),
            ("DTEND", event.end),
        ] {
            line(&mut out, &format!("{property}:{}", at.format("%Y%m%dT%H%M%SZ")));
        }
        text(&mut out, "SUMMARY", &event.summary);
        text(&mut out, "LOCATION", &event.location);
        if let Some(description) = &event.description {
            text(&mut out, "DESCRIPTION", description);
        }
        line(&mut out, if event.cancelled { "STATUS:CANCELLED" } else { "STATUS:CONFIRMED" });
        line(&mut out, if event.cancelled { "TRANSP:TRANSPARENT" } else { "TRANSP:OPAQUE" });
        line(&mut out, "END:VEVENT");
    }
    line(&mut out, "END:VCALENDAR");
    out
}

/// A property whose value is text (section 3.3.11). Control characters have no place in it.
fn text(out: &mut String, property: &str, value: &str) {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '\\' | ';' | ',' => {
                escaped.push('\\');
                escaped.push(character);
            }
            '\n' => escaped.push_str("\\n"),
            c if c.is_control() && c != '\t' => {}
            c => escaped.push(c),
        }
    }
    line(out, &format!("{property}:{escaped}"));
}

/// A line, folded between characters: a Cyrillic letter has two octets and is never cut.
fn line(out: &mut String, content: &str) {
    let mut octets = 0;
    for character in content.chars() {
        if octets + character.len_utf8() > LINE {
            out.push_str("\r\n ");
            octets = 1;
        }
        octets += character.len_utf8();
        // Writing to a string does not fail.
        let _ = out.write_char(character);
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use icalendar::{Calendar, CalendarDateTime, Component, DatePerhapsTime, EventStatus};
    use proptest::prelude::*;

    use super::*;

    fn event(summary: &str, location: &str) -> Event {
        Event {
            uid: "visit-1@naryad".to_owned(),
            sequence: 3,
            stamp: "2026-03-02T06:00:00Z".parse().unwrap(),
            start: "2026-03-29T00:30:00Z".parse().unwrap(),
            end: "2026-03-29T01:30:00Z".parse().unwrap(),
            summary: summary.to_owned(),
            location: location.to_owned(),
            description: None,
            cancelled: false,
        }
    }

    /// Read by a parser that nobody here wrote.
    fn read(text: &str) -> icalendar::Event {
        let calendar: Calendar = text.parse().unwrap();
        calendar.components.first().and_then(|component| component.as_event()).cloned().unwrap()
    }

    #[test]
    fn another_parser_reads_what_was_written() {
        let mut cancelled = event("2026-000001: Протечка; кран, «Щит»", "Петропавловск-Камчатский");
        cancelled.cancelled = true;
        let seen = read(&calendar("Наряды: Сидорова Анна", &[cancelled]));
        assert_eq!(seen.get_summary(), Some("2026-000001: Протечка; кран, «Щит»"));
        assert_eq!(seen.get_status(), Some(EventStatus::Cancelled));
        assert_eq!(seen.get_sequence(), Some(3));
        let start = DatePerhapsTime::DateTime(CalendarDateTime::Utc("2026-03-29T00:30:00Z".parse().unwrap()));
        assert_eq!(seen.get_start(), Some(start));
    }

    proptest! {
        #[test]
        fn lines_are_short_and_no_character_is_cut(
            summary in "[а-яёА-Я ;,\\\\\"«»№🏠a-z:\n]{0,200}", location in "[а-я ]{0,120}",
        ) {
            let written = calendar("Наряды", &[event(&summary, &location)]);
            prop_assert!(written.ends_with("\r\n"));
            for line in written.split("\r\n") {
                prop_assert!(line.len() <= LINE, "{} octets: {line}", line.len());
                prop_assert!(!line.contains('\n'));
            }
            // Unfolded and unescaped it says what was said.
            let unfolded = written.replace("\r\n ", "");
            let line = unfolded.lines().find(|line| line.starts_with("SUMMARY:")).unwrap();
            let mut said = String::new();
            let mut rest = line["SUMMARY:".len()..].chars();
            while let Some(c) = rest.next() {
                match c {
                    '\\' => said.push(match rest.next().unwrap() { 'n' => '\n', other => other }),
                    c => said.push(c),
                }
            }
            prop_assert_eq!(said, summary);
        }
    }
}
