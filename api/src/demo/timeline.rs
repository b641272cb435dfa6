//! The timeline: what happened, by the local clock, in the words of the business.

use std::fmt::Write;

use chrono::{DateTime, Datelike, Timelike, Utc, Weekday};
use chrono_tz::Tz;

use super::names::short;

const MONTHS: [&str; 12] = [
    "января",
    "февраля",
    "марта",
    "апреля",
    "мая",
    "июня",
    "июля",
    "августа",
    "сентября",
    "октября",
    "ноября",
    "декабря",
];

/// What happened, in order.
#[derive(Debug)]
pub(super) struct Timeline {
    zone: Tz,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    at: DateTime<Utc>,
    who: String,
    number: String,
    what: String,
    more: Vec<String>,
}

impl Timeline {
    /// An empty one, told by the clock of `zone`.
    pub(super) fn new(zone: Tz) -> Self {
        Self { zone, entries: Vec::new() }
    }

    /// Somebody did something. `number` is of the ticket, empty where there is none.
    pub(super) fn tell(
        &mut self,
        at: DateTime<Utc>,
        who: (&str, &str),
        number: &str,
        what: impl Into<String>,
    ) {
        let who = if who.0.is_empty() { who.1.to_owned() } else { format!("{}, {}", short(who.0), who.1) };
        let (number, what) = (number.to_owned(), what.into());
        self.entries.push(Entry { at, who, number, what, more: Vec::new() });
    }

    /// What came of the last.
    pub(super) fn more(&mut self, line: impl Into<String>) {
        if let Some(last) = self.entries.last_mut() {
            last.more.push(line.into());
        }
    }

    /// The whole, to be read.
    pub(super) fn render(&self) -> String {
        let mut text = String::new();
        let mut day = None;
        for entry in &self.entries {
            let local = entry.at.with_timezone(&self.zone);
            if day.replace(local.date_naive()) != Some(local.date_naive()) {
                let weekday = weekday(local.weekday());
                let month = MONTHS[local.month0() as usize];
                let _ = writeln!(text, "\n{weekday}, {} {month} {}", local.day(), local.year());
            }
            let (hour, minute) = (local.hour(), local.minute());
            let _ =
                writeln!(text, "  {hour:02}:{minute:02}  {:<12} {}: {}", entry.number, entry.who, entry.what);
            for line in &entry.more {
                let _ = writeln!(text, "{:22}{line}", "");
            }
        }
        text
    }
}

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Mon => "Понедельник",
        Weekday::Tue => "Вторник",
        Weekday::Wed => "Среда",
        Weekday::Thu => "Четверг",
        Weekday::Fri => "Пятница",
        Weekday::Sat => "Суббота",
        Weekday::Sun => "Воскресенье",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_day_has_its_heading_and_each_line_its_local_time() {
        let mut timeline = Timeline::new(Tz::Europe__Moscow);
        timeline.tell(
            "2026-02-26T05:12:00Z".parse().unwrap(),
            ("Белова Анна Павловна", "житель"),
            "2026-000001",
            "пишет",
        );
        timeline.more("«Заявка зарегистрирована.»");
        timeline.tell("2026-02-26T21:30:00Z".parse().unwrap(), ("", "служба"), "", "ждёт");
        assert_eq!(
            timeline.render(),
            "\nЧетверг, 26 февраля 2026\n  08:12  2026-000001  Белова А. П., житель: пишет\n                      \
             «Заявка зарегистрирована.»\n\nПятница, 27 февраля 2026\n  00:30               служба: ждёт\n"
        );
    }
}
